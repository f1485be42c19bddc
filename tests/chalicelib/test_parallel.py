"""The threads that write side by side."""

import os
import time

import pytest

from chalicelib import parallel
from chalicelib.clients import WORKERS


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system tells of no cores")
def test_all_threads_share_one_core_and_leave_the_callers_alone() -> None:
    before = os.sched_getaffinity(0)

    def core(_: int) -> set[int]:
        time.sleep(0.01)
        return os.sched_getaffinity(0)

    cores = parallel.in_parallel(core, range(5 * WORKERS))

    assert len(cores[0]) == 1
    assert cores[0] <= before
    assert all(each == cores[0] for each in cores)
    assert os.sched_getaffinity(0) == before


def test_where_the_system_tells_of_no_cores_threads_run_anywhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(parallel, "_workers", parallel._workers.__wrapped__)

    assert parallel.in_parallel(str, range(100)) == [str(number) for number in range(100)]

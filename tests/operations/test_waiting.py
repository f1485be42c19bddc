"""Waiting for the pipeline on this machine: promptly, and without getting in its way."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from operations.aws.config import PROJECT
from operations.aws.session import AwsSession
from operations.aws.stage import Stage
from operations.local import waiting
from operations.local.waiting import Waiting
from tests.conftest import PATIENCE_SECONDS
from tests.operations.conftest import until

STUBBORN = """
import pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path("started").touch()
time.sleep(3600)
"""


NAMES = {
    "GAME_SCORE_RECORDS_TABLE": "records",
    "GAME_SCORES_BY_USER_TABLE": "totals",
    "GAME_SCORE_RECEIPTS_TABLE": "receipts",
}


@pytest.fixture
def unreached() -> Stage:
    """A stage that nothing is asked of."""
    return Stage("local", AwsSession("http://127.0.0.1:9", region_name="us-east-1"), NAMES)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were to be made."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    return pauses


def test_progress_never_goes_beyond_its_goal(
    unreached: Stage, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = iter([0, 90, 120])
    monkeypatch.setattr(waiting, "count_items", lambda *_: next(counts))
    reported: list[tuple[int, int]] = []

    Waiting(unreached, lambda _, now, goal: reported.append((now, goal))).until_stored(100)

    assert reported == [(0, 100), (90, 100), (100, 100)]


def test_the_longer_a_look_takes_the_longer_is_the_pause(
    unreached: Stage, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(1000))
    counts = iter([0, 100])
    monkeypatch.setattr(waiting, "count_items", lambda *_: next(counts))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))

    Waiting(unreached, lambda *_: None).until_stored(100)

    assert len(slept) == 1
    assert slept[0] >= 4


def test_a_server_that_ignores_a_polite_end_ends_at_once_too(tmp_path: Path) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    server = [sys.executable, "-c", STUBBORN]
    with subprocess.Popen(
        [sys.executable, "-m", "operations.local.supervisor", str(folder), *server],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
    ) as supervisor:
        until((folder / "started").exists, expected=True)
        supervisor.communicate(timeout=PATIENCE_SECONDS)

    assert not folder.exists()

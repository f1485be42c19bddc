"""Writes side by side: an invocation waits for the network most of its time."""

import os
import random
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

from chalicelib.clients import WORKERS

PATIENCE_SECONDS = 25
"""How long a failure lets the other calls go on. A call that fails takes some 23 seconds, so
the last one that begins before ends 48 seconds after the first, far within the time-out."""

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_parallel(function: Callable[[Task], Result], items: Iterable[Task]) -> list[Result]:
    """The function's results for all items, in their order.

    A call that fails ends its worker; the other workers go on with what is left, so one failure
    does not hold up the rest, and where all calls fail, few are tried. They are waited for, then a
    failure rises: nothing is left running into the next invocation. Only when that takes long are
    those left that have not begun, so that it rises before the function's time is over.
    """
    tasks = list(items)
    if len(tasks) == 1:
        return [function(tasks[0])]
    waiting = deque(enumerate(tasks))
    results: dict[int, Result] = {}
    failed = False
    patient_until = time.monotonic() + PATIENCE_SECONDS

    def work() -> None:
        nonlocal failed
        while not failed or time.monotonic() < patient_until:
            try:
                index, task = waiting.popleft()
            except IndexError:
                return
            try:
                results[index] = function(task)
            except BaseException:
                failed = True
                raise

    # One future a worker instead of one a task: each costs some 30 microseconds.
    workers = [_workers().submit(work) for _ in range(min(WORKERS, len(tasks)))]
    wait(workers)
    for worker in workers:
        worker.result()
    return [results[index] for index in range(len(tasks))]


@cache
def _workers() -> ThreadPoolExecutor:
    """The threads, all on one core: only one at a time has the interpreter.

    Each wait for the network hands the interpreter to another thread. Spread over two cores that
    costs a quarter of a request's CPU time (`python -m benchmarks aggregator`).
    """
    return ThreadPoolExecutor(WORKERS, "writer", _stay_on, (_any_core(),))


def _any_core() -> set[int]:
    """One of the cores that this process may use; none where the system does not tell."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return {random.choice(cores)} if cores else set()


def _stay_on(core: set[int]) -> None:
    if core:
        os.sched_setaffinity(
            0, core
        )  # 0: the thread that asks, https://man7.org/linux/man-pages/man2/sched_setaffinity.2.html

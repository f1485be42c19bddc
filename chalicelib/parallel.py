"""Writes side by side: an invocation waits for the network most of its time."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

from chalicelib.clients import WORKERS

PATIENCE_SECONDS = 25
"""After so long a failure is not waited out any more. A call that fails takes some 23 seconds, so
the last one that begins before ends 48 seconds after the first: within the timeout of 60."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """The function's results for all items, in their order.

    When calls fail, the others are waited for nevertheless, then the first failure rises: nothing
    is left running into the next invocation. Only when that takes long are those left that have
    not begun, so that the failure rises before the function's time is over.
    """
    tasks = list(items)
    if len(tasks) == 1:
        return [function(tasks[0])]
    futures = [_workers().submit(function, task) for task in tasks]
    wait(futures, timeout=PATIENCE_SECONDS)
    wait(futures, return_when=FIRST_EXCEPTION)
    begun = [future for future in futures if not future.cancel()]
    wait(begun)
    return [future.result() for future in begun]


@cache
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(WORKERS, thread_name_prefix="writer")

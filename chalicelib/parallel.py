"""Writes side by side: an invocation waits for the network most of its time."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

from chalicelib.clients import WORKERS

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """The function's results for all items, in their order.

    When calls fail, the others are waited for nevertheless, then the first failure rises: nothing
    is left running into the next invocation.
    """
    tasks = list(items)
    if len(tasks) == 1:
        return [function(tasks[0])]
    futures = [_workers().submit(function, task) for task in tasks]
    wait(futures)
    return [future.result() for future in futures]


@cache
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(WORKERS, thread_name_prefix="writer")

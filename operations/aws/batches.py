"""Batches that are full by number or by size, as requests and events take them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Batch(Generic[T]):
    """Takes one item after another, up to a number and a size."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._taken: list[T] = []
        self._count = self._bytes = 0

    def add(self, item: T, size_bytes: int, count: int = 1) -> list[T]:
        """Take the item. Returns the full batch that it no longer fits into, if there is one.

        One that is too large for any batch is a batch of its own.
        """
        is_full = self._count + count > self._most or self._bytes + size_bytes > self._most_bytes
        full = self.rest() if is_full else []
        self._taken.append(item)
        self._count += count
        self._bytes += size_bytes
        return full

    def rest(self) -> list[T]:
        """The batch that is not full yet, taken out."""
        taken, self._taken = self._taken, []
        self._count = self._bytes = 0
        return taken


def in_batches(
    items: Iterable[T], most: int, most_bytes: int, size_of: Callable[[T], int]
) -> Iterator[list[T]]:
    """The items in order, as many at a time as one batch holds."""
    batch = Batch[T](most, most_bytes)
    for item in items:
        if full := batch.add(item, size_of(item)):
            yield full
    if rest := batch.rest():
        yield rest

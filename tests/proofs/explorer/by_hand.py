"""What somebody may do by hand to a user's item and pages."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from tests.proofs.explorer.model import Rows

ADDED_BY_HAND = 7_000_000
TEXT = "by hand"


class ByHand(NamedTuple):
    """What was done by hand, as far as it decides what can happen next.

    `left` may still be done. `mended`: a repair that began after the last of it found nothing to do
    any more. `stale`: who is under way and began before. `shown`: the receipts of then, whose
    records every reader of the stream has seen since.
    """

    left: tuple[str, ...] = ()
    mended: bool = True
    stale: frozenset[int] = frozenset()
    shown: frozenset[bytes] = frozenset()

    def done(self, what: str, rows: Rows, under_way: frozenset[int]) -> "ByHand":
        """After that was done to the rows."""
        left = list(self.left)
        if what in left:
            left.remove(what)
        return ByHand(tuple(left), False, self.stale | under_way, self.shown | rows.standing)


def _with_score_changed(rows: Rows) -> Rows:
    if not isinstance(rows.score, int):
        return rows
    return rows._replace(score=rows.score + ADDED_BY_HAND)


def _with_a_page_damaged(rows: Rows, key: str | None) -> Rows:
    pages = ((each, TEXT if each == key else receipts) for each, receipts in rows.pages)
    return rows._replace(pages=tuple(pages))


def _without_the_page(rows: Rows, key: str | None) -> Rows:
    return rows._replace(pages=tuple(page for page in rows.pages if page[0] != key))


def _pages(rows: Rows) -> Iterator[str]:
    return (key for key, _ in rows.pages)


ITEM: Mapping[str, Callable[[Rows], Rows]] = {
    "the item is deleted": lambda rows: Rows(pages=rows.pages),
    "the score is changed": _with_score_changed,
    "the score is damaged": lambda rows: rows._replace(score=TEXT),
    "the score is removed": lambda rows: rows._replace(score=None),
    "the receipts are damaged": lambda rows: rows._replace(receipts=TEXT),
    "the receipts are removed": lambda rows: rows._replace(receipts=frozenset()),
    "LastPage is damaged": lambda rows: rows._replace(last_page=TEXT),
    "LastPage is removed": lambda rows: rows._replace(last_page=None),
}

DAMAGED_PAGES: Mapping[str, Callable[[Rows], Rows]] = {
    "the newest page is damaged": lambda rows: _with_a_page_damaged(
        rows, max(_pages(rows), default=None)
    ),
    "the oldest page is damaged": lambda rows: _with_a_page_damaged(
        rows, min(_pages(rows), default=None)
    ),
}

DELETED_PAGES: Mapping[str, Callable[[Rows], Rows]] = {
    "the newest page is deleted": lambda rows: _without_the_page(
        rows, max(_pages(rows), default=None)
    ),
    "the oldest page is deleted": lambda rows: _without_the_page(
        rows, min(_pages(rows), default=None)
    ),
}
"""Only before anybody is under way: who deletes a page by hand that an invocation has made and is
about to name, or looks for a receipt in, breaks the rule that a page stays."""

ACTIONS = {**ITEM, **DAMAGED_PAGES, **DELETED_PAGES}

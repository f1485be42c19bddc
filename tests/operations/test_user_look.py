"""What is read of a user, and what it comes to. The tables are a stub that notes its requests."""

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.receipts import make_receipt
from operations.totals.user_look import DamagedPage, Look, look_at

SECONDS = 1_700_000_000
RECENT = SECONDS + 100
OLD, WANTED, YOUNG, UNTIMED = (
    make_receipt(name, "1", at)
    for name, at in (("o", SECONDS), ("w", SECONDS + 50), ("y", RECENT), ("u", 0))
)


def page_key(at: int) -> str:
    return f"{SECONDS + at:010d}.00000000.0123456789abcdef"


class Tables:
    """Answers with these items, one after another, and with these pages, two an answer."""

    def __init__(self, *items: Any, pages: Any = ()) -> None:
        self.requests: list[Any] = []
        self._items = list(items)
        self._pages = dict(pages)

    def get_item(self, **request: Any) -> Any:
        self.requests.append(request)
        item = self._items.pop(0) if len(self._items) > 1 else self._items[0]
        return {"Item": {"Username": {"S": "Ann"}, **item}} if item else {}

    def get_paginator(self, _: str) -> "Tables":
        return self

    def paginate(self, **request: Any) -> Iterator[Any]:
        self.requests.append(request)
        after = request["ExpressionAttributeValues"][":page"]["S"]
        found = [
            {"Page": {"S": key}, "Receipts": receipts}
            for key, receipts in sorted(self._pages.items())
            if key > after
        ]
        for start in range(0, len(found), 2):
            yield {"Items": found[start : start + 2]}


def held(*receipts: bytes) -> Any:
    return {"BS": list(receipts)}


def item(last_page: str | None = None, receipts: Any = None, score: Any = None) -> Any:
    """An item of one point with these attributes."""
    return {
        "Score": score or {"N": "1"},
        **({"Receipts": receipts} if receipts else {}),
        **({"LastPage": {"S": last_page}} if last_page else {}),
    }


def look(tables: Tables, *wanted: bytes) -> Look:
    stub: Any = tables
    return look_at(stub, "Totals", "Receipts", "Ann", set(wanted), recent_seconds=RECENT)


def first_page(tables: Tables) -> str:
    page: str = tables.requests[1]["ExpressionAttributeValues"][":page"]["S"]
    return page


def test_item_and_pages_are_read_consistently_the_item_first() -> None:
    tables = Tables(item(page_key(60)))
    look(tables, WANTED)

    assert [(each["TableName"], each["ConsistentRead"]) for each in tables.requests] == [
        ("Totals", True),
        ("Receipts", True),
    ]


@pytest.mark.parametrize(
    ("wanted", "first"),
    [((), RECENT), ((WANTED,), SECONDS + 50), ((make_receipt("y", "2", RECENT + 9),), RECENT)],
)
def test_pages_are_read_from_the_oldest_receipt_that_matters(
    wanted: tuple[bytes, ...], first: int
) -> None:
    tables = Tables(item(page_key(60)))
    look(tables, *wanted)

    assert first_page(tables) == f"{first:010d}"


@pytest.mark.parametrize("found", [{}, item(), {**item(), "LastPage": {"S": "none"}}], ids=str)
def test_without_a_last_page_all_pages_are_read(found: Any) -> None:
    tables = Tables(found)
    look(tables, WANTED)

    assert first_page(tables) == "0000000000"


def test_receipts_are_kept_that_are_wanted_or_may_be_young_from_all_answers() -> None:
    pages = {
        page_key(at): held(OLD, each) for at, each in ((60, WANTED), (70, UNTIMED), (80, YOUNG))
    }
    found = look(Tables(item(page_key(80)), pages=pages), WANTED)

    assert found.archived == {WANTED, UNTIMED, YOUNG}
    assert not found.has_leftovers
    assert found.newest_page == page_key(80)


def test_what_is_only_in_pages_beyond_last_page_is_left_over() -> None:
    beyond = {page_key(70): held(WANTED)}

    assert look(Tables(item(page_key(60)), pages=beyond), WANTED).has_leftovers
    assert not look(Tables(item(page_key(60), held(WANTED)), pages=beyond), WANTED).has_leftovers
    reached = {page_key(55): held(WANTED), **beyond}
    assert not look(Tables(item(page_key(60)), pages=reached), WANTED).has_leftovers
    assert look(Tables({}, pages=beyond), WANTED).has_leftovers


def test_a_move_that_was_under_way_is_looked_at_again() -> None:
    moved = {page_key(70): held(WANTED)}
    tables = Tables(item(page_key(60)), item(page_key(70)), pages=moved)

    found = look(tables, WANTED)

    assert not found.has_leftovers
    assert found.found["LastPage"] == {"S": page_key(70)}


@pytest.mark.parametrize(("at", "is_left"), [(40, False), (55, False), (70, True)])
def test_a_damaged_page_that_an_addition_may_be_about_to_name_is_left_over(
    at: int, *, is_left: bool
) -> None:
    damaged = {page_key(at): {"S": "text"}}
    found = look(Tables(item(page_key(60)), pages=damaged), OLD)

    assert found.damaged_pages == (DamagedPage(page_key(at), {"S": "text"}),)
    assert found.has_leftovers == is_left
    assert found.newest_page == page_key(max(at, 60))


def test_a_page_whose_key_is_none_is_damaged_and_never_the_newest() -> None:
    found = look(Tables(item(page_key(60)), pages={"zzz": held(WANTED)}), WANTED)

    assert found.damaged_pages == (DamagedPage("zzz", held(WANTED)),)
    assert not found.archived
    assert not found.has_leftovers
    assert found.newest_page == page_key(60)


@pytest.mark.parametrize(
    ("found", "damage"),
    [
        ({}, ""),
        (item(page_key(60), held(WANTED)), ""),
        ({"LastPage": {"S": page_key(60)}}, "it has no Score"),
        (item(score={"S": "x"}), "its Score is of DynamoDB's type S"),
        (item(receipts={"S": "x"}), "its Receipts are of DynamoDB's type S, not a binary set"),
        (item("none"), "its LastPage is no page's key: {'S': 'none'}"),
    ],
    ids=str,
)
def test_what_is_damaged_on_the_item_is_told(found: Any, damage: str) -> None:
    assert look(Tables(found), WANTED).damage == damage

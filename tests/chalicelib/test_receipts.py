"""Receipts, and which of them move to which page."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.receipts import (
    first_page_of,
    make_receipt,
    plan_move,
    room_on_item,
    seconds_of,
)

receipts_sets = st.sets(
    st.builds(make_receipt, st.text(), st.text(), st.integers(0, 2**32 - 1) | st.integers(0, 3)),
    min_size=1,
    max_size=60,
)


def test_the_newest_second_stays_where_that_leaves_room() -> None:
    old, new = make_receipt("a", "1", 100), make_receipt("b", "1", 101)

    move = plan_move([old, new], None, wanted=1, room=2)

    assert (move.moved, move.kept) == (frozenset({old}), frozenset({new}))
    assert move.page.startswith("0000000100.00000000.")


def test_all_move_where_the_newest_second_alone_leaves_no_room() -> None:
    old, new = make_receipt("a", "1", 100), make_receipt("b", "1", 101)

    move = plan_move([old, new], None, wanted=2, room=2)

    assert (move.moved, move.kept) == (frozenset({old, new}), frozenset())


@given(receipts_sets, receipts_sets, st.integers(1, 90), st.integers(32, 60))
def test_pages_sort_in_the_order_of_making_and_after_what_they_hold(
    first: set[bytes], second: set[bytes], wanted: int, room: int
) -> None:
    one = plan_move(first, None, wanted, room)
    two = plan_move(second, one.page, wanted, room)

    assert one.page < two.page
    for move in (one, two):
        assert move.moved
        assert not move.kept or len(move.kept) + wanted <= room
        assert all(first_page_of(seconds_of(receipt)) < move.page for receipt in move.moved)


def test_a_page_of_other_receipts_never_has_the_same_key() -> None:
    one = plan_move([make_receipt("a", "1", 100)], None, 1, 1)
    other = plan_move([make_receipt("b", "1", 100)], None, 1, 1)

    assert one.page != other.page


def test_a_full_item_and_a_full_page_cost_one_write_unit() -> None:
    for username in ("a", "x" * 100, "é" * 150):
        size = room_on_item(username) * 17 + len(username.encode())
        names_and_values = 110  # the page has more: Username, Page, Receipts, ExpiresAt

        assert size + names_and_values <= 1024

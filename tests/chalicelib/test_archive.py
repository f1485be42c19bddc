"""The archive's pages: what is read of them, and what is kept of what was read."""

import pytest

from chalicelib.archive import Archive
from chalicelib.receipts import DamagedItem, Move, make_receipt
from tests.data_stack import DataStack
from tests.faults import record_calls


def receipts(count: int, second: int) -> list[bytes]:
    return [make_receipt(f"event {number}", f"at {second}", second) for number in range(count)]


def archive(data: DataStack, wanted: set[bytes]) -> Archive:
    return Archive(data.dynamodb, data.names.receipts_table, "Ann", wanted)


def page(second: int) -> str:
    return f"{second:010d}.00000000.{second:016x}"


def put_pages(data: DataStack, pages: dict[int, list[bytes]]) -> None:
    for second, held in pages.items():
        move = Move(page(second), frozenset(held), frozenset())
        archive(data, set(held)).put_page(move)


def test_of_the_pages_read_only_the_receipts_wanted_are_kept(data: DataStack) -> None:
    pages = {second: receipts(1000, second) for second in range(1, 6)}
    put_pages(data, pages)
    wanted = {pages[3][7], pages[5][0], make_receipt("not counted", "1", 2)}

    found = archive(data, wanted).look_up(page(5))

    assert found == {pages[3][7], pages[5][0]}


def test_what_was_read_is_not_read_again_unless_the_item_was_deleted_meanwhile(
    data: DataStack,
) -> None:
    first, second = receipts(2, 5)
    put_pages(data, {5: [first]})
    looked_through = archive(data, {first, second})
    calls = record_calls(data.dynamodb)

    assert looked_through.look_up(page(9)) == {first}
    looked_through.look_up(page(9))
    assert calls == ["Query"]
    put_pages(data, {6: [second]})
    assert looked_through.look_up(page(6)) == {first, second}


def test_a_page_without_a_binary_set_is_damage_and_not_an_empty_page(data: DataStack) -> None:
    data.dynamodb.put_item(
        TableName=data.names.receipts_table,
        Item={"Username": {"S": "Ann"}, "Page": {"S": page(5)}, "Receipts": {"S": "gone"}},
    )

    with pytest.raises(DamagedItem, match="type S"):
        archive(data, set(receipts(1, 5))).look_up(page(5))

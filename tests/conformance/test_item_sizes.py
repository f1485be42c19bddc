"""The judge of items takes what AWS's own DynamoDB takes, to the byte and to the level."""

from collections.abc import Iterator
from typing import Any

from chalicelib.items import LARGEST_ITEM_BYTES, LONGEST_NAME_BYTES, check_size, to_item
from chalicelib.scores import InvalidRecord
from tests.chalicelib.test_items import SIZES, nested

KEY: dict[str, Any] = {"Username": {"S": "A"}}


def dynamodb_takes(dynamodb: Any, item: dict[str, Any]) -> bool:
    try:
        dynamodb.put_item(TableName="GameScoresByUser", Item={**KEY, **item})
    except dynamodb.exceptions.ClientError:
        return False
    return True


def judge_takes(item: dict[str, Any]) -> bool:
    try:
        check_size({**KEY, **item})
    except InvalidRecord:
        return False
    return True


def items_at_the_limit() -> Iterator[dict[str, Any]]:
    """The largest item with each value, and one that is a byte larger."""
    for value, size_bytes in SIZES:
        room = LARGEST_ITEM_BYTES - len("UsernameA" + "ab") - size_bytes
        for beyond in (0, 1):
            yield {"a": value, "b": {"S": "x" * (room + beyond)}}


def test_an_item_is_too_large_from_the_same_byte_on(dynamodb: Any) -> None:
    items = list(items_at_the_limit())

    assert [judge_takes(item) for item in items] == [True, False] * len(SIZES)
    assert [dynamodb_takes(dynamodb, item) for item in items] == [True, False] * len(SIZES)


def test_what_the_judge_refuses_dynamodb_refuses(dynamodb: Any) -> None:
    name = "x" * LONGEST_NAME_BYTES
    taken: list[dict[str, Any]] = [
        to_item({"a": nested(31)}),
        to_item({name: None}),
        to_item({"a": {name: None}}),
    ]
    refused: list[dict[str, Any]] = [
        {"a": {"L": [to_item({"a": nested(31)})["a"]]}},
        {f"{name}x": {"NULL": True}},
        {"a": {"M": {f"{name}x": {"NULL": True}}}},
        {"": {"NULL": True}},
        {"a": {"M": {"": {"NULL": True}}}},
    ]

    assert all(dynamodb_takes(dynamodb, item) for item in taken)
    assert not any(dynamodb_takes(dynamodb, item) for item in refused)

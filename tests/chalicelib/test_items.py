"""Items as DynamoDB judges them: what it counts was asked of DynamoDB Local."""

from decimal import Decimal
from typing import Any

import pytest

from chalicelib.items import LARGEST_ITEM_BYTES, LONGEST_NAME_BYTES, check_size, to_item
from chalicelib.scores import InvalidRecord

SIZES: list[tuple[dict[str, Any], int]] = [
    ({"N": "5"}, 2),
    ({"N": "12"}, 2),
    ({"N": "123"}, 3),
    ({"N": "-5"}, 3),
    ({"N": "-12"}, 3),
    ({"N": "0"}, 1),
    ({"N": "1E+125"}, 2),
    ({"N": "0.5"}, 2),
    ({"N": "0.05"}, 2),
    ({"N": "1.5"}, 3),
    ({"N": "100"}, 2),
    ({"N": "1000.5"}, 4),
    ({"N": "1" * 38}, 20),
    ({"N": "-" + "1" * 37}, 21),
    ({"N": "1E-130"}, 2),
    ({"S": ""}, 0),
    ({"S": "é"}, 2),
    ({"BOOL": True}, 1),
    ({"NULL": True}, 1),
    ({"B": bytes(16)}, 16),
    ({"L": []}, 3),
    ({"M": {}}, 3),
    ({"L": [{"N": "5"}, {"N": "6"}]}, 9),
    ({"M": {"k": {"S": "v"}}}, 6),
    ({"L": [{"L": []}]}, 7),
]


@pytest.mark.parametrize(("value", "size_bytes"), SIZES)
def test_an_item_is_as_large_as_dynamodb_takes_or_refused(
    value: dict[str, Any], size_bytes: int
) -> None:
    room = LARGEST_ITEM_BYTES - len("ab") - size_bytes

    check_size({"a": value, "b": {"S": "x" * room}})
    with pytest.raises(InvalidRecord, match="409,601 bytes, at most 409,600"):
        check_size({"a": value, "b": {"S": "x" * (room + 1)}})


def nested(levels: int) -> Any:
    value: Any = Decimal(1)
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def test_attributes_are_nested_as_deeply_as_dynamodb_takes() -> None:
    assert to_item({"a": nested(31)})
    with pytest.raises(InvalidRecord, match="nested deeper than 31 levels"):
        to_item({"a": nested(32)})


@pytest.mark.parametrize("wrap", [lambda fields: fields, lambda fields: {"a": [fields]}])
def test_a_name_is_as_long_as_dynamodb_takes(wrap: Any) -> None:
    assert to_item(wrap({"x" * LONGEST_NAME_BYTES: None}))
    for name in ("", "x" * (LONGEST_NAME_BYTES + 1), "é" * 40_000):
        with pytest.raises(InvalidRecord, match="an attribute's name"):
            to_item(wrap({name: None}))

"""A record as the item that the table will hold, judged as DynamoDB itself would. Pure.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from chalicelib.documents import RepeatedKey
from chalicelib.scores import EXACT, InvalidRecord, check_number, check_text

DEEPEST_NESTING = 31
"""Lists and objects inside each other; what the last of them holds is the 32nd level."""

LONGEST_NAME_BYTES = 65_535
LARGEST_ITEM_BYTES = 400 * 1024

LONGEST_PATH = 200
"""Characters of the path to a value, for reasons."""


def to_item(fields: Mapping[str, object]) -> dict[str, Any]:
    """The fields in DynamoDB's attribute values; raises InvalidRecord where one has none."""
    return _to_map("", fields, depth=0)


def check_size(item: Mapping[str, Any]) -> None:
    """Raises InvalidRecord if the item is larger than DynamoDB takes."""
    size_bytes = sum(len(name.encode()) + _size_bytes(value) for name, value in item.items())
    if size_bytes > LARGEST_ITEM_BYTES:
        raise InvalidRecord(
            f"as an item it has {size_bytes:,} bytes, at most {LARGEST_ITEM_BYTES:,}"
        )


def _to_map(path: str, fields: Mapping[str, object], depth: int) -> dict[str, Any]:
    if isinstance(fields, RepeatedKey):
        raise InvalidRecord(f"{path}{fields.key} stands twice, and which one counts is left open")
    return {
        _check_name(name): _to_attribute_value(path + name, value, depth)
        for name, value in fields.items()
    }


def _to_attribute_value(path: str, value: object, depth: int) -> dict[str, Any]:
    if isinstance(value, str):
        return {"S": check_text(path, value)}
    if isinstance(value, Decimal):
        return {"N": str(check_number(path, value))}
    if isinstance(value, bool):
        return {"BOOL": value}
    if value is None:
        return {"NULL": True}
    if depth == DEEPEST_NESTING:
        raise InvalidRecord(f"an attribute is nested deeper than {DEEPEST_NESTING} levels")
    path = path[:LONGEST_PATH]
    if isinstance(value, dict):
        return {"M": _to_map(f"{path}.", value, depth + 1)}
    if isinstance(value, list):
        return {"L": [_to_attribute_value(f"{path}[]", each, depth + 1) for each in value]}
    raise TypeError(f"{path} is no JSON value")


def _check_name(name: str) -> str:
    if not name:
        raise InvalidRecord("an attribute's name is empty")
    check_text("an attribute's name", name)
    if len(name) * 4 > LONGEST_NAME_BYTES and len(name.encode()) > LONGEST_NAME_BYTES:
        raise InvalidRecord(f"an attribute's name has more than {LONGEST_NAME_BYTES:,} bytes")
    return name


def _size_bytes(value: Mapping[str, Any]) -> int:
    """As DynamoDB counts, which DynamoDB Local was asked for.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "B":
        return len(content)
    if kind == "N":
        return _size_of_number(Decimal(content))
    if kind == "L":
        return 3 + sum(1 + _size_bytes(each) for each in content)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _size_bytes(each) for name, each in content.items())
    return 1


def _size_of_number(number: Decimal) -> int:
    """A byte for two digits, which are counted from the point on, one more, and one for a minus."""
    _, digits, exponent = number.normalize(EXACT).as_tuple()
    if not number or not isinstance(exponent, int):
        return 1
    return 1 + (len(digits) + exponent % 2 + 1) // 2 + number.is_signed()

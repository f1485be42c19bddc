"""What verbs print with --json."""

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import click

from chalicelib.scores import exact_sum


def print_json(fields: Mapping[str, Any], indent: int | None = None) -> None:
    """Print one object, on a line of its own unless it is indented.

    What JSON or UTF-8 cannot hold is told in a way that they can: a float that is no number as
    a text, half a character by its escape.
    """
    text = json.dumps(_in_json(fields), ensure_ascii=False, indent=indent, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(_in_json(fields), indent=indent, allow_nan=False)
    click.echo(text)


def _in_json(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _in_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_in_json(each) for each in value]
    return value


def total_fields(found: Decimal | None, expected: Decimal) -> dict[str, Any]:
    """A total and what it should be, as texts: JSON's readers would round numbers."""
    return {"total": None if found is None else str(found), "expected": str(expected)}


def difference_field(found: Decimal | None, expected: Decimal) -> str | None:
    """By how much the total is too large, as text; None where it is no number."""
    return None if found is None else str(exact_sum((found, expected.copy_negate())))

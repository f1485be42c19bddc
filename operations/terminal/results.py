"""What verbs print with --json."""

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import click

from chalicelib.scores import exact_sum
from operations.terminal.shown import steers


def print_json(fields: Mapping[str, Any], indent: int | None = None) -> None:
    """Print one object, on a line of its own unless it is indented.

    A float that is no number is told as a text; what could steer a terminal, and half a
    character, as JSON's escapes.
    """
    text = json.dumps(_in_json(fields), ensure_ascii=False, indent=indent, allow_nan=False)
    click.echo("\n".join(_escaped(line) for line in text.split("\n")))


def _escaped(line: str) -> str:
    return "".join(json.dumps(each)[1:-1] if steers(each) else each for each in line)


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

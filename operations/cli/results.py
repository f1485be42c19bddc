"""What verbs print with --json."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import click

from chalicelib.scores import exact_sum
from operations.cli.shown import steers


def print_json(fields: Mapping[str, Any]) -> None:
    """Print one object on a line of its own; what could steer a terminal as JSON's escapes."""
    text = json.dumps(fields, ensure_ascii=False)
    click.echo("".join(json.dumps(each)[1:-1] if steers(each) else each for each in text))


def total_fields(found: Decimal | None, expected: Decimal) -> dict[str, Any]:
    """A total and what it should be, as texts: JSON's readers would round numbers."""
    return {"total": None if found is None else str(found), "expected": str(expected)}


def difference_field(found: Decimal | None, expected: Decimal) -> str | None:
    """By how much the total is too large, as text; None where it is no number."""
    return None if found is None else str(exact_sum((found, expected.copy_negate())))

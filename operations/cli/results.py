"""What verbs print with --json."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import click


def print_json(fields: Mapping[str, Any]) -> None:
    """Print one object on a line of its own."""
    click.echo(json.dumps(fields, ensure_ascii=False))


def total_fields(found: Decimal | None, expected: Decimal) -> dict[str, Any]:
    """A total and what it should be, as texts: JSON's readers would round numbers."""
    return {"total": None if found is None else str(found), "expected": str(expected)}

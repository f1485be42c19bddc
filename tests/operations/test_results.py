"""What verbs print for a program is JSON, whatever it tells of."""

import json
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.__main__ import operations
from operations.terminal.results import print_json
from tests.builders import json_values


def printed(fields: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> Any:
    """What a strict reader makes of it."""
    print_json(fields)
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    line.encode()
    return json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_what_json_cannot_hold_is_told_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    found = printed({"a": [float("nan"), {"b": float("-inf")}], "c": (1, 2.5)}, capsys)

    assert found == {"a": ["nan", {"b": "-inf"}], "c": [1, 2.5]}


def test_names_stay_readable_and_half_a_character_is_escaped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_json({"name": "Zoë"})
    print_json({"name": "Zoë \ud83d"})

    assert capsys.readouterr().out == '{"name": "Zoë"}\n{"name": "Zoë \\ud83d"}\n'


@given(fields=st.dictionaries(st.text(), json_values))
def test_whatever_a_document_holds_is_printed_as_json(fields: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr("operations.terminal.results.click.echo", lines.append)
        print_json(fields)

    json.loads(lines[0], parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    lines[0].encode()


def test_no_verb_has_a_json_option_that_changes_nothing() -> None:
    events = operations.commands["events"]

    assert isinstance(events, click.Command)
    assert "--json" not in [name for option in events.params for name in option.opts]

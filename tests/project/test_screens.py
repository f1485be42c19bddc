"""The pictures of terminals show what a reader can type."""

import re
import shlex
from html import unescape
from pathlib import Path

import click
import pytest
from rich.table import Table

from docs.capture_screens import save
from operations.__main__ import operations
from operations.aws.config import PROJECT

SCREENS = sorted((PROJECT / "docs" / "screens").glob("*.svg"))


def lines(path: Path) -> list[str]:
    """The texts in the picture, with plain spaces."""
    texts = re.findall(r"<text [^>]*>([^<]*)</text>", path.read_text())
    return [unescape(each).replace("\xa0", " ").strip() for each in texts]


@pytest.mark.parametrize("path", SCREENS, ids=lambda path: path.stem)
def test_a_screen_shows_a_command_that_runs_when_typed(path: Path) -> None:
    (command,) = (each for each in lines(path) if each.startswith("$ "))

    _, python, _, module, verb, *arguments = shlex.split(command)
    assert (python, module) == ("python", "operations")
    with click.Context(operations) as context:
        assert operations.commands[verb].make_context(verb, arguments, parent=context)


def test_a_screen_shows_the_command_and_then_the_view(tmp_path: Path) -> None:
    table = Table("Player")
    table.add_row("Ada")

    shown = lines(save(table, "say Ada", 40, tmp_path / "ada.svg"))

    assert [each for each in shown if each.isascii() and each] == ["$ say Ada", "Player", "Ada"]

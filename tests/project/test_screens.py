"""The pictures of terminals show what a reader can type, with frames that are lines."""

import shlex
from pathlib import Path
from xml.etree import ElementTree as ET

import click
import pytest

from docs.terminal import FRAMES, draw
from operations.__main__ import operations
from operations.aws.config import PROJECT

SVG = "{http://www.w3.org/2000/svg}"
SCREENS = sorted((PROJECT / "docs" / "screens").glob("*.svg"))


@pytest.mark.parametrize("path", SCREENS, ids=lambda path: path.stem)
def test_a_screen_shows_a_command_that_runs_when_typed(path: Path) -> None:
    title = ET.fromstring(path.read_text()).findtext(f"{SVG}title")

    assert title
    python, _, module, verb, *arguments = shlex.split(title)
    assert (python, module) == ("python", "operations")
    with click.Context(operations) as context:
        assert operations.commands[verb].make_context(verb, arguments, parent=context)


@pytest.mark.parametrize("path", SCREENS, ids=lambda path: path.stem)
def test_a_screen_has_no_frames_of_letters(path: Path) -> None:
    texts = [each.text or "" for each in ET.fromstring(path.read_text()).iter(f"{SVG}text")]

    assert texts
    assert not set("".join(texts)) & FRAMES.keys()


def test_a_frame_is_drawn_as_lines_from_cell_to_cell() -> None:
    svg = ET.fromstring(draw("┌─┐\n│a│\n└─┘", "say a", 40))

    paths = [each.get("d") for each in svg.iter(f"{SVG}path")]
    assert len(paths) == 8
    assert [each.text for each in svg.iter(f"{SVG}text")] == ["$ say a", "a"]


def test_a_long_command_is_typed_over_two_lines() -> None:
    svg = ET.fromstring(draw("done", "python -m operations status --json", 24))

    texts = [each.text for each in svg.iter(f"{SVG}text")]
    assert texts == ["$ python -m operations \\", "status --json", "done"]

"""A terminal's screen as an SVG picture: frames are lines, so they are straight in every renderer.

rich's own export writes frames as letters of a font that a reader may not have.
"""

import re
import textwrap
from collections.abc import Iterator
from html import escape
from typing import NamedTuple

from rich.color import blend_rgb
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME as THEME
from rich.text import Text

CELL_WIDTH, LINE_HEIGHT, FONT_SIZE = 8.4, 20, 14
MARGIN, TITLE_HEIGHT = 14, 36
FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"

LEFT, RIGHT, UP, DOWN = (-1, 0), (1, 0), (0, -1), (0, 1)
FRAMES = {
    "─": (LEFT, RIGHT), "━": (LEFT, RIGHT), "│": (UP, DOWN), "┃": (UP, DOWN),
    "┌": (RIGHT, DOWN), "┐": (LEFT, DOWN), "└": (RIGHT, UP), "┘": (LEFT, UP),
    "├": (UP, DOWN, RIGHT), "┤": (UP, DOWN, LEFT), "┬": (LEFT, RIGHT, DOWN),
    "┴": (LEFT, RIGHT, UP), "┼": (LEFT, RIGHT, UP, DOWN),
    "┏": (RIGHT, DOWN), "┓": (LEFT, DOWN), "┡": (UP, DOWN, RIGHT), "┩": (UP, DOWN, LEFT),
    "┳": (LEFT, RIGHT, DOWN), "╇": (LEFT, RIGHT, UP, DOWN), "╷": (DOWN,), "╵": (UP,),
    "╶": (RIGHT,), "╴": (LEFT,),
}  # fmt: skip
"""What of each frame character is drawn, from the middle of its cell."""

HEAVY = "━┃┏┓┡┩┳╇"
_FRAME = "".join(FRAMES)
RUN = re.compile(rf"[{_FRAME}]|[^\s{_FRAME}]+(?: [^\s{_FRAME}]+)*")


class Run(NamedTuple):
    """Characters of one look that stand side by side."""

    column: int
    text: str
    style: Style


def draw(ansi: str, command: str, columns: int) -> str:
    """The SVG of what a terminal of so many columns shows after a command was typed there."""
    lines = [list(_runs(line)) for line in _lines(f"{prompt(command, columns)}\n{ansi}")]
    columns = max(run.column + len(run.text) for line in lines for run in line)
    width = round(columns * CELL_WIDTH + 2 * MARGIN)
    height = round(len(lines) * LINE_HEIGHT + TITLE_HEIGHT + MARGIN)
    drawn = "\n".join(
        element
        for number, line in enumerate(lines)
        for run in line
        for element in _draw_run(run, TITLE_HEIGHT + number * LINE_HEIGHT)
    )
    dots = "".join(
        f'<circle cx="{20 + 18 * number}" cy="18" r="6" fill="{colour}"/>'
        for number, colour in enumerate(("#ff5f57", "#febc2e", "#28c840"))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="{FONT}" font-size="{FONT_SIZE}">\n'
        f"<title>{escape(command)}</title>\n"
        f'<rect width="{width}" height="{height}" rx="8" fill="{THEME.background_color.hex}"/>\n'
        f"{dots}\n"
        f"{drawn}\n</svg>\n"
    )


def prompt(command: str, columns: int) -> str:
    """The command as it is typed, over as many lines as it takes."""
    lines = textwrap.wrap(
        f"$ {command}", columns - 2, break_long_words=False, break_on_hyphens=False
    )
    return " \\\n    ".join(lines)


def _lines(ansi: str) -> list[list[Segment]]:
    console = Console(width=500, color_system="truecolor", force_terminal=True)
    text = Text.from_ansi(ansi.strip("\n"))
    return [list(console.render(line, console.options)) for line in text.split("\n")]


def _runs(segments: list[Segment]) -> Iterator[Run]:
    """Each frame character, and each group of words between two of them or wide gaps."""
    column = 0
    for text, style, _ in segments:
        for found in RUN.finditer(text):
            yield Run(column + found.start(), found[0], style or Style())
        column += len(text.rstrip("\n"))


def _draw_run(run: Run, top: float) -> Iterator[str]:
    colour = _colour(run.style)
    left = MARGIN + run.column * CELL_WIDTH
    if run.text in FRAMES:
        x, y = left + CELL_WIDTH / 2, top + LINE_HEIGHT / 2
        path = "".join(
            f"M{x:g} {y:g}l{across * CELL_WIDTH / 2:g} {down * LINE_HEIGHT / 2:g}"
            for across, down in FRAMES[run.text]
        )
        width = 2 if run.text in HEAVY else 1
        yield f'<path d="{path}" stroke="{colour}" stroke-width="{width}"/>'
        return
    looks = ' font-weight="bold"' if run.style.bold else ""
    looks += ' font-style="italic"' if run.style.italic else ""
    length = len(run.text) * CELL_WIDTH
    yield (
        f'<text x="{left:g}" y="{top + 14.5:g}" fill="{colour}"{looks} textLength="{length:g}" '
        f'xml:space="preserve">{escape(run.text)}</text>'
    )


def _colour(style: Style) -> str:
    colour = style.color.get_truecolor(THEME) if style.color else THEME.foreground_color
    if style.dim:
        colour = blend_rgb(colour, THEME.background_color, 0.4)
    return colour.hex

"""Rows as tables for a person at a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from benchmarks.looks import OURS, title_of
from benchmarks.results import Row


@dataclass(frozen=True)
class Column:
    """A figure of the rows: its name there, its heading, its format and unit."""

    name: str
    heading: str
    form: str = ".2f"
    unit: str = ""

    def text(self, row: Row) -> str:
        """The row's figure; empty where it has none."""
        value = row.get(self.name)
        if value is None:
            return ""
        return title_of(value) if isinstance(value, str) else f"{value:{self.form}}{self.unit}"


def draw_table(
    title: str, rows: Sequence[Row], columns: Sequence[Column], groups: Sequence[str]
) -> Table:
    """A line a row; a rule wherever one of the columns named as groups changes."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        text = isinstance(rows[0].get(column.name), str)
        table.add_column(column.heading, justify="left" if text else "right")
    before: list[object] = []
    for row in rows:
        group = [row.get(name) for name in groups]
        if before and group != before:
            table.add_section()
        before = group
        style = "bold" if row.get("contender") == OURS else ""
        table.add_row(*(column.text(row) for column in columns), style=style)
    return table

"""Rows as tables: for a person at a terminal, and for a page."""

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


@dataclass(frozen=True)
class Report:
    """How a subject's rows are shown, with a rule wherever one of the groups' columns changes."""

    title: str
    columns: tuple[Column, ...]
    groups: tuple[str, ...] = ()

    def for_terminal(self, rows: Sequence[Row]) -> Table:
        """All columns, a line a row."""
        table = Table(title=self.title, title_justify="left")
        for column in self.columns:
            table.add_column(column.heading, justify="left" if _is_text(column, rows) else "right")
        before: list[object] = []
        for row in rows:
            group = [row.get(name) for name in self.groups]
            if before and group != before:
                table.add_section()
            before = group
            style = "bold" if row.get("contender") == OURS else ""
            table.add_row(*(column.text(row) for column in self.columns), style=style)
        return table

    def for_page(self, rows: Sequence[Row], *names: str) -> str:
        """In Markdown: the columns of these names, or all, and the rows that have them."""
        columns = [each for each in self.columns if not names or each.name in names]
        shown = [row for row in rows if all(column.name in row for column in columns)]
        left = [_is_text(column, shown) for column in columns]
        lines = [[column.text(row) for column in columns] for row in shown]
        return markdown([column.heading for column in columns], lines, left=left.count(True))


def markdown(heads: Sequence[str], lines: Sequence[Sequence[str]], left: int = 1) -> str:
    """A Markdown table whose first columns are set to the left, the others to the right."""
    rules = ["---" if column < left else "---:" for column in range(len(heads))]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, rules, *lines))


def _is_text(column: Column, rows: Sequence[Row]) -> bool:
    return isinstance(rows[0].get(column.name), str)

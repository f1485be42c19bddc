"""What a person sees at the terminal."""

import json
from collections.abc import Sequence
from decimal import Decimal

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from operations.demo import DemoResult
from operations.rejects import RejectsObject, count_reasons

SHOWN_USERS = 10
SHOWN_LOG_LINES = 4
BEST_FIRST_STYLES = ("bold yellow", "bold white", "bold dark_orange3")


def progress_bars(console: Console) -> Progress:
    """Bars with a name, a count and the time."""
    return Progress(
        TextColumn("  {task.description:<11}"),
        BarColumn(bar_width=40),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def leaderboard(totals: dict[str, Decimal], top: int = SHOWN_USERS) -> Table:
    """The best totals, best first."""
    table = Table(title=f"Leaderboard, {min(top, len(totals))} of {len(totals)} players")
    table.add_column("#", justify="right")
    table.add_column("Player")
    table.add_column("Score", justify="right")
    best_first = sorted(totals.items(), key=lambda entry: (-entry[1], entry[0]))[:top]
    for rank, (username, total) in enumerate(best_first):
        style = BEST_FIRST_STYLES[rank] if rank < len(BEST_FIRST_STYLES) else ""
        table.add_row(str(rank + 1), Text(username), f"{total:,f}", style=style)
    return table


def rejects_table(rejects: Sequence[RejectsObject]) -> Table:
    """How many records were rejected, by whom and why, most first."""
    records = sum(len(each.rejects) for each in rejects)
    table = Table(title=f"Rejects, {records} records kept whole in the bucket")
    table.add_column("Records", justify="right")
    table.add_column("Reason")
    for each in count_reasons(rejects):
        table.add_row(str(each.records), Text(each.reason))
    return table


def log_excerpt(handler: str, lines: Sequence[str]) -> RenderableType:
    """The last lines of a function's log: messages as they are, metrics by their names."""
    shown = [Text(_log_text(line), no_wrap=True, overflow="ellipsis") for line in lines]
    return Group(Text(f"Log of {handler}", style="bold"), *shown[-SHOWN_LOG_LINES:])


def differences_table(differences: dict[str, tuple[Decimal, Decimal]]) -> Table:
    """The totals that are not the truth."""
    table = Table(title="Totals that differ", style="red")
    table.add_column("Player")
    table.add_column("Total", justify="right")
    table.add_column("Should be", justify="right")
    for username, (found, expected) in differences.items():
        table.add_row(Text(username), f"{found:,f}", f"{expected:,f}")
    return table


def verdict(result: DemoResult) -> Text:
    """The last line."""
    exact = len(result.totals.keys() - result.differences.keys())
    users = len(result.totals.keys() | result.differences.keys())
    line = f"{exact} of {users} totals exact"
    if result.rejected_records != result.expected_rejects:
        line += (
            f", but {result.rejected_records} of {result.expected_rejects} rejects in the bucket"
        )
    return Text(line, style="bold green" if result.is_exact else "bold red")


def _log_text(line: str) -> str:
    fields = json.loads(line)
    if "_aws" in fields:
        counts = [
            f"{name} {value[0]:.0f}"
            for name, value in fields.items()
            if isinstance(value, list) and value[0]
        ]
        return f"  metrics  {', '.join(counts)}"
    return f"  {fields['level']:<8} {fields['message']}"

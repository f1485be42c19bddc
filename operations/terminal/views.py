"""What several verbs draw at the terminal."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from rich import box
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from chalicelib import words
from chalicelib.scores import EXACT, exact_sum
from operations.aws import progress
from operations.rejects.objects import RejectsObject, count_reasons
from operations.terminal.shown import shown
from operations.totals.read import InvalidItem

SHOWN_USERS = 10
SHOWN_DIFFERENCES = 50
MOST_SHOWN_PLACES = 4
BEST_FIRST_STYLES = ("bold yellow", "bold white", "bold dark_orange3")


class TotalRow(NamedTuple):
    """A player's total (None: no number), the total to compare it with, and a remark."""

    player: str
    total: Decimal | None
    other: Decimal
    note: str = ""


def progress_bars(console: Console) -> Progress:
    """Bars with a name, a count, the time, and how much of it is left."""
    return Progress(
        TextColumn("  {task.description:<11}"),
        BarColumn(bar_width=40),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def leaderboard(
    totals: Mapping[str, Decimal],
    top: int = SHOWN_USERS,
    *,
    title: str = "Leaderboard",
    players: int | None = None,
) -> Table:
    """The best totals, best first; `players` counts them all, if there are more than totals."""
    players = players or len(totals)
    table = Table(title=f"{title}, {min(top, players):,} of {players:,} {words.PLAYERS}")
    table.add_column("#", justify="right")
    table.add_column(words.PLAYER.capitalize())
    table.add_column(words.SCORE, justify="right", overflow="fold")
    best_first = sorted(totals.items(), key=lambda entry: (-entry[1], entry[0]))[:top]
    places = _shown_places([total for _, total in best_first])
    for rank, (username, total) in enumerate(best_first):
        style = BEST_FIRST_STYLES[rank] if rank < len(BEST_FIRST_STYLES) else ""
        score = f"{total:,.{places}f}" if places is not None else f"{total:,f}"
        table.add_row(str(rank + 1), shown(username), score, style=style)
    return table


def _shown_places(totals: Sequence[Decimal]) -> int | None:
    """Decimal places that all totals are shown with; None where they would be too many."""
    exponents = [total.normalize(EXACT).as_tuple().exponent for total in totals]
    places = max((-each for each in exponents if isinstance(each, int)), default=0)
    return max(0, places) if places <= MOST_SHOWN_PLACES else None


def rejects_table(rejects: Sequence[RejectsObject]) -> Table:
    """The number of rejected records by reason, most first."""
    records = sum(len(each.rejects) for each in rejects)
    table = Table(title=f"Rejects, {records} records kept whole in the bucket")
    table.add_column("Records", justify="right")
    table.add_column("Function")
    table.add_column("Reason")
    for each in count_reasons(rejects):
        table.add_row(str(each.records), shown(each.function), shown(each.reason))
    return table


def rejects_list(objects: Sequence[RejectsObject], *, title: str = "Rejects") -> Table:
    """One object: since when, number of records, function, reason, the key for `rejects show`."""
    table = Table(title=title, box=box.SIMPLE)
    table.add_column("Since (UTC)")
    table.add_column("Records", justify="right")
    table.add_column("Function: reason, and the object's key", overflow="fold")
    for each in objects:
        reasons = list(dict.fromkeys(reject.reason for reject in each.rejects)) or [each.problem]
        others = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        function = f"{each.function}: " if each.function else ""
        reason = shown(f"{function}{reasons[0]}{others}").append("\n")
        reason.append_text(shown(each.key, "dim"))
        table.add_row(f"{each.since:%Y-%m-%d %H:%M:%S}", str(len(each.rejects)), reason)
    return table


def table_progress(bars: Progress) -> progress.Progress:
    """Shows how far a table is read, a bar for each."""
    tasks: dict[str, TaskID] = {}

    def show(table: str, now: int, about: int) -> None:
        if table not in tasks:
            tasks[table] = bars.add_task(table)
        bars.update(tasks[table], completed=now, total=about)

    return show


def totals_table(
    title: str, total: str, other: str, rows: Sequence[TotalRow], *, difference: str = ""
) -> Table:
    """Players whose total differs, or has changed; by how much, under the heading `difference`."""
    table = Table(title=title)
    table.add_column(words.PLAYER.capitalize(), overflow="fold")
    for heading in filter(None, (total, other, difference)):
        table.add_column(heading, justify="right", overflow="fold")
    has_notes = any(row.note for row in rows)
    if has_notes:
        table.add_column("")
    for row in rows:
        found = "no number" if row.total is None else f"{row.total:,f}"
        numbers = [found, f"{row.other:,f}"]
        if difference:
            by = None if row.total is None else exact_sum((row.total, row.other.copy_negate()))
            numbers.append("" if by is None else f"{by:+,f}")
        table.add_row(shown(row.player), *numbers, *([row.note] if has_notes else []))
    return table


def invalid_table(records: Sequence[InvalidItem]) -> Table:
    """Records in the table that count for nothing, each with its reason."""
    table = Table(title="Invalid records, which count for nothing")
    table.add_column(words.RECORD_ID, justify="right", overflow="fold")
    table.add_column("Reason", overflow="fold")
    for each in records:
        table.add_row(shown(each.record_id), shown(each.reason))
    return table


def unreadable_lines(keys: Sequence[str]) -> list[RenderableType]:
    """What to tell of objects among the rejects that nobody can read."""
    return [
        shown(
            f"Look at this object yourself, it may hold changes that are not counted: {key}", "red"
        )
        for key in keys[:SHOWN_DIFFERENCES]
    ]


def others_line(users: int) -> list[RenderableType]:
    """A line for the users that do not fit into a table, if there are any."""
    more = users - SHOWN_DIFFERENCES
    return [shown(f"… and {more:,} others")] if more > 0 else []

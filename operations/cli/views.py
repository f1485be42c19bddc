"""What a person sees at the terminal."""

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from rich import box
from rich.console import Console, Group, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from chalicelib.scores import EXACT
from operations.local.demo import DemoResult
from operations.rejects.objects import RejectsObject, count_reasons
from operations.rejects.redrive import Redriven
from operations.totals.rebuild import Rebuilt
from operations.totals.reconcile import Reconciliation
from operations.watch.leaderboard import Doing, Standings
from operations.watch.logs import LogLine
from operations.watch.status import Status

SHOWN_USERS = 10
SHOWN_LOG_LINES = 4
SHOWN_DIFFERENCES = 50
MOST_SHOWN_PLACES = 4
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


def leaderboard(
    totals: Mapping[str, Decimal],
    top: int = SHOWN_USERS,
    *,
    title: str = "Leaderboard",
    players: int | None = None,
) -> Table:
    """The best totals, best first; of so many players, if there are more than totals."""
    players = players or len(totals)
    table = Table(title=f"{title}, {min(top, players):,} of {players:,} players")
    table.add_column("#", justify="right")
    table.add_column("Player")
    table.add_column("Score", justify="right")
    best_first = sorted(totals.items(), key=lambda entry: (-entry[1], entry[0]))[:top]
    places = _shown_places([total for _, total in best_first])
    for rank, (username, total) in enumerate(best_first):
        style = BEST_FIRST_STYLES[rank] if rank < len(BEST_FIRST_STYLES) else ""
        shown = f"{total:,.{places}f}" if places is not None else f"{total:,f}"
        table.add_row(str(rank + 1), Text(username), shown, style=style)
    return table


def _shown_places(totals: Sequence[Decimal]) -> int | None:
    """Decimal places that all totals are shown with; None where they would be too many."""
    exponents = [total.normalize(EXACT).as_tuple().exponent for total in totals]
    places = max((-each for each in exponents if isinstance(each, int)), default=0)
    return max(0, places) if places <= MOST_SHOWN_PLACES else None


def rejects_table(rejects: Sequence[RejectsObject]) -> Table:
    """How many records were rejected, by whom and why, most first."""
    records = sum(len(each.rejects) for each in rejects)
    table = Table(title=f"Rejects, {records} records kept whole in the bucket")
    table.add_column("Records", justify="right")
    table.add_column("Reason")
    for each in count_reasons(rejects):
        table.add_row(str(each.records), Text(each.reason))
    return table


def log_excerpt(handler: str, lines: Sequence[LogLine]) -> RenderableType:
    """The last lines of a function's log: messages as they are, metrics by their names."""
    shown = [
        Text(f"  {line.level:<8} {line.message}", no_wrap=True, overflow="ellipsis")
        for line in lines
    ]
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


def status_view(stage: str, status: Status) -> RenderableType:
    """The parts, the newest rejects, and the verdict."""
    table = Table(title=f"Stage {stage}", show_lines=False)
    for column in ("", "Part", "State"):
        table.add_column(column, overflow="fold")
    kind = ""
    for part in status.parts:
        if kind and part.kind != kind:
            table.add_section()
        kind = part.kind
        mark = Text("✗", style="bold red") if part.problem else Text("✓", style="green")
        state = Text(part.state)
        if part.problem:
            state.append(f"\n{part.problem}", style="red")
        table.add_row(mark, Text(f"{part.kind} {part.name}"), state)
    shown: list[RenderableType] = [table]
    if status.newest_rejects:
        shown.append(rejects_list(status.newest_rejects, title="The newest rejects"))
    problems = len(status.problems)
    if problems:
        line = Text(f"{problems} {'thing is' if problems == 1 else 'things are'} wrong", "bold red")
    else:
        line = Text("All is well", "bold green")
    return Group(*shown, line)


def rejects_list(objects: Sequence[RejectsObject], *, title: str = "Rejects") -> Table:
    """An object a line: when, whose, how many records, why, and its key for `rejects show`."""
    table = Table(title=title, box=box.SIMPLE)
    table.add_column("Written (UTC)")
    table.add_column("Records", justify="right")
    table.add_column("Reason, and the object's key", overflow="fold")
    for each in objects:
        reasons = list(dict.fromkeys(reject.reason for reject in each.rejects)) or [each.problem]
        others = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        reason = Text(f"{reasons[0]}{others}\n").append(each.key, style="dim")
        table.add_row(f"{each.written:%Y-%m-%d %H:%M:%S}", str(len(each.rejects)), reason)
    return table


def leaderboard_watch(standings: Standings, top: int, doing: Doing) -> RenderableType:
    """The leaderboard with a line about what goes on."""
    parts = [f"{doing.records_a_second:,.1f} records a second"]
    parts.append(f"{doing.records_seen:,} since the watch began")
    if doing.behind_seconds is not None:
        parts.append(
            f"totals {doing.behind_seconds:,} s behind the table"
            if doing.behind_seconds
            else "totals up to date"
        )
    parts += [f"{handler} {age:,.1f} s behind" for handler, age in doing.iterator_ages.items()]
    return Group(
        leaderboard(standings.totals, top, players=standings.players),
        Text(" · ".join(parts), style="dim"),
    )


LEVEL_STYLES = {"ERROR": "bold red", "CRITICAL": "bold red", "WARNING": "yellow", "DEBUG": "dim"}


def log_line(line: LogLine) -> Text:
    """One line of a log: time, function, level, message."""
    text = Text(f"{line.written:%H:%M:%S} ", style="dim", end="")
    text.append(f"{line.handler:<22} ", style="cyan")
    text.append(f"{line.level:<8} {line.message}", style=LEVEL_STYLES.get(line.level, ""))
    return Text.assemble(text, end="\n")


def rejects_details(found: RejectsObject, payloads: Sequence[str | None]) -> RenderableType:
    """Each record of an object, its reason first, then its payload if it has one, then all."""
    shown: list[RenderableType] = [Text(f"Rejected by {found.processor}", style="bold")]
    for each, payload in zip(found.rejects, payloads, strict=True):
        shown.append(Text(f"\n{each.reason}", style="yellow"))
        if payload is not None:
            shown.append(Text(payload, style="bold"))
        shown.append(Text(json.dumps(each.record, indent=1, ensure_ascii=True), style="dim"))
    return Group(*shown)


REDRIVEN_STYLES = {"done": "green", "would redrive": "green", "rejected again": "yellow"}


def redriven(each: Redriven) -> Text:
    """What became of one object."""
    text = Text(f"{each.outcome}  ", style=REDRIVEN_STYLES.get(each.outcome, "bold red"))
    text.append(f"{each.key}, {each.records} records", style="default")
    if each.reason:
        text.append(f": {each.reason}", style="dim")
    return text


def table_progress(bars: Progress) -> Callable[[str, int, int], None]:
    """Shows how far a table is read, a bar for each."""
    tasks: dict[str, TaskID] = {}

    def show(table: str, now: int, about: int) -> None:
        if table not in tasks:
            tasks[table] = bars.add_task(table)
        bars.update(tasks[table], completed=now, total=about)

    return show


def reconciliation(result: Reconciliation) -> RenderableType:
    """The totals that differ, what it cost, and the verdict."""
    shown: list[RenderableType] = []
    if result.differences:
        table = Table(title="Totals that differ")
        table.add_column("Player")
        table.add_column("Total", justify="right")
        table.add_column("Sum of the records", justify="right")
        table.add_column("")
        for each in result.differences[:SHOWN_DIFFERENCES]:
            total = "no number" if each.found is None else f"{each.found:,f}"
            moving = "still moving" if each.is_moving else ""
            table.add_row(Text(each.username), total, f"{each.expected:,f}", moving)
        shown.append(table)
    if result.differing_users > SHOWN_DIFFERENCES:
        shown.append(Text(f"… and {result.differing_users - SHOWN_DIFFERENCES:,} others"))
    invalid = f", {result.invalid_records:,} of them invalid" if result.invalid_records else ""
    cost = (
        f"{result.records:,} records{invalid}; {result.read_units:,.1f} read units, "
        f"{result.seconds:.1f} seconds, {result.looks} {'look' if result.looks == 1 else 'looks'}"
    )
    exact = result.users - result.differing_users
    verdict_style = "bold green" if result.is_exact else "bold red"
    shown += [
        Text(cost, style="dim"),
        Text(f"{exact:,} of {result.users:,} totals exact", style=verdict_style),
    ]
    return Group(*shown)


def rebuilt(result: Rebuilt) -> RenderableType:
    """The totals that were set, or would be, and what it cost."""
    shown: list[RenderableType] = []
    if result.changed:
        title = "Totals that would be set" if result.is_dry_run else "Totals that were set"
        table = Table(title=title)
        table.add_column("Player")
        table.add_column("From", justify="right")
        table.add_column("To", justify="right")
        for each in result.changed[:SHOWN_DIFFERENCES]:
            total = "no number" if each.found is None else f"{each.found:,f}"
            table.add_row(Text(each.username), total, f"{each.expected:,f}")
        shown.append(table)
    if result.changed_users > SHOWN_DIFFERENCES:
        shown.append(Text(f"… and {result.changed_users - SHOWN_DIFFERENCES:,} others"))
    line = f"{result.records:,} records, {result.users:,} users; {result.read_units:,.1f} read "
    line += f"units, {result.seconds:.1f} seconds"
    if result.is_dry_run:
        line += "; nothing was changed, records in flight may show as differences"
    else:
        line += f"; {result.receipts:,} changes of the stream are known as counted"
    shown.append(Text(line, style="dim"))
    return Group(*shown)

"""The verb reconcile: whether every total is the sum of the user's records."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console, Group, RenderableType
from rich.table import Table

from chalicelib import words
from operations.aws.stage import Stage
from operations.aws.tables import ReadMeter
from operations.terminal import views
from operations.terminal.options import (
    SECONDS,
    deployed_stage_options,
    json_option,
    max_read_units_option,
)
from operations.terminal.output import ends_with
from operations.terminal.results import difference_field, print_json, total_fields
from operations.terminal.shown import shown
from operations.totals.audit import Verdict
from operations.totals.book import Change
from operations.totals.reconcile import Reconciliation
from operations.totals.reconcile import reconcile as compare_totals


@click.command(
    help=f"""Compare every total with the sum of the {words.PLAYER}'s records; exit status 1 if
    one is not exact.

    It reads the table's stream, the rejects, the records and the totals, and changes nothing; the
    functions go on meanwhile. A total that is not exact is looked at twice. Changes that were not
    counted at both looks are missing, or wait in a reject or in the stream. Records that are
    invalid, and so count for nothing, are named. Records that expired by time to live keep their
    {words.SCORE.lower()} in the total: a day later they show as a difference here.
    """,
    epilog="Example: python -m operations reconcile --settle 1 --max-read-units 500",
)
@click.option(
    "--user",
    "users",
    multiple=True,
    help=f"Only this {words.PLAYER}'s total, or several; the records are all read for it.",
)
@click.option(
    "--settle",
    "settle_seconds",
    default=5.0,
    show_default=True,
    type=SECONDS,
    help="Seconds within which the table's stream shows what was written, and between two looks.",
)
@max_read_units_option
@json_option
@deployed_stage_options
def reconcile(
    *,
    stage: Stage,
    users: tuple[str, ...],
    settle_seconds: float,
    max_read_units: float | None,
    as_json: bool,
) -> None:
    console = Console(stderr=True)
    with views.progress_bars(console) as bars:
        result = compare_totals(
            stage,
            ReadMeter(max_read_units),
            views.table_progress(bars),
            lambda step: console.print(f"{step} …"),
            users=frozenset(users) or None,
            settle_seconds=settle_seconds,
        )
    with ends_with(0 if result.is_exact else 1):
        if as_json:
            print_json(_fields(result))
        else:
            Console().print(reconciliation(result))


def _fields(result: Reconciliation) -> dict[str, Any]:
    return {
        "exact": result.is_exact,
        "records": result.records,
        "invalid_records": result.invalid_records,
        "invalid": [each._asdict() for each in result.invalid],
        "users": result.users,
        "differing_users": result.differing_users,
        "differences": {
            each.username: {
                **total_fields(each.total, each.expected),
                "difference": difference_field(each.total, each.expected),
                "error": None if each.judgement.error is None else str(each.judgement.error),
                "damage": each.problem or None,
                "missing": [_change_fields(change) for change in each.missing],
                "open": len(each.open),
            }
            for each in result.verdicts
        },
        "missing": result.missing,
        "open": result.open,
        "open_since": None if result.open_since is None else _time(result.open_since),
        "unreadable_rejects": list(result.unreadable),
        "read_units": result.read_units,
        "seconds": round(result.seconds, 3),
    }


def _change_fields(change: Change) -> dict[str, str]:
    return {
        "event_id": change.event_id,
        "time": _time(change.seconds),
        "record_id": change.record_id,
        "amount": str(change.amount),
    }


def _time(seconds: int) -> str:
    """The time for a person and a program; `unknown` where a stream record told none."""
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds else "unknown"


def reconciliation(result: Reconciliation) -> RenderableType:
    """The totals that are not exact, what they lack, what it cost, and the verdict."""
    parts: list[RenderableType] = []
    first = result.verdicts[: views.SHOWN_DIFFERENCES]
    if first:
        rows = [
            views.TotalRow(each.username, each.total, each.expected, _note(each)) for each in first
        ]
        title = "Totals that are not exact"
        parts.append(
            views.totals_table(title, "Total", "Sum of the records", rows, difference="Difference")
        )
    parts += views.others_line(result.differing_users)
    missing = [change for each in first for change in each.missing][: views.SHOWN_DIFFERENCES]
    if missing:
        parts.append(_missing_table(missing))
        parts += views.others_line(result.missing)
    if result.invalid:
        parts.append(views.invalid_table(result.invalid[: views.SHOWN_DIFFERENCES]))
        parts += views.others_line(result.invalid_records)
    parts += views.unreadable_lines(result.unreadable)
    if result.open_since is not None:
        changes = "1 change waits" if result.open == 1 else f"{result.open:,} changes wait"
        since = _time(result.open_since)
        parts.append(shown(f"{changes} in rejects or in the stream, the oldest since {since}"))
    invalid = f", {result.invalid_records:,} of them invalid" if result.invalid_records else ""
    cost = (
        f"{result.records:,} records{invalid}; {result.read_units:,.1f} read units, "
        f"{result.seconds:.1f} seconds"
    )
    exact = result.users - result.differing_users
    verdict_style = "bold green" if result.is_exact else "bold red"
    parts += [
        shown(cost, "dim"),
        shown(f"{exact:,} of {result.users:,} totals exact", verdict_style),
    ]
    return Group(*parts)


def _note(verdict: Verdict) -> str:
    """What is wrong with a total besides its number."""
    notes = [verdict.problem] if verdict.problem else []
    if verdict.missing:
        notes.append(f"{len(verdict.missing):,} missing")
    if verdict.open:
        notes.append(f"{len(verdict.open):,} waiting")
    return "; ".join(notes)


def _missing_table(changes: Sequence[Change]) -> Table:
    """Changes that nobody will deliver any more, each by its record in the table's stream."""
    table = Table(title="Missing changes")
    for heading in (words.PLAYER.capitalize(), words.RECORD_ID, "Change", "Time", "Event"):
        table.add_column(heading, overflow="fold")
    for each in changes:
        table.add_row(
            shown(each.username),
            shown(each.record_id),
            f"{each.amount:+,f}",
            _time(each.seconds),
            shown(each.event_id),
        )
    return table

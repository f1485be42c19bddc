"""The verb rebuild: every total set from the records."""

from collections.abc import Sequence
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
from operations.terminal.results import print_json, total_fields
from operations.terminal.shown import shown
from operations.totals.rebuild import Rebuilt, UnwritableTotal
from operations.totals.rebuild import rebuild as rebuild_totals


@click.command(
    help=f"""Make every total the sum of the {words.PLAYER}'s records: after damage, or over an
    existing table.

    Nothing is paused: the functions, redrives and other rebuilds go on. It finds the totals that
    are not exact, as reconcile does, adds what they lack, corrects what is wrong, and looks at them
    again until it finds nothing. A {words.PLAYER} whose sum is no number that DynamoDB holds keeps
    the total, the records to correct are named, and the exit status is 1. Interrupted, it leaves
    every total as it was, or right; run it again to go on.
    """,
    epilog="Example: python -m operations rebuild --dry-run",
)
@click.option(
    "--user",
    "users",
    multiple=True,
    help=f"Only this {words.PLAYER}'s total, or several; the records are all read for it.",
)
@click.option("--dry-run", is_flag=True, help="Change nothing; show what would be changed.")
@click.option(
    "--settle",
    "settle_seconds",
    default=5.0,
    show_default=True,
    type=SECONDS,
    help="Seconds within which the table's stream shows what was written, and between two looks.",
)
@click.option(
    "--without-expired",
    is_flag=True,
    help=f"Where records expire: take the {words.SCORE.lower()} of expired ones out of the totals.",
)
@max_read_units_option
@json_option
@deployed_stage_options
def rebuild(
    *,
    stage: Stage,
    users: tuple[str, ...],
    dry_run: bool,
    settle_seconds: float,
    without_expired: bool,
    max_read_units: float | None,
    as_json: bool,
) -> None:
    console = Console(stderr=True)
    with views.progress_bars(console) as bars:
        result = rebuild_totals(
            stage,
            ReadMeter(max_read_units),
            views.table_progress(bars),
            lambda step: console.print(f"{step} …"),
            users=frozenset(users) or None,
            dry_run=dry_run,
            settle_seconds=settle_seconds,
            without_expired=without_expired,
        )
    with ends_with(0 if result.is_done else 1):
        if as_json:
            print_json(_fields(result))
        else:
            Console().print(rebuilt(result))


def _fields(result: Rebuilt) -> dict[str, Any]:
    return {
        "dry_run": result.is_dry_run,
        "records": result.records,
        "invalid_records": result.invalid_records,
        "users": result.users,
        "changed_users": result.changed_users,
        "changed": {
            each.username: total_fields(each.before, each.after) for each in result.changed
        },
        "added": result.added,
        "unwritable": [
            {
                "username": each.username,
                "reason": each.reason,
                "records": [
                    {"record_id": part.record_id, "score": str(part.score)} for part in each.records
                ],
            }
            for each in result.unwritable
        ],
        "contended": list(result.contended),
        "unreadable_rejects": list(result.unreadable),
        "read_units": result.read_units,
        "seconds": round(result.seconds, 3),
    }


def unwritable_table(totals: Sequence[UnwritableTotal]) -> Table:
    """The totals that cannot be written, and the records of the largest and finest scores."""
    table = Table(title="Totals that cannot be written", show_lines=True)
    for heading in (
        words.PLAYER.capitalize(),
        "Reason",
        f"Largest and finest records: {words.RECORD_ID}, {words.SCORE}",
    ):
        table.add_column(heading, overflow="fold")
    for each in totals:
        records = "\n".join(f"{part.record_id}, {part.score}" for part in each.records)
        table.add_row(shown(each.username), shown(each.reason), records)
    return table


def rebuilt(result: Rebuilt) -> RenderableType:
    """The totals that were set, or would be, and what it cost."""
    parts: list[RenderableType] = []
    if result.changed:
        title = (
            "Totals that would be repaired" if result.is_dry_run else "Totals that were repaired"
        )
        first = result.changed[: views.SHOWN_DIFFERENCES]
        rows = [views.TotalRow(each.username, each.before, each.after) for each in first]
        parts.append(views.totals_table(title, "From", "To", rows))
    parts += views.others_line(result.changed_users)
    if result.unwritable:
        parts.append(unwritable_table(result.unwritable[: views.SHOWN_DIFFERENCES]))
        parts += views.others_line(len(result.unwritable))
        parts.append(shown("Correct these records in the table, then run this again.", "bold red"))
    parts += [
        shown(f"The total of {username} is being changed all the time: run this again", "bold red")
        for username in result.contended[: views.SHOWN_DIFFERENCES]
    ]
    parts += views.unreadable_lines(result.unreadable)
    line = f"{result.records:,} records, {result.users:,} {words.PLAYERS}; "
    line += f"{result.added:,} changes that were not counted; "
    line += f"{result.read_units:,.1f} read units, {result.seconds:.1f} seconds"
    if result.is_dry_run:
        line += "; nothing was changed"
    parts.append(shown(line, "dim"))
    return Group(*parts)

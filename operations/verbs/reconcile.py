"""The verb reconcile: whether every total is the sum of the user's records."""

from typing import Any

import click
from rich.console import Console, Group, RenderableType

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
from operations.totals.reconcile import Reconciliation
from operations.totals.reconcile import reconcile as compare_totals


@click.command(
    help=f"""Compare every total with the sum of the {words.PLAYER}'s records; exit status 1 if
    one differs.

    What differs is looked at again until it is exact, or differs by the same amount twice. Records
    that are invalid, and so count for nothing, are named. It reads both tables whole, and changes
    nothing. Records that expired by time to live keep their
    {words.SCORE.lower()} in the total, so they show as a difference here.
    """,
    epilog="Example: python -m operations reconcile --settle 1 --max-read-units 500",
)
@click.option(
    "--user", help=f"Compare this {words.PLAYER}'s total only; the records are all read for it."
)
@click.option(
    "--settle",
    "settle_seconds",
    default=3.0,
    show_default=True,
    type=SECONDS,
    help="Seconds to wait before what differs is looked at again.",
)
@max_read_units_option
@json_option
@deployed_stage_options
def reconcile(
    *,
    stage: Stage,
    user: str | None,
    settle_seconds: float,
    max_read_units: float | None,
    as_json: bool,
) -> None:
    with views.progress_bars(Console(stderr=True)) as bars:
        result = compare_totals(
            stage,
            ReadMeter(max_read_units),
            views.table_progress(bars),
            user=user,
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
                **total_fields(each.found, each.expected),
                "difference": difference_field(each.found, each.expected),
                "moving": each.is_moving,
            }
            for each in result.differences
        },
        "looks": result.looks,
        "read_units": result.read_units,
        "seconds": round(result.seconds, 3),
    }


def reconciliation(result: Reconciliation) -> RenderableType:
    """The totals that differ, what it cost, and the verdict."""
    parts: list[RenderableType] = []
    if result.differences:
        rows = [
            views.TotalRow(
                each.username, each.found, each.expected, "still moving" if each.is_moving else ""
            )
            for each in result.differences[: views.SHOWN_DIFFERENCES]
        ]
        title = "Totals that differ"
        parts.append(
            views.totals_table(title, "Total", "Sum of the records", rows, difference="Difference")
        )
    parts += views.others_line(result.differing_users)
    if result.invalid:
        parts.append(views.invalid_table(result.invalid[: views.SHOWN_DIFFERENCES]))
        parts += views.others_line(result.invalid_records)
    invalid = f", {result.invalid_records:,} of them invalid" if result.invalid_records else ""
    cost = (
        f"{result.records:,} records{invalid}; {result.read_units:,.1f} read units, "
        f"{result.seconds:.1f} seconds, {result.looks} {'look' if result.looks == 1 else 'looks'}"
    )
    exact = result.users - result.differing_users
    verdict_style = "bold green" if result.is_exact else "bold red"
    parts += [
        shown(cost, "dim"),
        shown(f"{exact:,} of {result.users:,} totals exact", verdict_style),
    ]
    return Group(*parts)

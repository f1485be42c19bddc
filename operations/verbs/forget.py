"""The verb forget: a player erased on request."""

import click
from rich.console import Console, Group, RenderableType
from rich.table import Table

from chalicelib import words
from operations.aws.errors import Misuse
from operations.aws.stage import Stage
from operations.aws.tables import ReadMeter
from operations.terminal.options import (
    SECONDS,
    deployed_stage_options,
    json_option,
    max_read_units_option,
)
from operations.terminal.output import ends_with, somebody_can_answer
from operations.terminal.results import print_json
from operations.terminal.shown import shown
from operations.totals.forget import Erased, Forgotten
from operations.totals.forget import forget as forget_player


@click.command(
    help=f"""Erase a {words.PLAYER}: records, total, receipts, and rejects in all versions. There
    is no way back.

    The functions go on meanwhile. It looks again until nothing is found, and tells what remains in
    streams, backups and logs, and for how long. Objects that cannot be read and hold the name are
    left to you; the exit status is 1 then. Run it again after a day to prove that no stream brought
    anything back.
    """,
    epilog="Example: python -m operations forget Ada --dry-run",
)
@click.argument("user")
@click.option("--dry-run", is_flag=True, help=f"Only tell what there is of the {words.PLAYER}.")
@click.option("--yes", is_flag=True, help=f"Do not ask for the {words.PLAYER}'s name.")
@click.option(
    "--settle",
    "settle_seconds",
    default=10.0,
    show_default=True,
    type=SECONDS,
    help="Seconds after which it looks whether something came back.",
)
@click.option(
    "--patience",
    "patience_seconds",
    default=120.0,
    show_default=True,
    type=SECONDS,
    help="Seconds that AggregateScoresByUser may take to count the deletions.",
)
@max_read_units_option
@json_option
@deployed_stage_options
def forget(
    *,
    stage: Stage,
    user: str,
    dry_run: bool,
    yes: bool,
    settle_seconds: float,
    patience_seconds: float,
    max_read_units: float | None,
    as_json: bool,
) -> None:
    if not dry_run and not yes:
        _ask(user)
    console = Console(stderr=True)
    result = forget_player(
        stage,
        user,
        ReadMeter(max_read_units),
        lambda step: console.print(shown(f"{step} …")),
        settle_seconds=settle_seconds,
        patience_seconds=patience_seconds,
        dry_run=dry_run,
    )
    erased = result.erased
    with ends_with(1 if erased.unreadable else 0):
        if as_json:
            fields = {
                "user": user,
                "dry_run": result.is_dry_run,
                "records": erased.records,
                "totals": erased.totals,
                "pages": erased.pages,
                "rejects": erased.rejects,
                "objects": erased.objects,
                "unreadable": sorted(erased.unreadable),
                "remains": [each._asdict() for each in result.remains],
                "looks": result.looks,
                "seconds": round(result.seconds, 3),
            }
            print_json(fields)
        else:
            Console().print(forgotten(result))


def _ask(user: str) -> None:
    if not somebody_can_answer():
        raise Misuse("Nothing was erased: there is nobody to ask, so add --yes.")
    typed = click.prompt(
        f"There is no way back. Type the {words.PLAYER}'s name to erase it", err=True
    )
    if typed != user:
        raise Misuse("Nothing was erased: that is another name.")


def forgotten(result: Forgotten) -> RenderableType:
    """What was erased, what remains, and the verdict."""
    table = Table(title="What remains until it expires", title_justify="left")
    table.add_column("Where", overflow="fold")
    table.add_column("For how long", overflow="fold")
    for each in result.remains:
        table.add_row(shown(each.where), shown(each.stays))
    parts: list[RenderableType] = [shown(_what(result.erased, is_dry_run=result.is_dry_run)), table]
    parts += [
        shown(f"Look at this object yourself, the name stands in it: {key}", "red")
        for key in sorted(result.erased.unreadable)
    ]
    if not result.is_dry_run and not result.erased.unreadable:
        line = f"Nothing of the {words.PLAYER} is left in the tables and the bucket"
        parts.append(shown(line, "bold green"))
    return Group(*parts)


def _what(erased: Erased, *, is_dry_run: bool) -> str:
    there = "There are" if is_dry_run else "Erased:"
    return (
        f"{there} {erased.records:,} records, {erased.totals} totals, {erased.pages:,} pages of "
        f"receipts, {erased.rejects:,} rejects in {erased.objects:,} versions of objects"
    )

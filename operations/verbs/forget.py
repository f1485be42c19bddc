"""The verb forget: a player erased on request, in two parts."""

from typing import Any

import click
from rich.console import Console, Group, RenderableType
from rich.table import Table

from chalicelib import words
from operations.aws.errors import Misuse
from operations.aws.stage import Stage
from operations.aws.tables import ReadMeter
from operations.terminal import views
from operations.terminal.options import (
    SECONDS,
    deployed_stage_options,
    json_option,
    max_read_units_option,
)
from operations.terminal.output import ends_with, somebody_can_answer
from operations.terminal.results import print_json
from operations.terminal.shown import shown
from operations.totals.forget import Erased, Forgotten, Means, forget_due
from operations.totals.forget import forget as forget_player


@click.command(
    help=f"""Erase a {words.PLAYER}: records, total, receipts, and rejects in all versions. There
    is no way back.

    First the records and the rejects go; the total stays, at 0, so that nothing counts that is
    delivered again. A day later, when the streams have forgotten the last change, `forget` without
    a name deletes the totals that are due, and names those that are not; `status` names them, too.
    The functions go on meanwhile, and it can be run again at any time.

    It reports what remains in streams, backups and logs, and for how long, and names the objects in
    the bucket that may hold the name but cannot be decoded; the exit status is 1 then.
    """,
    epilog="Example: python -m operations forget Ada --dry-run",
)
@click.argument("user", required=False)
@click.option("--dry-run", is_flag=True, help=f"Only tell what there is of the {words.PLAYER}.")
@click.option("--yes", is_flag=True, help=f"Do not ask for the {words.PLAYER}'s name.")
@click.option(
    "--whole",
    metavar="KEY",
    multiple=True,
    help="Delete this object whole, in all versions: one that you looked at, as it was named.",
)
@click.option(
    "--settle",
    "settle_seconds",
    default=5.0,
    show_default=True,
    type=SECONDS,
    help="Seconds within which the table's stream shows what was written.",
)
@max_read_units_option
@json_option
@deployed_stage_options
def forget(
    *,
    stage: Stage,
    user: str | None,
    dry_run: bool,
    yes: bool,
    whole: tuple[str, ...],
    settle_seconds: float,
    max_read_units: float | None,
    as_json: bool,
) -> None:
    if user is None and whole:
        raise Misuse(f"Name the {words.PLAYER} whose object it is.")
    if user is not None and not dry_run and not yes:
        _ask(user)
    console = Console(stderr=True)
    with views.progress_bars(console) as bars:
        means = Means(
            ReadMeter(max_read_units),
            views.table_progress(bars),
            lambda step: console.print(shown(f"{step} …")),
            settle_seconds,
        )
        if user is None:
            found = forget_due(stage, means, dry_run=dry_run)
        else:
            found = iter([forget_player(stage, user, means, whole=whole, dry_run=dry_run)])
        results = []
        for each in found:
            results.append(each)
            if as_json:
                print_json(_fields(each))
            else:
                Console().print(forgotten_view(each))
    with ends_with(1 if any(each.erased.unclear for each in results) else 0):
        if not results and not as_json:
            click.echo("No erasure is left to finish.")


def _fields(result: Forgotten) -> dict[str, Any]:
    erased = result.erased
    return {
        "user": result.player,
        "dry_run": result.is_dry_run,
        "records": erased.records,
        "totals": erased.totals,
        "pages": erased.pages,
        "rejects": erased.rejects,
        "objects": erased.objects,
        "unclear": erased.unclear,
        "due": result.due.isoformat() if result.due else None,
        "is_due": result.is_due,
        "similar": list(result.similar),
        "remains": [each._asdict() for each in result.remains],
        "seconds": round(result.seconds, 3),
    }


def _ask(user: str) -> None:
    if not somebody_can_answer():
        raise Misuse("Nothing was erased: there is nobody to ask, so add --yes.")
    typed = click.prompt(
        f"There is no way back. Type the {words.PLAYER}'s name to erase it", err=True
    )
    if typed != user:
        raise Misuse("Nothing was erased: that is another name.")


def forgotten_view(result: Forgotten) -> RenderableType:
    """What was erased, what remains, what is unclear, and the verdict."""
    parts: list[RenderableType] = [shown(result.player, "bold")]
    if result.erased != Erased():
        parts.append(shown(_what(result.erased, is_dry_run=result.is_dry_run)))
    if result.similar:
        names = ", ".join(map(repr, result.similar))
        parts.append(shown(f"Others look alike, and are {words.PLAYERS} of their own: {names}"))
    if result.remains:
        table = Table(title="What remains until it expires", title_justify="left")
        table.add_column("Where", overflow="fold")
        table.add_column("For how long", overflow="fold")
        for each in result.remains:
            table.add_row(shown(each.where), shown(each.stays))
        parts.append(table)
    parts += [
        shown(f"Look at this yourself, {problem}: {what}", "red")
        for what, problem in sorted(result.erased.unclear.items())
    ]
    if result.erased.unclear:
        parts.append(shown("What is theirs goes with --whole KEY", "red"))
    return Group(*parts, _verdict(result))


def _what(erased: Erased, *, is_dry_run: bool) -> str:
    there = "There are" if is_dry_run else "Erased:"
    return (
        f"{there} {erased.records:,} records, {erased.totals} totals, {erased.pages:,} pages of "
        f"receipts, {erased.rejects:,} rejects in {erased.objects:,} versions of objects"
    )


def _verdict(result: Forgotten) -> RenderableType:
    if result.is_due:
        return shown(f"It is due since {_time(result)} to be finished: run `forget`", "bold yellow")
    if result.due:
        return shown(
            f"The total stays, at 0, until {_time(result)}, so that nothing counts that is "
            "delivered again: run `forget` then",
            "bold yellow",
        )
    if result.is_dry_run:
        return shown("Nothing was erased", "dim")
    return shown(
        f"Nothing of the {words.PLAYER} is left in the tables and the bucket", "bold green"
    )


def _time(result: Forgotten) -> str:
    return f"{result.due:%Y-%m-%d %H:%M:%S} UTC"

"""The verb leaderboard: the totals, best first."""

import time

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live

from operations.aws.stage import Stage
from operations.terminal import views
from operations.terminal.options import (
    Number,
    deployed_stage_options,
    json_option,
    until_interrupted,
)
from operations.terminal.results import print_json
from operations.terminal.shown import shown
from operations.watch.leaderboard import Doing, PipelineWatch, Standings, read_standings


@click.command(epilog="Example: python -m operations leaderboard --top 5")
@click.option("--top", default=10, show_default=True, type=click.IntRange(min=1))
@click.option("--watch", is_flag=True, help="Keep it on the screen until Ctrl-C.")
@click.option(
    "--every",
    "every_seconds",
    default=2.0,
    show_default=True,
    type=Number(min=0.1, max=86_400),
    help="Seconds between two looks of --watch; each reads the whole table of totals.",
)
@click.option(
    "--looks", type=click.IntRange(min=1), help="Number of looks after which --watch ends."
)
@json_option
@deployed_stage_options
def leaderboard(
    *,
    stage: Stage,
    top: int,
    watch: bool,
    every_seconds: float,
    looks: int | None,
    as_json: bool,
) -> None:
    """Print the best totals; with --watch also records a second and how far behind they are."""
    table = stage.names.totals_table
    if not watch:
        standings = read_standings(stage.aws.client("dynamodb"), table, top)
        if as_json:
            totals = {username: str(total) for username, total in standings.totals.items()}
            print_json({"players": standings.players, "totals": totals})
        else:
            Console().print(views.leaderboard(standings.totals, top, players=standings.players))
        return
    pipeline_watch = PipelineWatch(stage)
    with until_interrupted(), Live(console=Console(stderr=as_json), auto_refresh=False) as screen:
        look = 0
        while looks is None or look < looks:
            if look:
                time.sleep(every_seconds)
            look += 1
            standings = read_standings(stage.aws.client("dynamodb"), table, top)
            doing = pipeline_watch.look(standings)
            if as_json:
                totals = {username: str(total) for username, total in standings.totals.items()}
                shown = {
                    "players": standings.players,
                    "totals": totals,
                    "records_a_second": round(doing.records_a_second, 1),
                    "behind_seconds": doing.behind_seconds,
                    "iterator_age_seconds": doing.iterator_ages,
                }
                print_json(shown)
            else:
                screen.update(leaderboard_watch(standings, top, doing), refresh=True)


def leaderboard_watch(standings: Standings, top: int, doing: Doing) -> RenderableType:
    """The leaderboard, and a line about how the pipeline keeps up."""
    parts = [f"{doing.records_a_second:,.1f} records a second"]
    parts.append(f"{doing.records_seen:,} since the watch began")
    if doing.behind_seconds is not None:
        parts.append(
            f"totals {doing.behind_seconds:,} s behind the table"
            if doing.behind_seconds
            else "totals up to date"
        )
    parts += [f"{function} {age:,.1f} s behind" for function, age in doing.iterator_ages.items()]
    return Group(
        views.leaderboard(standings.totals, top, players=standings.players),
        shown(" · ".join(parts), "dim"),
    )

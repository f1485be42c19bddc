"""The verb demo: the whole pipeline on this machine, with the lab and scores played through it."""

import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import click
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from chalicelib import words
from operations.local.demo import (
    LAB_CHANGES,
    LAB_PLAYERS,
    LAB_RECORDS,
    DemoResult,
    play_lab,
    run_demo,
)
from operations.local.pipeline import deploy_locally
from operations.local.plan import TEXTS, Plan, plan_demo
from operations.local.server import embedded_aws
from operations.scores.generate import Tally
from operations.terminal import views
from operations.terminal.options import json_option
from operations.terminal.output import ends_with
from operations.terminal.results import print_json, total_fields
from operations.terminal.shown import escaped, shown
from operations.watch.logs import LogLine

SHOWN_LOG_LINES = 4


@click.command(
    help=f"Deploy to an embedded AWS, send {words.SCORES}, and compare every total with the truth.",
    epilog="Example: python -m operations demo --records 500 --users 20",
)
@click.option("--records", default=2000, show_default=True, type=click.IntRange(min=1))
@click.option("--users", default=200, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=1, show_default=True, help=f"Repeats the very same {words.SCORES}.")
@json_option
def demo(*, records: int, users: int, seed: int, as_json: bool) -> None:
    progress_console = Console(stderr=as_json)
    started = time.monotonic()
    with embedded_aws() as aws:
        stage = deploy_locally(aws, lambda step: progress_console.print(f"{step} …"))
        tally = Tally()
        progress_console.print("Playing the lab …")
        for answer in play_lab(stage, tally):
            progress_console.print(shown(f"  {answer}", "dim"))
        plan = plan_demo(records, users, seed)
        progress_console.print(f"Sending {plan.to_send:,} records …", explanation(plan))
        with views.progress_bars(progress_console) as bars:
            tasks: dict[str, Any] = {
                name: bars.add_task(name, total=None) for name in ("sent", "stored", "aggregated")
            }
            result = run_demo(
                stage,
                tally,
                lambda name, now, goal: bars.update(tasks[name], completed=now, total=goal),
                plan,
            )
    seconds = time.monotonic() - started
    with ends_with(0 if result.is_exact else 1):
        if as_json:
            print_json(_fields(result))
        else:
            Console().print(outcome(result, seconds))


def _fields(result: DemoResult) -> dict[str, Any]:
    return {
        "totals": {name: str(total) for name, total in result.totals.items()},
        "differences": {
            name: total_fields(found, expected)
            for name, (found, expected) in result.differences.items()
        },
        "rejects": [each.reason for kept in result.rejects for each in kept.rejects],
        "exact": result.is_exact,
    }


def outcome(result: DemoResult, seconds: float) -> RenderableType:
    """The best totals, the rejects, what the functions logged last, and the verdict."""
    parts: list[RenderableType] = ["", views.leaderboard(result.totals)]
    parts.append(views.rejects_table(result.rejects))
    parts += [log_excerpt(function, lines) for function, lines in result.log_lines.items()]
    if result.differences:
        parts.append(differences_table(result.differences))
    parts += ["", shown(f"Took {seconds:.0f} seconds.", "dim"), verdict(result)]
    return Group(*parts)


def explanation(plan: Plan) -> Table:
    """How each number that is going to show comes about."""
    scores, corrected = len(plan.scores), len(plan.corrections) - len(plan.moves)
    of_players = f"{words.SCORES} of {plan.players:,} {words.PLAYERS}"
    moves = sum(each.changes for each in plan.moves)
    table = Table.grid(padding=(0, 1))
    table.add_column()
    table.add_column(justify="right")
    table.add_column(overflow="fold", style="dim")
    for name, *parts in (
        (
            "sent",
            (scores, of_players),
            (len(plan.again), "of these once more"),
            (len(plan.malformed), "malformed"),
            (1, f"with a taken {words.RECORD_ID}"),
            (len(TEXTS), f"no {words.SCORES} at all"),
        ),
        ("stored", (scores, words.SCORES), (LAB_RECORDS, "of the lab")),
        (
            "aggregated",
            (scores, words.SCORES),
            (LAB_CHANGES, "of the lab"),
            (corrected, "corrected"),
            (moves, f"for {len(plan.moves):,} given to another {words.PLAYER}"),
            (plan.deleted_changes, "deleted"),
        ),
        (
            "totals",
            (plan.players, words.PLAYERS),
            (LAB_PLAYERS, "of the lab"),
            (bool(plan.moves), "who is given records"),
        ),
    ):
        total = sum(count for count, _ in parts)
        text = ", ".join(f"{count:,} {what}" for count, what in parts if count)
        table.add_row(f"  {name}", f"{total:,}:", text)
    return table


def log_excerpt(function: str, lines: Sequence[LogLine]) -> RenderableType:
    """The last lines of a function's log: messages as they are, metrics by their names."""
    excerpt = [
        Text(escaped(f"  {line.level:<8} {line.message}"), no_wrap=True, overflow="ellipsis")
        for line in lines
    ]
    return Group(shown(f"Log of {function}", "bold"), *excerpt[-SHOWN_LOG_LINES:])


def differences_table(differences: dict[str, tuple[Decimal, Decimal]]) -> Table:
    rows = [views.TotalRow(player, *totals) for player, totals in differences.items()]
    table = views.totals_table("Totals that differ", "Total", "Should be", rows)
    table.style = "red"
    return table


def verdict(result: DemoResult) -> Text:
    exact = len(result.totals.keys() - result.differences.keys())
    users = len(result.totals.keys() | result.differences.keys())
    line = f"{exact} of {users} totals exact"
    if result.rejected_records != result.expected_rejects:
        line += (
            f", but {result.rejected_records} of {result.expected_rejects} rejects in the bucket"
        )
    return shown(line, "bold green" if result.is_exact else "bold red")

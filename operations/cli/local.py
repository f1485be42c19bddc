"""The verbs that run the pipeline on this machine: demo and up."""

import json
import signal
import sys
import time
from typing import Any

import click
from rich.console import Console

from operations.cli import views
from operations.local.demo import play_lab, run_demo
from operations.local.pipeline import deploy_locally
from operations.local.server import embedded_aws
from operations.scores.generate import Truth


@click.command(epilog="Example: python -m operations demo --records 500 --users 20")
@click.option("--records", default=2000, show_default=True, type=click.IntRange(min=1))
@click.option("--users", default=200, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=1, show_default=True, help="Repeats the very same scores.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def demo(*, records: int, users: int, seed: int, as_json: bool) -> None:
    """Deploy to an embedded AWS, send scores, and compare every total with the truth."""
    progress_console = Console(stderr=as_json)
    started = time.monotonic()
    with embedded_aws() as aws:
        stage = deploy_locally(aws, lambda step: progress_console.print(f"{step} …"))
        truth = Truth()
        progress_console.print("Playing the lab …")
        for answer in play_lab(stage, truth):
            progress_console.print(f"  {answer}", style="dim")
        progress_console.print(f"Sending {records:,} scores of {users:,} players …")
        with views.progress_bars(progress_console) as bars:
            tasks: dict[str, Any] = {
                name: bars.add_task(name, total=None) for name in ("sent", "stored", "aggregated")
            }
            result = run_demo(
                stage,
                truth,
                lambda name, now, goal: bars.update(tasks[name], completed=now, total=goal),
                records=records,
                users=users,
                seed=seed,
            )
    if as_json:
        click.echo(
            json.dumps(
                {
                    "totals": {name: str(total) for name, total in result.totals.items()},
                    "differences": {
                        name: {"total": str(found), "expected": str(expected)}
                        for name, (found, expected) in result.differences.items()
                    },
                    "rejects": [each.reason for kept in result.rejects for each in kept.rejects],
                    "exact": result.is_exact,
                }
            )
        )
    else:
        console = Console()
        console.print("", views.leaderboard(result.totals), views.rejects_table(result.rejects))
        for handler, lines in result.log_lines.items():
            console.print(views.log_excerpt(handler, lines))
        if result.differences:
            console.print(views.differences_table(result.differences))
        console.print(f"\nTook {time.monotonic() - started:.0f} seconds.", style="dim")
        console.print(views.verdict(result))
    sys.exit(0 if result.is_exact else 1)


@click.command(epilog="Example: python -m operations up")
def up() -> None:
    """Deploy to an embedded AWS and leave it running until Ctrl-C."""
    console = Console(stderr=True)
    with embedded_aws() as aws:
        stage = deploy_locally(aws, lambda step: console.print(f"{step} …"))
        for name, value in {**aws.variables, **stage.variables}.items():
            click.echo(f"export {name}={value}")
        console.print("Up. The lines above are for the shell of other programs; Ctrl-C ends it.")
        while True:
            signal.pause()

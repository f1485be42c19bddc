"""The command line: python -m benchmarks SUBJECT."""

import os
import sys
import time

import click
from rich.console import Console

from benchmarks import plots, results
from benchmarks.subjects import NAMES, find_subject


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: python -m benchmarks aggregator --quick",
)
@click.argument("subjects", nargs=-1, type=click.Choice(NAMES))
@click.option("--quick", is_flag=True, help="A few small batches, to see that it runs.")
def benchmarks(subjects: tuple[str, ...], quick: bool) -> None:  # noqa: FBT001 - click calls it
    """Measure SUBJECTS (all of them if none is named) and print a table each.

    Figures go to benchmarks/results/ as JSON, progress to standard error.
    """
    console, progress = Console(), Console(stderr=True, highlight=False)
    for name in subjects or NAMES:
        subject = find_subject(name)
        started, busy = time.monotonic(), os.getloadavg()[0]
        rows = subject.measure(
            quick=quick, announce=lambda sentence: progress.print(f"{sentence} …")
        )
        path = results.save(name, rows, quick=quick, busy=busy)
        console.print(subject.REPORT.for_terminal(rows))
        progress.print(f"{name} took {time.monotonic() - started:.0f} seconds: {path.name}")
    if not quick:
        for path in plots.draw_all():
            progress.print(f"drew {path.relative_to(results.PROJECT)}")


if __name__ == "__main__":
    sys.exit(benchmarks.main(prog_name="python -m benchmarks"))

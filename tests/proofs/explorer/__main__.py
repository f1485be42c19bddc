"""Explore every interleaving of all scopes; exit status 1 where the promise is broken.

Families that are explored whole are written into tests/proofs/results/explorer.json, the others of
that file stay.
"""

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.proofs.explorer.repair_scopes import repair_families
from tests.proofs.explorer.run import explore_each, tasks_of
from tests.proofs.explorer.scopes import families
from tests.proofs.explorer.search import Covered

RESULTS = Path(__file__).parents[1] / "results" / "explorer.json"


@click.command(epilog="Example: python -m tests.proofs.explorer --only pieces --one-in 10")
@click.option("--only", default="", help="Only the families with this in their name.")
@click.option("--one-in", default=1, show_default=True, help="Only every so many-th scope.")
def explore(only: str, one_in: int) -> None:
    """Explore all interleavings of additions' and repairs' API calls, with faults, in small scopes.

    It shows, of each family: its scopes; the states explored; the schedules, that is orders of what
    may happen, that these stand for; and the most calls and repeated rounds of an invocation.
    """
    console = Console()
    every = (*families(), *repair_families())
    chosen = [family for family in every if only in family.name]
    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for heading in ("scopes", "states", "schedules", "calls", "repeats"):
        table.add_column(heading, justify="right")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    started = time.monotonic()
    total = Covered()
    violations: list[str] = []
    figures: dict[str, Covered] = {}
    with (
        Progress(*columns, TimeElapsedColumn(), console=console) as bars,
        multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool,
    ):
        for family in chosen:
            covered = Covered()
            tasks = tasks_of(family, one_in)
            for found in bars.track(
                pool.imap_unordered(explore_each, tasks), len(tasks), description=family.name
            ):
                if isinstance(found, str):
                    violations.append(found)
                else:
                    covered += found
            _add_row(table, family.name, covered)
            figures[family.name] = covered
            total += covered
    _add_row(table, f"together, in {time.monotonic() - started:.0f} seconds", total)
    console.print(table)
    console.print(f"{len(violations)} violations", style="bold red" if violations else "bold green")
    for violation in violations[:5]:
        console.print(violation, style="red", highlight=False)
    if one_in == 1 and not violations:
        _write(figures, {family.name for family in every})
    sys.exit(1 if violations else 0)


def _write(explored: Mapping[str, Covered], names: Collection[str]) -> None:
    """Write what was explored, without a violation, and what all families come to."""
    before = json.loads(RESULTS.read_text()).get("families", {}) if RESULTS.exists() else {}
    found = {name: asdict(covered) for name, covered in explored.items()}
    families = {name: each for name, each in {**before, **found}.items() if name in names}
    total = Covered()
    for each in families.values():
        total += Covered(**each)
    results = {**asdict(total), "violations": 0, "families": families}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def _add_row(table: Table, name: str, covered: Covered) -> None:
    table.add_row(
        name,
        f"{covered.scopes:,}",
        f"{covered.states:,}",
        f"{covered.schedules:.1e}",
        str(covered.most_calls),
        str(covered.most_rounds_repeated),
    )


if __name__ == "__main__":
    explore()

"""Deliver the same seeded histories to each implementation, and count what comes out wrong.

python -m tests.proofs.exactness: writes tests/proofs/results/exactness.json
"""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.looks import LOOKS, title_of
from operations.local.server import embedded_aws
from tests.proofs.exactness.delivering import HISTORIES, Outcome, deliver_history

RESULTS = Path(__file__).parents[1] / "results" / "exactness.json"


@click.command(epilog="Example: python -m tests.proofs.exactness --records 200")
@click.option("--records", default=1500, show_default=True, type=click.IntRange(min=10))
@click.option("--seed", default=1, show_default=True)
def exactness(records: int, seed: int) -> None:
    """Deliver the same histories to every implementation and count what comes out wrong."""
    console = Console()
    outcomes: dict[str, dict[str, Outcome]] = {}
    with embedded_aws() as aws:
        for name, look in LOOKS.items():
            with console.status(f"Delivering to {look.title} …"):
                outcomes[name] = {
                    kind: deliver_history(aws, name, write, records, seed)
                    for kind, write in HISTORIES.items()
                }
    console.print(outcomes_table(outcomes))
    RESULTS.write_text(
        json.dumps(
            {
                title_of(name): {kind: asdict(outcome) for kind, outcome in kinds.items()}
                for name, kinds in outcomes.items()
            },
            indent=1,
            ensure_ascii=False,
        )
        + "\n"
    )


def outcomes_table(outcomes: dict[str, dict[str, Outcome]]) -> Table:
    table = Table(title="The same histories, crashes and redeliveries")
    table.add_column("history")
    table.add_column("implementation")
    for column in ("wrong totals", "records lost", "times stuck"):
        table.add_column(column, justify="right")
    for kind in HISTORIES:
        for name, kinds in outcomes.items():
            outcome = kinds[kind]
            wrong = f"{outcome.wrong_totals} of {outcome.users}"
            lost, stuck = str(outcome.lost_records), str(outcome.times_stuck)
            table.add_row(kind, title_of(name), wrong, lost, stuck)
        table.add_section()
    return table


if __name__ == "__main__":
    exactness()

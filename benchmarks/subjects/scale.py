"""Beyond one machine: what the simulation answers for 1,000 to 1,000,000 records a second."""

import itertools
import math
from dataclasses import asdict

from rich.table import Table

from benchmarks import results
from benchmarks.looks import OURS
from benchmarks.measuring import Announce
from benchmarks.report import Column, draw_table
from benchmarks.results import Row
from benchmarks.simulation.adding import Adding
from benchmarks.simulation.assumptions import RATES, Load, Writer
from benchmarks.simulation.hottest import hottest_that_keeps_up
from benchmarks.simulation.needs import plan, recover
from benchmarks.simulation.players import hottest_share
from benchmarks.simulation.steps import steps
from benchmarks.simulation.writers import adding_writers

BATCHES = (100, 300, 500, 1_000, 2_000)
"""Records in a batch, as far as the hottest user is concerned; all else is as deployed."""


def measure(*, quick: bool, announce: Announce) -> list[Row]:
    """A row for each rate and contender, and for each contender's hottest user."""
    writers, adding = adding_writers(), Adding(results.load("batching"))
    rows: list[Row] = []
    for rate in RATES[: 1 if quick else None]:
        announce(f"scale: {rate:,} records a second")
        for writer in writers:
            load = Load(rate)
            needs, recovery = plan(load, writer, adding), recover(load, writer, adding)
            rows.append(
                {
                    "records_per_second": rate,
                    "contender": writer.name,
                    "kinesis_shards": needs.kinesis_shards,
                    "table_partitions": needs.table_partitions,
                    "ingest_concurrency": needs.ingest_concurrency,
                    "aggregate_concurrency": needs.aggregate_concurrency,
                    "parallelization": needs.parallelization,
                    "records_a_batch": needs.records_a_batch,
                    "write_units_per_record": needs.write_units_per_record,
                    "hottest_user_updates_per_second": needs.hottest_user_updates_per_second,
                    "backlog_records": recovery.backlog_records,
                    "drain_minutes": recovery.drain_seconds / 60
                    if math.isfinite(recovery.drain_seconds)
                    else "never",
                    "backlog_curve": [round(point) for point in recovery.curve[:60]],
                    "dollars_a_month": needs.dollars_a_month,
                    "dollars_by_part": {
                        part: round(dollars) for part, dollars in needs.dollars_by_part.items()
                    },
                }
            )
    share = hottest_share(Load(1).users)
    for batch, writer in itertools.product(BATCHES[: 1 if quick else None], writers):
        announce(f"scale: the hottest user that {writer.name} keeps up with, batches of {batch:,}")
        among_others = hottest_that_keeps_up(writer, batch=batch, share=share)
        rows.append(
            {
                "contender": writer.name,
                "batch": batch,
                "hottest_user_records_per_second": hottest_that_keeps_up(writer, batch=batch),
                "hottest_among_others_records_per_second": among_others,
                "zipf_records_per_second": among_others / share,
            }
        )
    if not quick:
        ours = next(writer for writer in writers if writer.name == OURS)
        rows += _steps(rows, ours, adding)
    return rows


def _steps(rows: list[Row], ours: Writer, adding: Adding) -> list[Row]:
    """What breaks on the way to the highest rate, where batches are full."""
    load = Load(RATES[-1])
    needs = plan(load, ours, adding)
    (hottest,) = (
        row["hottest_among_others_records_per_second"]
        for row in rows
        if row["contender"] == OURS and row.get("batch") == round(needs.records_a_batch)
    )
    return [
        {
            **asdict(step),
            "breaks_at_records_per_second": step.breaks_at_records_per_second
            if math.isfinite(step.breaks_at_records_per_second)
            else "never",
        }
        for step in steps(load, needs, hottest)
    ]


def show(rows: list[Row]) -> Table:
    hottest = {
        row["contender"]: row["hottest_user_records_per_second"]
        for row in rows
        if row.get("batch") == BATCHES[0]
    }
    lines = [
        {**row, "hottest": hottest[row["contender"]]}
        for row in rows
        if "contender" in row and "records_per_second" in row
    ]
    columns = (
        Column("records_per_second", "Records/s", ",d"),
        Column("contender", ""),
        Column("kinesis_shards", "Shards", ",d"),
        Column("aggregate_concurrency", "Concurrency", ",.0f"),
        Column("parallelization", "a shard", "d"),
        Column("write_units_per_record", "Write units"),
        Column("drain_minutes", "10 min outage: drained in", ".0f", " min"),
        Column("hottest", "Hottest user/s", ",.0f"),
        Column("dollars_a_month", "Dollars a month", ",.0f"),
    )
    return draw_table("Beyond one machine, simulated", lines, columns, ("records_per_second",))

"""Batching: which batch size to deploy. What a batch takes is measured, its gathering simulated."""

import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import mean

from rich.table import Table

import app
from benchmarks.contenders import TOTALS_TABLE, our_environment
from benchmarks.events import Event, Players, kinesis_events, stream_events
from benchmarks.measuring import CONTEXT, Announce, peak_memory_kib, silent
from benchmarks.report import Column, draw_table
from benchmarks.results import Row
from benchmarks.seeds import steady_user
from benchmarks.simulation.adding import Adding
from benchmarks.simulation.assumptions import (
    INVOCATION_BYTES,
    KINESIS_SHARD_RECORDS,
    STREAM_POLL_SECONDS,
    TABLE_STREAM_POLL_SECONDS,
)
from benchmarks.simulation.batches import Course, Delivered, Mapping, MilliSeconds, run_through
from benchmarks.simulation.deployed import Deployed, deployed
from benchmarks.simulation.hints import units_with_hints
from benchmarks.simulation.monthly import Invocations, Month
from benchmarks.simulation.needs import batch_ms, table_partitions
from benchmarks.simulation.writers import our_adding, our_storing
from dynamodb_model.stub import NOWHERE, answer_in_process
from dynamodb_model.tables import Tables
from operations.aws.stage import AGGREGATOR, INGESTION

RATES = (1, 100, 1_000, 10_000)
SIZES = (100, 300, 500, 1_000, 2_000)
MEASURED_SIZES = (1, 10, 30, *SIZES, 10_000)
PAYLOAD_BYTES = 1_000
USERS = 1_000_000
MEASURED_AT = 10_000
"""Records a second, which decides how many batches' records are of one second."""

HEADROOM = 1.4
FEWEST_SHARDS = 2
LANES_WITH_HINTS = (1, 4, 10)


@dataclass(frozen=True)
class Choice:
    """Both mappings as they might be deployed."""

    title: str
    ingestion: Deployed
    aggregation: Deployed


def choices() -> Iterator[Choice]:
    """The same size for both; what is deployed; and what else it was chosen from."""
    now, then = deployed(INGESTION), deployed(AGGREGATOR)
    for size in SIZES:
        yield Choice(f"{size:,}", replace(now, batch_size=size), replace(then, batch_size=size))
    yield Choice("as deployed", now, then)
    yield Choice("2 a shard", now, replace(then, parallelization=2))
    patient = replace(then, batch_size=10_000, window_seconds=10)
    yield Choice("10,000 in 10 s", now, patient)


def measure(*, quick: bool, announce: Announce) -> list[Row]:
    rows: list[Row] = []
    with silent():
        for size in MEASURED_SIZES[2:4] if quick else MEASURED_SIZES:
            announce(f"batching: batches of {size:,}, measured")
            rows.append(_measure_adding(size, records=500 if quick else 10_000))
        for size in SIZES[: 1 if quick else None]:
            announce(f"batching: the event and the memory of {size:,} records")
            rows.append(_measure_size(size))
    adding = Adding(rows)
    for rate in RATES[: 1 if quick else None]:
        announce(f"batching: {rate:,} records a second, simulated")
        seconds = 30 if quick else _seconds(rate)
        rows += [_simulate(rate, choice, adding, seconds=seconds) for choice in choices()]
    announce("batching: what remembering a user's item would save, simulated")
    rows += [
        {"hints": True, "lanes": lanes, "write_units_per_record": units_with_hints(lanes)}
        for lanes in LANES_WITH_HINTS
    ]
    return rows


def _seconds(rate: int) -> int:
    """How long to simulate, so that some thousand batches come together."""
    return {1: 1_000, 100: 100, 1_000: 40}.get(rate, 20)


def _measure_adding(size: int, records: int) -> Row:
    """What the aggregator asks for in batches of a million players by Zipf's law."""
    batches = max(2, math.ceil(min(records, size * 500) / size))
    players = Players(USERS, by_zipf=True, batches_per_second=max(1, MEASURED_AT // size))
    events = stream_events(players, size, "steady")
    with our_environment(NOWHERE):
        tables = Tables()
        tables.seeds[TOTALS_TABLE] = steady_user
        answer_in_process(app.connections.clients.dynamodb.meta.events, tables)
        for _ in range(batches):
            app.aggregate_scores_by_user(next(events), CONTEXT)
    counted, usage = batches * size, tables.usage
    return {
        "measured": "adding",
        "batch": size,
        "requests_per_record": usage.requests / counted,
        "write_units_per_record": usage.write_units / counted,
        "read_units_per_record": usage.read_units / counted,
    }


def _measure_size(size: int) -> Row:
    """The event and the memory of a batch of records of 1,000 bytes."""
    arriving = next(kinesis_events("scores", PAYLOAD_BYTES, size, 0))
    stored = _with_notes(next(stream_events(Players(None), size, "fresh")))
    with our_environment(NOWHERE):
        answer_in_process(app.connections.clients.dynamodb.meta.events, Tables())
        kib = {
            INGESTION: peak_memory_kib(app.process_kinesis_records, arriving),
            AGGREGATOR: peak_memory_kib(app.aggregate_scores_by_user, stored),
        }
    return {
        "measured": "size",
        "batch": size,
        "kinesis_event_bytes": len(json.dumps(arriving)),
        "stream_event_bytes": len(json.dumps(stored)),
        "ingestion_peak_kib": kib[INGESTION],
        "aggregation_peak_kib": kib[AGGREGATOR],
        "share_of_invocation_limit": len(json.dumps(arriving)) / INVOCATION_BYTES,
    }


def _with_notes(event: Event) -> Event:
    """The stream records as they are where the payload had 1,000 bytes."""
    for record in event["Records"]:
        record["dynamodb"]["NewImage"]["Note"] = {"S": "x" * (PAYLOAD_BYTES - 60)}
    return event


def _simulate(rate: int, choice: Choice, adding: Adding, *, seconds: int) -> Row:
    shards = max(FEWEST_SHARDS, math.ceil(rate * HEADROOM / KINESIS_SHARD_RECORDS))
    partitions = table_partitions(rate)
    putter, adder = our_storing(), our_adding()
    now, then = choice.ingestion, choice.aggregation

    def put_ms(size: int) -> float:
        return batch_ms(putter, _about(size), now.memory_mb)

    def add_ms(size: int) -> float:
        return batch_ms(adder, _about(size * adding.requests(size)), then.memory_mb)

    course = run_through(
        rate,
        _mapping(now, shards, STREAM_POLL_SECONDS, put_ms),
        _mapping(then, partitions, TABLE_STREAM_POLL_SECONDS, add_ms),
        seconds=seconds,
        chance=random.Random(1),
    )
    sizes = course.aggregation.sizes
    units = sum(size * adding.write_units(size) for size in sizes) / sum(sizes)
    month = Month(
        rate,
        shards,
        _invocations(course.ingestion, course, now),
        _invocations(course.aggregation, course, then),
        units,
    )
    return {
        "records_per_second": rate,
        "choice": choice.title,
        "shards": shards,
        "ingestion_records_a_batch": course.ingestion.records_a_batch,
        "aggregation_records_a_batch": course.aggregation.records_a_batch,
        "write_units_to_add": units,
        "ingestion_invocations_per_second": month.ingestion.per_second,
        "ingestion_ms": month.ingestion.milliseconds,
        "aggregation_invocations_per_second": month.aggregation.per_second,
        "aggregation_ms": month.aggregation.milliseconds,
        "shown_after_seconds": course.shown_after(50),
        "shown_after_seconds_99_percent": course.shown_after(99),
        "write_units_repeated_by_a_failing_batch": mean(
            size * adding.write_units(size) for size in sizes
        ),
        "dollars_a_month": month.dollars,
        "dollars_by_part": month.parts,
        "dollars_for_logs_without_payloads": month.logs_of_invocations,
    }


def _mapping(choice: Deployed, shards: int, poll: float, milliseconds: MilliSeconds) -> Mapping:
    return Mapping(
        lanes=shards * choice.parallelization,
        batch_size=choice.batch_size,
        window_seconds=choice.window_seconds,
        poll_seconds=poll,
        milliseconds=milliseconds,
    )


def _invocations(delivered: Delivered, course: Course, function: Deployed) -> Invocations:
    per_second = len(delivered.sizes) / course.seconds
    return Invocations(per_second, mean(delivered.milliseconds), function.memory_mb)


def _about(requests: float) -> int:
    """To two digits: durations are simulated once for each."""
    return max(1, int(float(f"{requests:.2g}")))


def show(rows: list[Row]) -> Table:
    columns = (
        Column("records_per_second", "Records/s", ",d"),
        Column("choice", "Batch size"),
        Column("ingestion_records_a_batch", "Stored together", ",.0f"),
        Column("aggregation_records_a_batch", "Added together", ",.0f"),
        Column("write_units_to_add", "Units to add"),
        Column("aggregation_ms", "Aggregator", ",.0f", " ms"),
        Column("shown_after_seconds", "In totals after", ".1f", " s"),
        Column("shown_after_seconds_99_percent", "99 %", ".1f", " s"),
        Column("write_units_repeated_by_a_failing_batch", "A failure repeats", ",.0f"),
        Column("dollars_a_month", "Dollars a month", ",.0f"),
    )
    lines = [row for row in rows if "choice" in row]
    return draw_table("Batching, simulated", lines, columns, ("records_per_second",))

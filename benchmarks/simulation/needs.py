"""What a load needs in steady state, and how a backlog is worked off after an outage."""

import heapq
import math
import random
from dataclasses import dataclass, replace
from functools import cache
from statistics import mean

from benchmarks.simulation.adding import Adding
from benchmarks.simulation.assumptions import (
    FEWEST_PARTITIONS,
    INVOCATION_MS,
    KINESIS_SHARD_BYTES,
    KINESIS_SHARD_RECORDS,
    MOST_PARALLEL_BATCHES,
    ON_DEMAND_HEADROOM,
    OURS,
    PARTITION_WRITE_UNITS,
    SCALING_CONCURRENCY,
    THREADS_PER_VCPU_MB,
    Load,
    Service,
    Writer,
)
from benchmarks.simulation.deployed import deployed
from benchmarks.simulation.monthly import Invocations, Month
from benchmarks.simulation.players import hottest_share
from operations.aws.stage import AGGREGATOR, INGESTION

OUTAGE_SECONDS = 600


@dataclass(frozen=True)
class Needs:
    """What the load takes, in steady state."""

    kinesis_shards: int
    table_partitions: int
    ingest_concurrency: float
    aggregate_concurrency: float
    parallelization: int
    records_a_batch: float
    write_units_per_record: float
    hottest_user_updates_per_second: float
    dollars_a_month: float
    dollars_by_part: dict[str, float]


@dataclass(frozen=True)
class Recovery:
    """After an outage of the aggregator."""

    backlog_records: float
    drain_seconds: float
    curve: tuple[float, ...]
    """The backlog at each minute from the outage's begin on."""


def plan(load: Load, writer: Writer, adding: Adding) -> Needs:
    """What the load needs with that writer, batches and memory being as deployed."""
    rate = load.records_per_second
    shards = max(
        math.ceil(rate / KINESIS_SHARD_RECORDS),
        math.ceil(rate * load.payload_bytes / KINESIS_SHARD_BYTES),
    )
    partitions = table_partitions(rate)
    put = _invocations(rate, shards, INGESTION, replace(OURS, workers=writer.workers), 1.0)
    batch = records_a_batch(rate, partitions, AGGREGATOR)
    units, requests = _a_record(writer, batch, adding)
    add = _invocations(rate, partitions, AGGREGATOR, writer, requests)
    month = Month(rate, shards, put, add, units, payload_bytes=load.payload_bytes)
    concurrency = add.per_second * add.milliseconds / 1000
    hottest = hottest_share(load.users)
    meeting = 1 - (1 - hottest) ** batch
    return Needs(
        kinesis_shards=shards,
        table_partitions=partitions,
        ingest_concurrency=put.per_second * put.milliseconds / 1000,
        aggregate_concurrency=concurrency,
        parallelization=math.ceil(concurrency / partitions),
        records_a_batch=batch,
        write_units_per_record=units,
        hottest_user_updates_per_second=add.per_second * meeting
        if writer.grouped
        else rate * hottest,
        dollars_a_month=month.dollars,
        dollars_by_part=month.parts,
    )


def table_partitions(rate: float) -> int:
    """Partitions of the table of records, and shards of its stream."""
    return max(FEWEST_PARTITIONS, math.ceil(rate / PARTITION_WRITE_UNITS))


def records_a_batch(rate: float, shards: int, function: str) -> float:
    """What gathers in a batching window on a lane, as long as the batch has room."""
    mapping = deployed(function)
    in_window = rate / (shards * mapping.parallelization) * mapping.window_seconds
    return min(mapping.batch_size, max(1.0, in_window))


def _invocations(
    rate: float, shards: int, function: str, writer: Writer, requests: float
) -> Invocations:
    batch = records_a_batch(rate, shards, function)
    memory_mb = deployed(function).memory_mb
    milliseconds = batch_ms(writer, round(batch * requests), memory_mb)
    return Invocations(rate / batch, milliseconds, memory_mb)


def _a_record(writer: Writer, batch: float, adding: Adding) -> tuple[float, float]:
    """Write units and requests of adding a record."""
    if writer.grouped:
        return adding.write_units(batch), adding.requests(batch)
    return writer.write_units_per_record, writer.requests_per_record


@cache
def batch_ms(writer: Writer, requests: int, memory_mb: int) -> float:
    """How long a batch takes: its requests on the writer's threads, or their CPU time if longer.

    A function has a share of a vCPU by its memory, and Python runs one thread at a time.
    """
    service, chance = Service(), random.Random(requests)
    runs = []
    for _ in range(20):
        threads = [0.0] * writer.workers
        for _ in range(requests):
            heapq.heapreplace(threads, threads[0] + service.latency_ms(chance))
        cpu_ms = requests * writer.cpu_ms_per_request * max(1, THREADS_PER_VCPU_MB / memory_mb)
        waiting = max(threads)
        runs.append(waiting + cpu_ms if writer.workers == 1 else max(waiting, cpu_ms))
    return INVOCATION_MS + mean(runs)


def recover(
    load: Load, writer: Writer, adding: Adding, *, outage_seconds: int = OUTAGE_SECONDS
) -> Recovery:
    """The backlog of an aggregator that stood still, second by second until it is worked off.

    It comes back with the concurrency that Lambda gives it second by second, up to as many full
    batches a shard as are deployed (a rival: as Lambda allows), and is held back by the tables'
    headroom over their previous peak.
    """
    mapping, rate = deployed(AGGREGATOR), load.records_per_second
    batch = mapping.batch_size
    _, requests = _a_record(writer, batch, adding)
    milliseconds = batch_ms(writer, round(batch * requests), mapping.memory_mb)
    per_invocation = batch / milliseconds * 1000
    lanes = mapping.parallelization if writer.grouped else MOST_PARALLEL_BATCHES
    partitions = table_partitions(rate)
    most = min(partitions * lanes * per_invocation, rate * ON_DEMAND_HEADROOM)
    backlog = 0.0
    curve = []
    for second in range(40 * outage_seconds):
        if second % 60 == 0:
            curve.append(backlog)
        arrived = rate
        working = second >= outage_seconds
        concurrency = (second - outage_seconds + 1) * SCALING_CONCURRENCY
        capacity = min(most, concurrency * per_invocation) if working else 0.0
        backlog = max(0.0, backlog + arrived - capacity)
        if working and backlog == 0:
            return Recovery(
                rate * outage_seconds,
                second - outage_seconds,
                (*curve, backlog),
            )
    return Recovery(rate * outage_seconds, math.inf, tuple(curve))

"""What a load needs in steady state, and how a backlog is worked off after an outage."""

import heapq
import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import mean

from benchmarks.simulation.assumptions import (
    DOLLARS_PER_GB_SECOND,
    DOLLARS_PER_LOG_GB,
    DOLLARS_PER_MILLION_INVOCATIONS,
    DOLLARS_PER_MILLION_PUTS,
    DOLLARS_PER_MILLION_WRITE_UNITS,
    DOLLARS_PER_SHARD_HOUR,
    HOURS_A_MONTH,
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
from chalicelib.receipts import room_on_item

EULER = 0.5772
"""Euler's constant: by it the harmonic numbers of Zipf's law exceed the logarithm."""

OUTAGE_SECONDS = 600

ROOM = room_on_item("player-0001")
"""Receipts on the item of a user with a short name."""

MOVE_REQUESTS = 2
"""What a move takes more than the addition that it comes with, a write unit each: the refusal that
tells of it, and the page."""


@dataclass(frozen=True)
class Needs:
    """What the load takes, in steady state."""

    kinesis_shards: int
    table_partitions: int
    ingest_concurrency: float
    aggregate_concurrency: float
    parallelization: int
    updates_per_record: float
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


def plan(load: Load, writer: Writer, *, memory_mb: int = 512, seed: int = 1) -> Needs:
    """What the load needs with that writer."""
    chance = random.Random(seed)
    rate = load.records_per_second
    shards = max(
        math.ceil(rate / KINESIS_SHARD_RECORDS),
        math.ceil(rate * load.payload_bytes / KINESIS_SHARD_BYTES),
    )
    partitions = math.ceil(rate / PARTITION_WRITE_UNITS)
    distinct = distinct_users(load, chance)
    updates = distinct / load.batch if writer.grouped else 1.0
    moves = 1 / ROOM if writer.grouped else 0.0
    ours = updates + moves * MOVE_REQUESTS
    units = ours if writer.grouped else writer.write_units_per_record
    requests = round(load.batch * (ours if writer.grouped else writer.requests_per_record))
    add_ms = batch_ms(writer, requests, memory_mb, chance)
    put_ms = batch_ms(replace(OURS, workers=writer.workers), load.batch, memory_mb, chance)
    batches = rate / load.batch
    parts = {
        "Kinesis": shards * HOURS_A_MONTH * DOLLARS_PER_SHARD_HOUR
        + _monthly(rate) / 1e6 * DOLLARS_PER_MILLION_PUTS,
        "DynamoDB, records": _monthly(rate) / 1e6 * DOLLARS_PER_MILLION_WRITE_UNITS,
        "DynamoDB, totals": _monthly(rate * units) / 1e6 * DOLLARS_PER_MILLION_WRITE_UNITS,
        "Lambda": _monthly(batches * (add_ms + put_ms) / 1000 * memory_mb / 1024)
        * DOLLARS_PER_GB_SECOND
        + _monthly(2 * batches) / 1e6 * DOLLARS_PER_MILLION_INVOCATIONS,
        "Logs": _monthly(rate * (load.payload_bytes + 250)) / 1e9 * DOLLARS_PER_LOG_GB,
    }
    concurrency = batches * add_ms / 1000
    hottest = hottest_share(load)
    meeting = 1 - (1 - hottest) ** load.batch
    return Needs(
        kinesis_shards=shards,
        table_partitions=partitions,
        ingest_concurrency=batches * put_ms / 1000,
        aggregate_concurrency=concurrency,
        parallelization=math.ceil(concurrency / partitions),
        updates_per_record=updates,
        write_units_per_record=units,
        hottest_user_updates_per_second=batches * meeting if writer.grouped else rate * hottest,
        dollars_a_month=sum(parts.values()),
        dollars_by_part=parts,
    )


def batch_ms(writer: Writer, requests: int, memory_mb: int, chance: random.Random) -> float:
    """How long a batch takes: its requests on the writer's threads, or their CPU time if longer.

    A function has a share of a vCPU by its memory, and Python runs one thread at a time.
    """
    service = Service()
    runs = []
    for _ in range(20):
        threads = [0.0] * writer.workers
        for _ in range(requests):
            heapq.heapreplace(threads, threads[0] + service.latency_ms(chance))
        cpu_ms = requests * writer.cpu_ms_per_request * max(1, THREADS_PER_VCPU_MB / memory_mb)
        waiting = max(threads)
        runs.append(waiting + cpu_ms if writer.workers == 1 else max(waiting, cpu_ms))
    return mean(runs)


def distinct_users(load: Load, chance: random.Random) -> float:
    """How many users a batch has on average."""
    draw = _users(load, chance)
    return mean(len(set(itertools.islice(draw, load.batch))) for _ in range(200))


def hottest_share(load: Load) -> float:
    """The busiest user's share of the records."""
    if load.even:
        return 1 / load.users
    return 1 / (math.log(load.users) + EULER)


def recover(load: Load, writer: Writer, *, outage_seconds: int = OUTAGE_SECONDS) -> Recovery:
    """The backlog of an aggregator that stood still, second by second until it is worked off.

    It comes back with the concurrency that Lambda gives it second by second, up to ten batches a
    shard at a time, and is held back by the tables' headroom over their previous peak.
    """
    needs = plan(load, writer)
    per_invocation = load.records_per_second / needs.aggregate_concurrency
    most = min(
        needs.table_partitions * MOST_PARALLEL_BATCHES * per_invocation,
        load.records_per_second * ON_DEMAND_HEADROOM,
    )
    backlog = 0.0
    curve = []
    for second in range(40 * outage_seconds):
        if second % 60 == 0:
            curve.append(backlog)
        arrived = load.records_per_second
        working = second >= outage_seconds
        concurrency = (second - outage_seconds + 1) * SCALING_CONCURRENCY
        capacity = min(most, concurrency * per_invocation) if working else 0.0
        backlog = max(0.0, backlog + arrived - capacity)
        if working and backlog == 0:
            return Recovery(
                load.records_per_second * outage_seconds,
                second - outage_seconds,
                (*curve, backlog),
            )
    return Recovery(load.records_per_second * outage_seconds, math.inf, tuple(curve))


def _monthly(per_second: float) -> float:
    return per_second * HOURS_A_MONTH * 3600


def _users(load: Load, chance: random.Random) -> Iterator[int]:
    """Users by Zipf's law, by inverting its continuous approximation."""
    while True:
        share = chance.random()
        if load.even:
            yield int(share * load.users)
        else:
            yield int(math.exp(share * math.log(load.users + 1)))

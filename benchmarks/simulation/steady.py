"""What a steady rate takes: batches, their time, functions side by side, and a month's bill.

In closed form, with what is deployed now. A simulation of every record's way, which stood here
before, came to the same bills within two percent, from 1 to 10,000 records a second.
"""

import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from benchmarks.looks import OURS
from benchmarks.results import Row, load
from benchmarks.simulation import assumptions
from benchmarks.simulation.deployed import Deployed, deployed
from benchmarks.simulation.monthly import Invocations, Month
from chalicelib.clients import WORKERS

STORING, ADDING = "ProcessKinesisRecords", "AggregateScoresByUser"


@dataclass(frozen=True)
class Work:
    """What a record takes, and how many requests are under way at a time."""

    requests: float
    write_units: float
    cpu_ms: float
    workers: int


def month(rate: float, contender: str = OURS, payload_bytes: int = 60) -> Month:
    """The month at so many records a second; a rival stores as we do, and adds its own way."""
    adds = gathered(rate, partitions(rate), deployed(ADDING), assumptions.TABLE_STREAM_POLL_SECONDS)
    stores = gathered(
        rate, shards(rate, payload_bytes), deployed(STORING), assumptions.STREAM_POLL_SECONDS
    )
    add = work_to_add(contender, adds)
    return Month(
        records_per_second=rate,
        shards=shards(rate, payload_bytes),
        storing=invocations(rate, stores, work_to_store(), deployed(STORING)),
        adding=invocations(rate, adds, add, deployed(ADDING)),
        units_to_add=add.write_units,
        payload_bytes=payload_bytes,
    )


def shards(rate: float, payload_bytes: int) -> int:
    """Shards of the stream, with headroom."""
    records = rate / assumptions.KINESIS_SHARD_RECORDS
    size = rate * payload_bytes / assumptions.KINESIS_SHARD_BYTES
    needed = max(records, size) * assumptions.SHARD_HEADROOM
    return max(assumptions.FEWEST_SHARDS, math.ceil(needed))


def partitions(rate: float) -> int:
    """Partitions of the table of records, and shards of its stream."""
    return max(assumptions.FEWEST_PARTITIONS, math.ceil(rate / assumptions.PARTITION_WRITE_UNITS))


def gathered(rate: float, shards: int, mapping: Deployed, poll_seconds: float) -> float:
    """How many records come together: a first one, and what its poll and the window bring."""
    a_lane = rate / (shards * mapping.parallelization)
    return min(mapping.batch_size, 1 + a_lane * (mapping.window_seconds + poll_seconds))


def invocations(rate: float, batch: float, work: Work, function: Deployed) -> Invocations:
    """A batch takes its CPU or its waiting, whichever is longer; a single worker does both.

    A function has a share of a vCPU by its memory, and Python runs one thread at a time.
    """
    cpu_ms = work.cpu_ms * max(1.0, assumptions.VCPU_MB / function.memory_mb)
    waiting_ms = work.requests * assumptions.REQUEST_MS / work.workers
    record_ms = cpu_ms + waiting_ms if work.workers == 1 else max(cpu_ms, waiting_ms)
    return Invocations(
        rate / batch, assumptions.INVOCATION_MS + batch * record_ms, function.memory_mb
    )


def work_to_store() -> Work:
    """Storing a score of 100 bytes: a request a score."""
    (row,) = (
        row
        for row in load("ingestion")
        if (row["contender"], row["payloads"], row["payload_bytes"]) == (OURS, "scores", 100)
    )
    return Work(1.0, 1.0, row["cpu_us_per_record"] / 1000, WORKERS)


def work_to_add(contender: str, batch: float) -> Work:
    """Adding a record of a million players by Zipf's law; only ours depends on the batch."""
    (row,) = (
        row
        for row in load("aggregator")
        if (row["contender"], row["scenario"], row["batch"]) == (contender, "steady", 100)
        and "requests_per_record" in row
    )
    cpu_ms = row["cpu_us_per_record_at_4_ms"] / 1000
    if contender != OURS:
        return Work(row["requests_per_record"], row["write_units_per_record"], cpu_ms, workers=1)
    requests = between_batches("requests_per_record", batch)
    return Work(
        requests,
        between_batches("write_units_per_record", batch),
        cpu_ms / row["requests_per_record"] * requests,
        WORKERS,
    )


def between_batches(figure: str, batch: float) -> float:
    """A figure at any size of a batch, between two measured ones by the size's logarithm."""
    rows = _batches()
    for smaller, larger in pairwise(rows):
        if batch <= larger["value"]:
            way = math.log(batch / smaller["value"]) / math.log(larger["value"] / smaller["value"])
            return float(smaller[figure] + (larger[figure] - smaller[figure]) * way)
    return float(rows[-1][figure])


@cache
def _batches() -> list[Row]:
    return [row for row in load("growth") if row["grows"] == "batch"]

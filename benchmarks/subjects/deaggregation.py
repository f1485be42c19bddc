"""User records a second out of aggregates, here and by the public module aws_kinesis_agg.

Both go from an event's base64 to the bytes of every user record, in turns on the same records.
"""

import base64
import gc
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from aws_kinesis_agg.deaggregator import deaggregate_records
from rich.console import Console
from rich.table import Table

from chalicelib.deaggregation import UserRecord
from chalicelib.opening import unpack
from operations.aws.aggregation import AGGREGATE_BYTES, encode_aggregate, group_by_size

ROUNDS = 7
SCORE = b'{"RecordID": %d, "Username": "player-%04d", "Score": 12.34}'

EventRecord = Mapping[str, Any]


class Measurement(NamedTuple):
    """One input's figures, medians over the rounds, in user records a second."""

    name: str
    user_records: int
    here_per_second: float
    module_per_second: float


def run(rounds: int = ROUNDS) -> list[Measurement]:
    """The figures for aggregates as producers write them and for the most that one can hold."""
    scores = [
        UserRecord(SCORE % (number, number % 500), f"key-{number % 500}")
        for number in range(100_000)
    ]
    tiny = [UserRecord(b"{}", "key")] * 1_000_000
    small = [encode_aggregate(group) for group in group_by_size(scores, AGGREGATE_BYTES)]
    return [
        measure("scores, 50 KB an aggregate", small, rounds),
        measure("scores, all in one", [encode_aggregate(scores)], rounds),
        measure("two bytes each, in one", [encode_aggregate(tiny)], max(1, rounds // 2)),
    ]


def measure(name: str, aggregates: Sequence[bytes], rounds: int) -> Measurement:
    """Both decoders' figures, measured in turns; they must find the same user records."""
    records = [event_record(data) for data in aggregates]
    seconds: dict[Callable[[Sequence[EventRecord]], int], list[float]] = {
        count_here: [],
        count_by_module: [],
    }
    counts = set()
    for _ in range(rounds):
        for count, times in seconds.items():
            gc.collect()
            started = time.perf_counter()
            counts.add(count(records))
            times.append(time.perf_counter() - started)
    (user_records,) = counts
    here, module = (user_records / median(times) for times in seconds.values())
    return Measurement(name, user_records, here, module)


def count_here(records: Sequence[EventRecord]) -> int:
    """Decode with what the function uses."""
    return sum(
        len([package.open(each) for each in package.user_records])
        for package in (unpack(base64.b64decode(each["kinesis"]["data"])) for each in records)
    )


def count_by_module(records: Sequence[EventRecord]) -> int:
    """Decode with the module, which hands out base64 again."""
    decoded = deaggregate_records(records)
    return len([base64.b64decode(each["kinesis"]["data"]) for each in decoded])


def event_record(data: bytes) -> EventRecord:
    """A Kinesis record as Lambda delivers it."""
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "key",
            "sequenceNumber": "1",
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": 1_795_413_600.25,
        },
        "eventSource": "aws:kinesis",
        "eventID": "shardId-000000000000:1",
        "eventName": "aws:kinesis:record",
        "awsRegion": "us-east-1",
    }


def figures(measurements: Sequence[Measurement]) -> Table:
    """The figures for a person."""
    table = Table(title="User records a second, medians")
    table.add_column("Input")
    for heading in ("User records", "Here", "aws_kinesis_agg", "Times"):
        table.add_column(heading, justify="right")
    for each in measurements:
        table.add_row(
            each.name,
            f"{each.user_records:,}",
            f"{each.here_per_second:,.0f}",
            f"{each.module_per_second:,.0f}",
            f"{each.here_per_second / each.module_per_second:.2f}",
        )
    return table


if __name__ == "__main__":
    Console().print(figures(run()))

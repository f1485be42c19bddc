"""De-aggregation: user records a second of CPU, here and by the public module.

Both go from an event's base64 to the bytes of every user record, in turns on the same records. The
module is aws_kinesis_agg.
"""

import base64
import gc
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from aws_kinesis_agg.deaggregator import deaggregate_records

from benchmarks.measuring import Announce
from benchmarks.report import Column, Report
from benchmarks.results import Row
from chalicelib.deaggregation import UserRecord
from chalicelib.opening import unpack
from operations.aws.aggregation import AGGREGATE_BYTES, encode_aggregate, group_by_size
from operations.scores.events import kinesis_record

SCORE = b'{"RecordID": %d, "Username": "player-%04d", "Score": 12.34}'

EventRecord = Mapping[str, Any]


def measure(*, quick: bool, announce: Announce) -> list[Row]:
    """A row for aggregates as producers write them, and for the most that one can hold."""
    count, rounds = (1_000, 1) if quick else (100_000, 3)
    scores = [
        UserRecord(SCORE % (number, number % 500), f"key-{number % 500}") for number in range(count)
    ]
    tiny = [UserRecord(b"{}", "key")] * (10 * count)
    rows = []
    for name, groups in (
        ("scores, 50 KB an aggregate", group_by_size(scores, AGGREGATE_BYTES)),
        ("scores, all in one", [scores]),
        ("two bytes each, in one", [tiny]),
    ):
        announce(f"de-aggregation: {name}")
        rows.append(compare(name, [encode_aggregate(group) for group in groups], rounds))
    return rows


def compare(name: str, aggregates: Sequence[bytes], rounds: int) -> Row:
    """Both decoders' medians, measured in turns; they must find the same user records."""
    records = [kinesis_record(data) for data in aggregates]
    seconds: dict[Callable[[Sequence[EventRecord]], int], list[float]] = {
        count_here: [],
        count_by_module: [],
    }
    counts = set()
    for _ in range(rounds):
        for count, times in seconds.items():
            gc.collect()
            started = time.process_time()
            counts.add(count(records))
            times.append(time.process_time() - started)
    (user_records,) = counts
    here, module = (user_records / median(times) for times in seconds.values())
    return {
        "aggregates": name,
        "user_records": user_records,
        "here_per_second": here,
        "module_per_second": module,
        "times_the_modules_rate": here / module,
    }


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


REPORT = Report(
    "De-aggregation, user records a second of CPU",
    (
        Column("aggregates", "Aggregates"),
        Column("user_records", "User records", ","),
        Column("here_per_second", "Here, a second", ",.0f"),
        Column("module_per_second", "aws_kinesis_agg", ",.0f"),
        Column("times_the_modules_rate", "Times its rate"),
    ),
)

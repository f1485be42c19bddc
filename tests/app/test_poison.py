"""Poison: broken records hold nothing up, and each is kept once, whole, with its reason."""

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.broken import BROKEN_KINESIS_RECORDS, BROKEN_STREAM_RECORDS, INVALID_PAYLOADS
from tests.builders import inserted, kinesis_record
from tests.conftest import Invoke
from tests.data_stack import DataStack

RECORDS = 1000
BATCH = 100
UNFORESEEN = "unforeseen"
"""How a reason begins that an exception inside decoding gave."""


def test_poison_on_the_stream_is_rejected_once_and_holds_nothing_up(
    ingest: Invoke, data: DataStack
) -> None:
    invalid = [lambda payload=payload: kinesis_record(payload) for payload, _ in INVALID_PAYLOADS]
    known = [
        *invalid,
        *(make for make, reason in BROKEN_KINESIS_RECORDS if UNFORESEEN not in reason),
    ]
    records, poison = poisoned(
        (
            kinesis_record({"RecordID": number, "Username": "Ann", "Score": 1})
            for number in itertools.count(10)
        ),
        known,
    )

    deliver_twice(ingest, records)

    assert len(data.records) == RECORDS - len(poison)
    assert counted(data) == Counter(map(json.dumps, poison))


def test_poison_in_the_table_is_rejected_once_and_holds_nothing_up(
    aggregate: Invoke, data: DataStack
) -> None:
    known = [make for make, reason in BROKEN_STREAM_RECORDS if UNFORESEEN not in reason]
    records, poison = poisoned((inserted("Ben", 1) for _ in itertools.count()), known)

    deliver_twice(aggregate, records)

    assert data.totals == {"Ben": RECORDS - len(poison)}
    assert counted(data) == Counter(map(json.dumps, poison))


def poisoned(good: Iterator[Any], known: list[Any]) -> tuple[list[Any], list[Any]]:
    """Records of which one in fifty is broken and one in five hundred breaks the decoder itself."""
    makers = itertools.cycle(known)
    records: list[Any] = []
    poison: list[Any] = []
    for number in range(RECORDS):
        if number % 500 == 499:
            poison.append(f"no record at all, number {number}")
        elif number % 50 == 25:
            poison.append({**next(makers)(), "number": number})
        else:
            records.append(next(good))
            continue
        records.append(poison[-1])
    return records, poison


def deliver_twice(invoke: Invoke, records: list[Any]) -> None:
    for _ in range(2):
        for start in range(0, RECORDS, BATCH):
            answer = invoke(*records[start : start + BATCH])
            assert answer == f"Successfully processed {BATCH} records."


def counted(data: DataStack) -> Counter[str]:
    """How often each record stands in the rejects bucket, as it was."""
    return Counter(json.dumps(reject["record"]) for reject in data.rejects)

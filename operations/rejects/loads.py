"""Which rejects go to their function together, and in which order."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from chalicelib.rejects import REJECTED_SINCE
from chalicelib.scores import EventRecord
from chalicelib.stream_records import created_seconds
from operations.aws.batches import Batch, in_batches
from operations.aws.stage import AGGREGATOR, INGESTION
from operations.rejects.objects import RejectsObject, identity_of

LARGEST_EVENTS = {INGESTION: 100, AGGREGATOR: 500}
"""Records that go in one event. Where a total refuses all of them, the aggregator asks some four
requests a record, one after another: with 500, some ten seconds of the minute that it may run."""

LARGEST_EVENT_BYTES = 5_000_000
"""An invocation takes 6 MB."""


def loads(objects: Iterable[RejectsObject]) -> Iterator[list[RejectsObject]]:
    """The objects one by one; those of the aggregator together, as many as one event holds."""
    load = Batch[RejectsObject](LARGEST_EVENTS[AGGREGATOR], LARGEST_EVENT_BYTES)
    for found in objects:
        if found.function != AGGREGATOR:
            yield [found]
            continue
        size_bytes = sum(map(_size_bytes, found.records))
        if full := load.add(found, size_bytes, count=len(found.rejects)):
            yield full
    if rest := load.rest():
        yield rest


def distinct_oldest_first(objects: Sequence[RejectsObject]) -> list[EventRecord]:
    """The objects' records without repetitions: a batch that was halved leaves some twice.

    Each tells since when it is rejected, which the function keeps if it rejects it again.
    """
    records: dict[str, EventRecord] = {}
    since: dict[str, datetime] = {}
    for found in objects:
        for each in found.rejects:
            identity, time = identity_of(each.record), found.since_when(each)
            records[identity] = each.record
            since[identity] = min(time, since.get(identity, time))
    marked = (_marked(record, since[identity]) for identity, record in records.items())
    return sorted(marked, key=created_seconds)


def events_of(function: str, records: Sequence[EventRecord]) -> Iterator[list[EventRecord]]:
    """The records in order, as many at a time as go to the function in one event."""
    return in_batches(records, LARGEST_EVENTS[function], LARGEST_EVENT_BYTES, _size_bytes)


def _marked(record: EventRecord, since: datetime) -> EventRecord:
    if not isinstance(record, dict):
        return record
    return {**record, REJECTED_SINCE: since.isoformat()}


def _size_bytes(record: EventRecord) -> int:
    return len(json.dumps(record))

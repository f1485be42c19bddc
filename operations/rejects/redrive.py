"""Gives rejected records to their function again, and removes what is done with.

Those of AggregateScoresByUser go together, from as many objects as one event holds, oldest first.
The function adds an event's changes of one user as one sum, and halves only what is refused: so
changes get in that the total could not take one by one, such as a score's insertion and deletion.

The function's answer does not tell whether a record was rejected again, but the bucket does: an
invocation that rejects records writes one object with them before it answers, and every write to
a versioned bucket makes a version of its own. So the versions under the days that such an object
can stand are compared before and after; an object is new or newly written exactly if records of
that invocation, or of Lambda's own at the same time, were rejected.

A record is done with when the function took it, or when it stands in another object, with its
reason of now. Only then, for all its records, is an object removed; a crash before that leaves it
to be redriven once more, which is harmless: records are stored once and counted once.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from chalicelib.receipts import KEPT_SECONDS
from chalicelib.rejects import object_key
from operations.errors import OperationFailed
from operations.rejects.objects import RejectsObject, list_objects, read_object
from operations.stage.stage import FUNCTIONS, Stage

AGGREGATOR = "AggregateScoresByUser"

LARGEST_BATCHES = {"ProcessKinesisRecords": 100, AGGREGATOR: 500}
"""Records that go in one event. Where a total refuses all of them, the aggregator asks some four
requests a record, one after another: with 500, some ten seconds of the minute that it may run."""

LARGEST_EVENT_BYTES = 5_000_000
"""An invocation takes 6 MB."""

DAY_SECONDS = 24 * 3600

Outcome = Literal["done", "rejected again", "failed", "refused", "would redrive"]


@dataclass(frozen=True)
class Redriven:
    """What became of one object.

    `done` of its `records` were taken by the function; `outcome` is `done` if all were, and
    `rejected again` if some were not, which then stand under `stands_in`. `failed` and `refused`
    leave the object alone; `reason` says why.
    """

    key: str
    records: int
    outcome: Outcome
    done: int = 0
    reason: str = ""
    stands_in: tuple[str, ...] = ()


def redrive(stage: Stage, prefix: str, *, dry_run: bool = False) -> Iterator[Redriven]:
    """What becomes of each object under the prefix, as it happens.

    Raises OperationFailed where the bucket keeps no versions: without them nothing tells whether
    a record was rejected again.
    """
    bucket = stage.names.rejects_bucket
    if stage.aws.client("s3").get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
        raise OperationFailed(
            f"The bucket {bucket} keeps no versions, so nothing would tell whether a record is "
            "rejected again: turn versioning on first, as infrastructure/data.yaml does."
        )
    versions = _Versions(stage, bucket)
    for load in _loads(_read_oldest_first(stage, bucket, prefix)):
        taken = []
        for found in load:
            refusal = why_not(found, time.time())
            if refusal:
                yield Redriven(found.key, len(found.rejects), "refused", reason=refusal)
            elif dry_run:
                yield Redriven(found.key, len(found.rejects), "would redrive")
            else:
                taken.append(found)
        if taken:
            yield from _redrive_together(stage, bucket, taken, versions)


def why_not(found: RejectsObject, now_seconds: float) -> str:
    """Why the object cannot be redriven; empty if it can.

    The aggregator counts a record once by its receipt, which may be gone after 30 days.
    """
    if found.problem:
        return found.problem
    if found.processor not in FUNCTIONS:
        return f"it is of a function {found.processor!r} that this app does not have"
    if found.processor != AGGREGATOR:
        return ""
    written = found.written.timestamp()
    ages = [now_seconds - (_created(record) or written) for record in found.records]
    old = sum(age > KEPT_SECONDS for age in ages)
    if not old:
        return ""
    days = KEPT_SECONDS // DAY_SECONDS
    return (
        f"{old} of its {len(ages)} records are older than {days} days, as long as receipts are "
        "kept: they might count twice. `reconcile` tells whether a total lacks them, `rebuild` "
        "mends it"
    )


def _read_oldest_first(stage: Stage, bucket: str, prefix: str) -> Iterator[RejectsObject]:
    """The objects under the prefix, but for those that are gone when it is their turn."""
    listed = sorted(
        list_objects(stage.aws.client("s3"), bucket, prefix), key=lambda each: each.written
    )
    for each in listed:
        found = _read_if_there(stage, bucket, each.key)
        if found:
            yield found


def _loads(objects: Iterable[RejectsObject]) -> Iterator[list[RejectsObject]]:
    """The objects one by one, but those of the aggregator together, as many as one event holds."""
    load: list[RejectsObject] = []
    records = size_bytes = 0
    for found in objects:
        if found.processor != AGGREGATOR:
            yield [found]
            continue
        more_bytes = sum(map(_size_bytes, found.records))
        if load and (
            records + len(found.rejects) > LARGEST_BATCHES[AGGREGATOR]
            or size_bytes + more_bytes > LARGEST_EVENT_BYTES
        ):
            yield load
            load, records, size_bytes = [], 0, 0
        load.append(found)
        records += len(found.rejects)
        size_bytes += more_bytes
    if load:
        yield load


def _redrive_together(
    stage: Stage, bucket: str, objects: Sequence[RejectsObject], versions: "_Versions"
) -> Iterator[Redriven]:
    """What becomes of the objects, all of one function, when their records go to it together.

    Where the function fails on several, each is tried by itself, so that none holds up the others.
    """
    processor = objects[0].processor
    records = _distinct_oldest_first(objects)
    prefixes = sorted({_day_prefix(processor, record) for record in records})
    before = versions.known(prefixes)
    for batch in _batches(records, LARGEST_BATCHES[processor]):
        failure = _invoke(stage, processor, batch)
        if failure and len(objects) == 1:
            yield Redriven(objects[0].key, len(objects[0].rejects), "failed", reason=failure)
            return
        if failure:
            for each in objects:
                yield from _redrive_together(stage, bucket, [each], versions)
            return
    after = versions.of_now(prefixes)
    written = [key for key, version in after.items() if before.get(key) != version]
    rejected_again = {key: _reasons_in(stage, bucket, key) for key in written}
    for each in objects:
        yield _settle(stage, bucket, each, rejected_again)


def _settle(
    stage: Stage,
    bucket: str,
    found: RejectsObject,
    rejected_again: Mapping[str, Mapping[str, str]],
) -> Redriven:
    """Remove the object, unless it is where its records stand again; tells what became of it."""
    identities = [_identity(record) for record in found.records]
    stands_in = []
    reasons: dict[str, str] = {}
    for key, reasons_in in rejected_again.items():
        ours = {each: reasons_in[each] for each in identities if each in reasons_in}
        if ours:
            stands_in.append(key)
            reasons.update(ours)
    if found.key not in stands_in:
        _remove(stage, bucket, found)
    return Redriven(
        key=found.key,
        records=len(identities),
        outcome="rejected again" if reasons else "done",
        done=sum(each not in reasons for each in identities),
        reason=next(iter(reasons.values()), ""),
        stands_in=tuple(stands_in),
    )


def _reasons_in(stage: Stage, bucket: str, key: str) -> dict[str, str]:
    """The reason of each record in the object; none if it is gone, with all of them done with."""
    found = _read_if_there(stage, bucket, key)
    return {_identity(each.record): each.reason for each in found.rejects} if found else {}


def _read_if_there(stage: Stage, bucket: str, key: str) -> RejectsObject | None:
    """The object; None if it was removed meanwhile, by another redrive."""
    try:
        return read_object(stage.aws.client("s3"), bucket, key)
    except stage.aws.client("s3").exceptions.NoSuchKey:
        return None


def _distinct_oldest_first(objects: Sequence[RejectsObject]) -> list[Mapping[str, Any]]:
    """The objects' records, each once: one may stand in several, after a batch came in halves."""
    distinct = {_identity(record): record for each in objects for record in each.records}
    return sorted(distinct.values(), key=lambda record: _created(record) or 0)


def _batches(records: Sequence[Mapping[str, Any]], most: int) -> Iterator[list[Mapping[str, Any]]]:
    batch: list[Mapping[str, Any]] = []
    size_bytes = 0
    for record in records:
        record_bytes = _size_bytes(record)
        if batch and (len(batch) == most or size_bytes + record_bytes > LARGEST_EVENT_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(record)
        size_bytes += record_bytes
    if batch:
        yield batch


def _size_bytes(record: Mapping[str, Any]) -> int:
    return len(json.dumps(record))


def _invoke(stage: Stage, handler: str, batch: Sequence[Mapping[str, Any]]) -> str:
    """Why the function failed on the batch; empty if it did not."""
    answer = stage.aws.client("lambda").invoke(
        FunctionName=stage.function_name(handler),
        Payload=json.dumps({"Records": batch}).encode(),
    )
    payload = answer["Payload"].read().decode(errors="replace")
    if "FunctionError" not in answer:
        return ""
    try:
        error = json.loads(payload)
        return f"{handler} fails: {error['errorType']}: {error['errorMessage']}"
    except (ValueError, LookupError, TypeError):
        return f"{handler} fails: {payload[:500]}"


class _Versions:
    """The newest version of each object, by key; each prefix is listed once an invocation.

    What was listed after one invocation is what was known before the next.
    """

    def __init__(self, stage: Stage, bucket: str) -> None:
        self._pages = stage.aws.client("s3").get_paginator("list_object_versions")
        self._bucket = bucket
        self._listed: dict[str, dict[str, str]] = {}

    def known(self, prefixes: Sequence[str]) -> dict[str, str]:
        return {
            key: version
            for prefix in prefixes
            for key, version in (self._listed.get(prefix) or self._list(prefix)).items()
        }

    def of_now(self, prefixes: Sequence[str]) -> dict[str, str]:
        return {key: version for prefix in prefixes for key, version in self._list(prefix).items()}

    def _list(self, prefix: str) -> dict[str, str]:
        self._listed[prefix] = {
            version["Key"]: version["VersionId"]
            for page in self._pages.paginate(Bucket=self._bucket, Prefix=prefix)
            for version in page.get("Versions", [])
            if version["IsLatest"]
        }
        return self._listed[prefix]


def _remove(stage: Stage, bucket: str, found: RejectsObject) -> None:
    """Remove the object, unless it was written again since it was read.

    Its versions stay for 30 days, as data.yaml has it.
    """
    try:
        now = stage.aws.client("s3").head_object(Bucket=bucket, Key=found.key)
    except stage.aws.client("s3").exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
            return
        raise
    if now.get("VersionId") == found.version:
        stage.aws.client("s3").delete_object(Bucket=bucket, Key=found.key)


def _day_prefix(processor: str, record: Mapping[str, Any]) -> str:
    """What the key of any object begins with whose first record is this one."""
    return object_key(processor, [record]).rpartition("/")[0] + "/"


def _identity(record: Mapping[str, Any]) -> str:
    return json.dumps(record, sort_keys=True)


def _created(record: Mapping[str, Any]) -> float | None:
    """When the change was made, seconds; None where the record does not tell."""
    change = record.get("dynamodb") if isinstance(record, dict) else None
    created = change.get("ApproximateCreationDateTime") if isinstance(change, dict) else None
    if isinstance(created, bool) or not isinstance(created, int | float) or created <= 0:
        return None
    return created

"""Gives rejected records to their function again, and removes what is done with.

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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from chalicelib.receipts import KEPT_SECONDS
from chalicelib.rejects import object_key
from operations.errors import OperationFailed
from operations.pipeline import Pipeline
from operations.rejects import (
    PROCESSORS,
    RejectedRecord,
    RejectsObject,
    list_objects,
    read_object,
)
from operations.stream_batch import StreamBatch, read_batch

LARGEST_BATCH = 100
LARGEST_EVENT_BYTES = 5_000_000
"""An invocation takes 6 MB; the mappings deliver 100 records at a time."""

DAY_SECONDS = 24 * 3600

Outcome = Literal["done", "rejected again", "partly gone", "failed", "refused", "would redrive"]


@dataclass(frozen=True)
class Redriven:
    """What became of one object.

    `done` of its `records` were taken by the function; `outcome` is `done` if all were, and
    `rejected again` if some were not, which then stand under `stands_in`. `partly gone`, where its
    stream had only some of them, `failed` and `refused` leave the object alone; `reason` says why.
    """

    key: str
    records: int
    outcome: Outcome
    done: int = 0
    reason: str = ""
    stands_in: tuple[str, ...] = ()


def redrive(pipeline: Pipeline, prefix: str, *, dry_run: bool = False) -> Iterator[Redriven]:
    """What becomes of each object under the prefix, as it happens.

    Raises OperationFailed where the bucket keeps no versions: without them nothing tells whether
    a record was rejected again.
    """
    bucket = pipeline.variables["REJECTS_BUCKET"]
    if pipeline.s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
        raise OperationFailed(
            f"The bucket {bucket} keeps no versions, so nothing would tell whether a record is "
            "rejected again: turn versioning on first, as infrastructure/data.yaml does."
        )
    versions = _Versions(pipeline, bucket)
    for key in [found.key for found in list_objects(pipeline.s3, bucket, prefix)]:
        try:
            found = read_object(pipeline.s3, bucket, key)
        except pipeline.s3.exceptions.NoSuchKey:
            continue  # removed meanwhile, by another redrive or with an object before
        if found.batch:
            found = read_again(pipeline, found, found.batch)
        refusal = why_not(found, time.time())
        if refusal:
            yield Redriven(key, len(found.rejects), "refused", reason=refusal)
        elif dry_run:
            yield Redriven(key, len(found.rejects), "would redrive")
        else:
            yield _redrive_object(pipeline, bucket, found, versions)


def read_again(pipeline: Pipeline, found: RejectsObject, batch: StreamBatch) -> RejectsObject:
    """The object with those of its batch's records that their stream still has.

    Where it has none of them, the object's problem says so.
    """
    records = read_batch(batch, pipeline.kinesis, pipeline.streams)
    rejects = tuple(RejectedRecord("Lambda gave up", record) for record in records)
    problem = "" if rejects else f"all are gone from their stream: {batch}"
    return replace(found, rejects=rejects, problem=problem)


def why_not(found: RejectsObject, now_seconds: float) -> str:
    """Why the object cannot be redriven; empty if it can.

    The aggregator counts a record once by its receipt, which may be gone after 30 days.
    """
    if found.problem:
        return found.problem
    if found.processor not in PROCESSORS:
        return f"it is of a function {found.processor!r} that this app does not have"
    if found.processor != "AggregateScoresByUser":
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


def _redrive_object(
    pipeline: Pipeline, bucket: str, found: RejectsObject, versions: "_Versions"
) -> Redriven:
    records = list(found.records)
    prefixes = sorted({_day_prefix(found.processor, record) for record in records})
    before = versions.known(prefixes)
    for batch in _batches(records):
        failure = _invoke(pipeline, found.processor, batch)
        if failure:
            return Redriven(found.key, len(records), "failed", reason=failure)
    after = versions.of_now(prefixes)
    written = [key for key, version in after.items() if before.get(key) != version]
    identities = {_identity(record) for record in records}
    again: dict[str, str] = {}
    stands_in: list[str] = []
    for key in written:
        rejects = read_object(pipeline.s3, bucket, key).rejects
        ours = {_identity(each.record): each.reason for each in rejects}
        if identities & ours.keys():
            stands_in.append(key)
            again.update({name: ours[name] for name in identities & ours.keys()})
    if found.key not in stands_in and not found.gone:
        _remove(pipeline, bucket, found)
    done = sum(_identity(record) not in again for record in records)
    lost = f"{found.gone:,} of its records are gone from their stream" if found.gone else ""
    return Redriven(
        key=found.key,
        records=len(records) + found.gone,
        outcome="rejected again" if again else "partly gone" if found.gone else "done",
        done=done,
        reason="; ".join([*list(again.values())[:1], *filter(None, [lost])]),
        stands_in=tuple(stands_in),
    )


def _batches(records: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    batch: list[Mapping[str, Any]] = []
    size_bytes = 0
    for record in records:
        record_bytes = len(json.dumps(record))
        if batch and (
            len(batch) == LARGEST_BATCH or size_bytes + record_bytes > LARGEST_EVENT_BYTES
        ):
            yield batch
            batch, size_bytes = [], 0
        batch.append(record)
        size_bytes += record_bytes
    if batch:
        yield batch


def _invoke(pipeline: Pipeline, handler: str, batch: Sequence[Mapping[str, Any]]) -> str:
    """Why the function failed on the batch; empty if it did not."""
    answer = pipeline.lambda_.invoke(
        FunctionName=pipeline.function_name(handler),
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

    def __init__(self, pipeline: Pipeline, bucket: str) -> None:
        self._pages = pipeline.s3.get_paginator("list_object_versions")
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


def _remove(pipeline: Pipeline, bucket: str, found: RejectsObject) -> None:
    """Remove the object, unless it was written again since it was read.

    Its versions stay for 30 days, as data.yaml has it.
    """
    try:
        now = pipeline.s3.head_object(Bucket=bucket, Key=found.key)
    except pipeline.s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
            return
        raise
    if now.get("VersionId") == found.version:
        pipeline.s3.delete_object(Bucket=bucket, Key=found.key)


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

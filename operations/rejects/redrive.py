"""Gives rejected records to their function again, and removes what is done with.

Those of AggregateScoresByUser go together, from as many objects as one event holds, oldest first.
The function adds an event's changes of one user as one sum, and halves only what is refused: so
changes get in that the total could not take one by one, such as a score's insertion and deletion.

The function's answer does not tell whether a record was rejected again, but the bucket does: an
invocation that rejects records writes one object with them before it answers, and every write to
a versioned bucket makes a version of its own. So the versions under the days that such an object
can stand are compared before and after; an object is new or newly written exactly if records of
that invocation, or of Lambda's own at the same time, were rejected.

A record that was invalid and stands corrected in the table is not sent at all: there is nothing
left to do. A record is done with then, when the function took it, or when it stands in another
object, with its reason of now and the time at which it was first rejected. Only then, for all its
records, is an object removed; a crash before that leaves it to be redriven once more, which is
harmless: records are stored once and counted once.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from chalicelib.receipts import KEPT_SECONDS
from chalicelib.rejects import RejectedRecord, object_key
from chalicelib.scores import EventRecord
from chalicelib.stream_records import created_seconds
from operations.aws.invoke import EventTooLarge, FunctionFailed, NotNow, invoke
from operations.aws.stage import AGGREGATOR, FUNCTIONS, Stage
from operations.rejects.absent import tell_absent
from operations.rejects.corrections import Corrections
from operations.rejects.given_up_batch import GivenUpBatch, read_batch
from operations.rejects.loads import distinct_oldest_first, events_of, loads
from operations.rejects.objects import RejectsObject, identity_of, list_objects
from operations.rejects.versions import (
    NewestVersions,
    read_if_there,
    remove_if_unchanged,
    require_versions,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DAY_SECONDS = 24 * 3600

Outcome = Literal["done", "rejected again", "partly gone", "failed", "refused", "would redrive"]


@dataclass(frozen=True)
class Redriven:
    """What became of one object.

    `done` of its `records` were taken by the function, or stand corrected in the table; `outcome`
    is `done` if all are, and `rejected again` if some are not, which then stand under `stands_in`.
    `partly gone`: some were in their stream only, which has them no more. That, `failed` and
    `refused` leave the object alone; `reason` says why.
    """

    key: str
    records: int
    outcome: Outcome
    done: int = 0
    reason: str = ""
    stands_in: tuple[str, ...] = ()


def redrive(stage: Stage, prefix: str, *, dry_run: bool = False) -> Iterator[Redriven]:
    """Redrive each object under the prefix; yields what became of it.

    Raises OperationFailed where the bucket keeps no versions: without them nothing tells whether
    a record was rejected again.
    """
    s3, bucket = stage.aws.client("s3"), stage.names.rejects_bucket
    require_versions(s3, bucket)
    versions = NewestVersions(s3, bucket)
    corrections = Corrections(stage)
    found_now = _read_oldest_first(s3, bucket, prefix)
    for load in loads(corrections.left_out(found) for found in found_now):
        taken = []
        absent: dict[str, str] = {}
        for each in load:
            found = read_again(stage, each, each.batch) if each.batch else each
            refusal = why_not(found, time.time())
            absent[found.key] = "" if refusal else tell_absent(stage, found)
            if refusal:
                yield Redriven(found.key, found.count, "refused", reason=refusal)
            elif dry_run:
                reason = "; ".join(filter(None, [absent[found.key], _corrected(found)]))
                yield Redriven(found.key, found.count, "would redrive", reason=reason)
            elif found.corrected and not found.rejects:
                remove_if_unchanged(s3, bucket, found)
                yield Redriven(
                    found.key, found.count, "done", found.count, reason=_corrected(found)
                )
            else:
                taken.append(found)
        if taken:
            for done in _redrive_together(stage, taken, versions):
                reason = "; ".join(filter(None, [done.reason, absent[done.key]]))
                yield replace(done, reason=reason)


def read_again(stage: Stage, found: RejectsObject, batch: GivenUpBatch) -> RejectsObject:
    """The object with those of its batch's records that their stream still has.

    Where it has none of them, the object's problem says so.
    """
    records = read_batch(batch, stage.aws.client("kinesis"), stage.aws.client("dynamodbstreams"))
    rejects = tuple(RejectedRecord("Lambda gave up", record) for record in records)
    problem = "" if rejects else f"all are gone from their stream: {batch}"
    return replace(found, rejects=rejects, problem=problem)


def why_not(found: RejectsObject, now_seconds: float) -> str:
    """Why the object cannot be redriven; empty if it can.

    The aggregator counts a record once by its receipt, which may be gone after 30 days.
    """
    if found.problem:
        return found.problem
    if found.function not in FUNCTIONS:
        return f"it is of a function {found.function!r} that this app does not have"
    if found.function != AGGREGATOR:
        return ""
    oldest = now_seconds - KEPT_SECONDS
    old = sum(_begun_seconds(found, each) < oldest for each in found.rejects)
    if not old:
        return ""
    days = KEPT_SECONDS // DAY_SECONDS
    return (
        f"{old} of its {len(found.rejects)} records are older than {days} days, as receipts are "
        "kept no longer: they might count twice. `reconcile` tells whether a total lacks them, "
        "`rebuild` mends it"
    )


def _begun_seconds(found: RejectsObject, rejected: RejectedRecord) -> float:
    """When the change was made; it cannot be later than when it was rejected."""
    rejected_seconds = found.since_when(rejected).timestamp()
    return min(created_seconds(rejected.record) or rejected_seconds, rejected_seconds)


def _redrive_together(
    stage: Stage, objects: Sequence[RejectsObject], versions: NewestVersions
) -> Iterator[Redriven]:
    """Send the records of these objects, all of one function, together; what became of each.

    Where the function fails on several, each is tried by itself, so that none holds up the others.
    What Lambda cannot run now is left for another run.
    """
    s3, bucket = stage.aws.client("s3"), stage.names.rejects_bucket
    function = objects[0].function
    records = distinct_oldest_first(objects)
    prefixes = sorted({_day_prefix(function, record) for record in records})
    before = versions.known(prefixes)
    try:
        for batch in events_of(function, records):
            invoke(stage, function, json.dumps({"Records": batch}).encode())
    except NotNow as error:
        for each in objects:
            yield Redriven(each.key, each.count, "failed", reason=str(error))
        return
    except (FunctionFailed, EventTooLarge) as error:
        if len(objects) == 1:
            yield Redriven(objects[0].key, objects[0].count, "failed", reason=str(error))
            return
        for each in objects:
            yield from _redrive_together(stage, [each], versions)
        return
    after = versions.of_now(prefixes)
    written = [key for key, version in after.items() if before.get(key) != version]
    rejected_again = {key: _reasons_in(s3, bucket, key) for key in written}
    for each in objects:
        yield _settle(s3, bucket, each, rejected_again)


def _settle(
    s3: "S3Client",
    bucket: str,
    found: RejectsObject,
    rejected_again: Mapping[str, Mapping[str, str]],
) -> Redriven:
    """Remove the object, unless its records were rejected into it again; what became of it."""
    identities = [identity_of(record) for record in found.records]
    stands_in = []
    reasons: dict[str, str] = {}
    for key, reasons_in in rejected_again.items():
        ours = {each: reasons_in[each] for each in identities if each in reasons_in}
        if ours:
            stands_in.append(key)
            reasons.update(ours)
    if found.key not in stands_in and not found.gone:
        remove_if_unchanged(s3, bucket, found)
    lost = f"{found.gone:,} of its records are gone from their stream" if found.gone else ""
    return Redriven(
        key=found.key,
        records=found.count,
        outcome="rejected again" if reasons else "partly gone" if found.gone else "done",
        done=found.corrected + sum(each not in reasons for each in identities),
        reason="; ".join(filter(None, [next(iter(reasons.values()), ""), lost, _corrected(found)])),
        stands_in=tuple(stands_in),
    )


def _corrected(found: RejectsObject) -> str:
    """What to tell of the records that stand corrected in the table; empty if none does."""
    return f"corrected in the table: {found.corrected}" if found.corrected else ""


def _reasons_in(s3: "S3Client", bucket: str, key: str) -> dict[str, str]:
    """Each record's reason in the object; none if the object is gone: its records are done with."""
    found = read_if_there(s3, bucket, key)
    return {identity_of(each.record): each.reason for each in found.rejects} if found else {}


def _read_oldest_first(s3: "S3Client", bucket: str, prefix: str) -> Iterator[RejectsObject]:
    """The objects under the prefix, except those that are gone when it is their turn."""
    for each in sorted(list_objects(s3, bucket, prefix), key=lambda each: each.written):
        found = read_if_there(s3, bucket, each.key)
        if found:
            yield found


def _day_prefix(function: str, record: EventRecord) -> str:
    """The prefix that all objects share whose first record is of this record's day."""
    return object_key(function, [record]).rpartition("/")[0] + "/"

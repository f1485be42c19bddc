"""The rejects bucket: records that can never succeed, with their reasons, kept whole.

The only place that knows the JSON of its objects: `{"function": …, "rejects": [{"reason": …,
"record": …}, …]}`. `record` is the whole record as Lambda delivered it; a record that was redriven
also has the time of its first rejection, as `since`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.scores import EventRecord, Reject
from chalicelib.stream_records import created_seconds, decode_seconds

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "rejects"
"""Lambda's own on-failure objects stand beside it, under aws/lambda/."""

REJECTED_SINCE = "rejectedSince"
"""The key under which a redriven record tells since when it stands in the bucket."""

MOST_REASONS = 10
"""Reasons that are kept of one record: an aggregate can have a million bad user records."""


class RejectedRecord(NamedTuple):
    """One rejected record's reason, with the record as Lambda delivered it.

    `since` is when it was first rejected, where that is not when its object was written.
    """

    reason: str
    record: EventRecord
    since: datetime | None = None


class RejectsBucket:
    """The S3 bucket for rejects."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def save(
        self,
        function: str,
        rejects: Sequence[Reject],
        batch: Sequence[EventRecord],
    ) -> None:
        """The batch's rejects stand in the bucket afterwards, in one object.

        The object's key is made from the records, so saving a redelivered batch again overwrites.
        Raises botocore's error where the bucket could not be written.
        """
        rejected = join_rejects(rejects, batch)
        self._s3.put_object(
            Bucket=self._bucket,
            Key=object_key(function, [each.record for each in rejected]),
            Body=encode_rejects(function, rejected),
            ContentType="application/json",
        )


def join_rejects(
    rejects: Sequence[Reject], batch: Sequence[EventRecord]
) -> tuple[RejectedRecord, ...]:
    """The batch's rejected records, each once and in the batch's order.

    A record with several rejects, such as an aggregate with several bad user records, has their
    first reasons joined.
    """
    reasons: dict[int, list[str]] = {}
    for reject in rejects:
        reasons.setdefault(reject.position, []).append(reject.reason)
    return tuple(
        _rejected(join_reasons(reasons[position]), batch[position]) for position in sorted(reasons)
    )


def encode_rejects(function: str, rejects: Iterable[RejectedRecord]) -> bytes:
    """The JSON of an object that holds these records, which that function rejected."""
    content = {"function": function, "rejects": [_to_json(each) for each in rejects]}
    return json.dumps(content, ensure_ascii=False, indent=1).encode(errors="surrogatepass")


def decode_rejects(content: Any) -> tuple[str, tuple[RejectedRecord, ...]]:
    """The function and the rejected records in an object's JSON.

    Objects written before 0.3.0 call the function `processor`. Raises ValueError, LookupError,
    TypeError or AttributeError where it is no object of rejects.
    """
    function = content["function"] if "function" in content else content["processor"]
    rejects = tuple(
        RejectedRecord(each["reason"], each["record"], _decode_time(each.get("since")))
        for each in content["rejects"]
    )
    return str(function), rejects


def object_key(function: str, records: Sequence[EventRecord]) -> str:
    """A key such as `rejects/ProcessKinesisRecords/2026/11/23/3f0c….json`: the first record's day.

    The same records make the same key, whenever they are rejected again.
    """
    content = json.dumps(records, sort_keys=True).encode()
    digest = blake2b(content, digest_size=16).hexdigest()
    return f"{PREFIX}/{function}/{_day_of(records[0])}/{digest}.json"


def join_reasons(reasons: Sequence[str]) -> str:
    """The reasons in one line: `user record 0: …; user record 17: …; 83 more`."""
    more = [f"{len(reasons) - MOST_REASONS:,} more"] if len(reasons) > MOST_REASONS else []
    return "; ".join([*reasons[:MOST_REASONS], *more])


def _rejected(reason: str, record: EventRecord) -> RejectedRecord:
    if not isinstance(record, Mapping) or REJECTED_SINCE not in record:
        return RejectedRecord(reason, record)
    as_first_delivered = {key: part for key, part in record.items() if key != REJECTED_SINCE}
    return RejectedRecord(reason, as_first_delivered, _decode_time(record[REJECTED_SINCE]))


def _to_json(rejected: RejectedRecord) -> dict[str, Any]:
    since = {"since": rejected.since.isoformat()} if rejected.since else {}
    return {"reason": rejected.reason, **since, "record": rejected.record}


def _decode_time(since: Any) -> datetime | None:
    """The time, with its zone; raises ValueError or TypeError where it is none."""
    if since is None:
        return None
    time = datetime.fromisoformat(since)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _day_of(record: EventRecord) -> str:
    """The record's day, UTC, as `2026/11/23`; `undated` where it tells no time."""
    if not isinstance(record, Mapping):
        return "undated"
    kinesis = record.get("kinesis")
    if isinstance(kinesis, Mapping):
        seconds = decode_seconds(kinesis.get("approximateArrivalTimestamp"))
    else:
        seconds = created_seconds(record)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y/%m/%d") if seconds else "undated"

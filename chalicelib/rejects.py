"""The rejects bucket: records that can never succeed, with their reasons, kept whole."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from chalicelib.scores import EventRecord, Reject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "rejects"
"""Lambda's own on-failure objects stand beside it, under aws/lambda/."""

REJECTED_SINCE = "rejectedSince"
"""The key under which a redriven record tells since when it stands in the bucket."""

MOST_REASONS = 10
"""Reasons that are kept of one record: an aggregate can have a million bad user records."""


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
        body = rejects_object(function, rejects, batch)
        self._s3.put_object(
            Bucket=self._bucket,
            Key=object_key(function, [each["record"] for each in body["rejects"]]),
            Body=json.dumps(body, ensure_ascii=False, indent=1).encode(errors="surrogatepass"),
            ContentType="application/json",
        )


def rejects_object(
    function: str, rejects: Sequence[Reject], batch: Sequence[EventRecord]
) -> dict[str, Any]:
    """What an object holds: `{"processor": …, "rejects": [{"reason": …, "record": …}, …]}`.

    `record` is the whole record as Lambda delivered it; one that is rejected for several reasons,
    such as an aggregate with several bad user records, stands there once, with the first of them.
    One that was redriven has the time, too, at which it was first rejected, as `since`.
    """
    reasons: dict[int, list[str]] = {}
    for reject in rejects:
        reasons.setdefault(reject.position, []).append(reject.reason)
    return {
        "processor": function,
        "rejects": [
            _kept(join_reasons(reasons[position]), batch[position]) for position in sorted(reasons)
        ],
    }


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


def _kept(reason: str, record: EventRecord) -> dict[str, Any]:
    if not isinstance(record, Mapping) or REJECTED_SINCE not in record:
        return {"reason": reason, "record": record}
    as_first_delivered = {key: part for key, part in record.items() if key != REJECTED_SINCE}
    return {"reason": reason, "since": record[REJECTED_SINCE], "record": as_first_delivered}


def _day_of(record: Mapping[str, Any]) -> str:
    """The record's day, UTC, as `2026/11/23`; `undated` where it tells no time."""
    try:
        if "kinesis" in record:
            created = record["kinesis"]["approximateArrivalTimestamp"]
        else:
            created = record["dynamodb"]["ApproximateCreationDateTime"]
        return datetime.fromtimestamp(created, UTC).strftime("%Y/%m/%d")
    except (LookupError, TypeError, ValueError, OverflowError, OSError):
        return "undated"

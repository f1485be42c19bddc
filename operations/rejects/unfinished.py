"""Erasures that are not finished: one object each in the bucket, with the player and the due time.

A player's total and its receipts may only go when nobody can deliver a change of theirs any more:
when the table's stream has forgotten the last one. Until then an object under forget/ reminds
people of it. It holds the name, so in the end it goes in all versions.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from operations.aws.table_stream import Moment
from operations.rejects.objects import FORGET_PREFIX

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Unfinished(NamedTuple):
    """An erasure whose second part is due at that time; `is_due` by the clock of AWS."""

    player: str
    due: datetime
    is_due: bool


def find_unfinished(s3: "S3Client", bucket: str) -> Iterator[Unfinished]:
    """All of them, in the order of their keys."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=FORGET_PREFIX):
        for found in page.get("Contents", []):
            if unfinished := _read(s3, bucket, found["Key"]):
                yield unfinished


def unfinished_of(s3: "S3Client", bucket: str, player: str) -> Unfinished | None:
    """The player's; None where there is none."""
    return _read(s3, bucket, _key(player))


def remind(s3: "S3Client", bucket: str, player: str, wait: timedelta) -> Unfinished:
    """Note that the erasure has to be finished, so long from now by the clock of AWS."""
    now = _time_of(s3.list_objects_v2(Bucket=bucket, Prefix=FORGET_PREFIX, MaxKeys=1))
    unfinished = Unfinished(player, now + wait, is_due=False)
    body = json.dumps({"player": player, "due": unfinished.due.isoformat()}).encode()
    s3.put_object(Bucket=bucket, Key=_key(player), Body=body, ContentType="application/json")
    return unfinished


def finish(s3: "S3Client", bucket: str, player: str) -> None:
    """Delete the reminder in all versions; what is gone already is fine.

    It is removed first, so that one of which some versions are left reminds nobody.
    """
    key = _key(player)
    s3.delete_object(Bucket=bucket, Key=key)
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
        for version in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
            s3.delete_object(Bucket=bucket, Key=key, VersionId=version["VersionId"])


def _read(s3: "S3Client", bucket: str, key: str) -> Unfinished | None:
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except s3.exceptions.NoSuchKey:
        return None
    try:
        content = json.loads(answer["Body"].read())
        player, due = content["player"], datetime.fromisoformat(content["due"])
    except (ValueError, LookupError, TypeError):
        return None  # it is none of ours
    return Unfinished(player, due, is_due=due <= _time_of(answer))


def _time_of(answer: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(Moment.of(answer).aws_seconds, UTC)


def _key(player: str) -> str:
    return f"{FORGET_PREFIX}{blake2b(player.encode(), digest_size=16).hexdigest()}.json"

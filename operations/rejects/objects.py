"""The objects in the rejects bucket, read: ours, and Lambda's own of failed invocations.

Ours stand under rejects/<function>/<day>/, see chalicelib/rejects.py. Lambda's stand under
aws/lambda/<mapping>/<shard>/<day>/ and hold the failed event whole, as `payload`, or only tell
where its records stood in their stream:
https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.rejects import RejectedRecord, decode_rejects
from chalicelib.scores import EventRecord
from operations.aws.errors import Misuse
from operations.rejects.given_up_batch import GivenUpBatch, decode_batch

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LAMBDAS_PREFIX = "aws/lambda/"

FORGET_PREFIX = "forget/"
"""What stands under it is no reject: see unfinished.py."""

READERS = 8
"""Objects read at a time."""


@dataclass(frozen=True)
class RejectsObject:
    """An object and what it holds.

    `version` names what was read, in a versioned bucket. `function` is the one that the
    records were meant for; where the object cannot be understood it and `rejects` are empty, and
    `problem` says why. Where the object only tells where its records stood, `batch` says where,
    and `rejects` are empty until they are read again. `corrected` of its records are left out: they
    stand corrected in the table.
    """

    key: str
    version: str
    written: datetime
    function: str
    rejects: tuple[RejectedRecord, ...]
    problem: str = ""
    batch: GivenUpBatch | None = None
    corrected: int = 0

    @property
    def count(self) -> int:
        """Its records, those that stand corrected in the table and those that are gone, too."""
        return len(self.rejects) + self.corrected + self.gone

    @property
    def since(self) -> datetime:
        """When the first of its records was rejected for the first time."""
        return min((self.since_when(each) for each in self.rejects), default=self.written)

    def since_when(self, reject: RejectedRecord) -> datetime:
        """When this one of its records was rejected for the first time."""
        return min(self.written, reject.since or self.written)

    @property
    def gone(self) -> int:
        """How many of its records their stream does not have any more, once it was read again."""
        return self.batch.size - len(self.rejects) if self.batch else 0

    @property
    def records(self) -> list[EventRecord]:
        return [reject.record for reject in self.rejects]


class ReasonCount(NamedTuple):
    """Records rejected by that function for that reason."""

    function: str
    reason: str
    records: int


class ListedObject(NamedTuple):
    """An object in a listing."""

    key: str
    written: datetime


def list_objects(s3: "S3Client", bucket: str, prefix: str = "") -> Iterator[ListedObject]:
    """The bucket's objects of rejects under the prefix, in the order of their keys."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Contents", []):
            if not found["Key"].startswith(FORGET_PREFIX):
                yield ListedObject(found["Key"], found["LastModified"])


def read_rejects(s3: "S3Client", bucket: str, prefix: str = "") -> Iterator[RejectsObject]:
    """The objects under the prefix with what they hold, in the order of their keys."""
    yield from read_objects(s3, bucket, (found.key for found in list_objects(s3, bucket, prefix)))


def read_objects(s3: "S3Client", bucket: str, keys: Iterable[str]) -> Iterator[RejectsObject]:
    """The objects of these keys, some read ahead."""
    with ThreadPoolExecutor(READERS) as readers:
        yield from readers.map(lambda key: read_object(s3, bucket, key), keys)


def require_object(s3: "S3Client", bucket: str, key: str) -> RejectsObject:
    """The object of that key; raises Misuse where there is none."""
    try:
        return read_object(s3, bucket, key)
    except s3.exceptions.NoSuchKey as error:
        raise Misuse(
            f"There is no object {key!r} in the rejects bucket: `rejects list` has the keys."
        ) from error


def read_all_versions(s3: "S3Client", bucket: str, prefix: str) -> Iterator[RejectsObject]:
    """The objects under the prefix in all versions, those too that were removed or overwritten."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    listed = (found for page in pages for found in page.get("Versions", []))
    with ThreadPoolExecutor(READERS) as readers:
        yield from filter(None, readers.map(lambda each: _read_version(s3, bucket, each), listed))


def _read_version(s3: "S3Client", bucket: str, version: Any) -> RejectsObject | None:
    """That version; None if it is gone for good meanwhile."""
    try:
        return read_object(s3, bucket, version["Key"], VersionId=version["VersionId"])
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchVersion", "404"):
            return None
        raise


def read_object(s3: "S3Client", bucket: str, key: str, **version: Any) -> RejectsObject:
    """The object of that key; raises botocore's NoSuchKey where there is none."""
    response = s3.get_object(Bucket=bucket, Key=key, **version)
    name, written = response.get("VersionId", "null"), response["LastModified"]
    try:
        content = json.loads(response["Body"].read())
        function, rejects = decode_content(key, content)
        batch = None if rejects else decode_batch(content)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        problem = f"it is no object of rejects: {error or type(error).__name__}"
        return RejectsObject(key, name, written, "", (), problem)
    problem = f"its records stand in their stream only: {batch}" if batch else ""
    return RejectsObject(key, name, written, function, rejects, problem, batch)


def decode_content(key: str, content: Any) -> tuple[str, tuple[RejectedRecord, ...]]:
    """The function and the rejected records in an object's JSON.

    Raises ValueError, LookupError, TypeError or AttributeError where it is of neither kind.
    """
    if not key.startswith(LAMBDAS_PREFIX):
        return decode_rejects(content)
    function = content["requestContext"]["functionArn"].split(":function:")[1].split(":")[0]
    payload = content.get("payload")
    if payload is None and decode_batch(content) is None:
        raise ValueError("it holds no payload")
    event = json.loads(payload) if isinstance(payload, str) else payload or {"Records": []}
    reason = f"Lambda gave up: {content['requestContext']['condition']}"
    rejects = tuple(RejectedRecord(reason, record) for record in event["Records"])
    return function.rsplit("-", 1)[-1], rejects


def count_reasons(objects: Sequence[RejectsObject]) -> list[ReasonCount]:
    """The number of rejected records by function and reason, most first.

    Ids in the reasons are left out: with them no two would be alike.
    """
    counts = Counter(
        (each.function, _without_ids(reject.reason)) for each in objects for reject in each.rejects
    )
    return [ReasonCount(*reject, count) for reject, count in counts.most_common()]


def identity_of(record: EventRecord) -> str:
    """The whole record as text, by which two are compared."""
    return json.dumps(record, sort_keys=True)


def _without_ids(reason: str) -> str:
    words = reason.split(" ")
    return " ".join("…" if word.lstrip("-").isdigit() and len(word) > 3 else word for word in words)

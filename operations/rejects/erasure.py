"""The rejects bucket without one player, in all versions of its objects."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.rejects import encode_rejects
from operations.aws.stage import Stage
from operations.rejects.objects import (
    LAMBDAS_PREFIX,
    READERS,
    RejectsObject,
    decode_content,
)
from operations.rejects.redaction import is_unreadable_but_mentions, mentions, without_player

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Version(NamedTuple):
    """A version of an object in the bucket; `is_latest`: the object as it is now."""

    key: str
    id: str
    is_latest: bool
    written: Any


@dataclass(frozen=True)
class Holding:
    """A version that holds records of the player, and what is left without them.

    `is_unclear`: the name stands in something that cannot be read, so nobody can tell whose it is.
    """

    version: Version
    content: Any
    etag: str
    records: int
    left: RejectsObject
    is_unclear: bool = False


def find_holdings(stage: Stage, player: str) -> Iterator[Holding]:
    """Every version of an object that holds records of the player."""
    s3, bucket = stage.aws.client("s3"), stage.names.rejects_bucket
    with ThreadPoolExecutor(READERS) as readers:
        looked_at = readers.map(lambda each: _look(s3, bucket, each, player), _versions(s3, bucket))
        yield from (each for each in looked_at if each)


def erase(stage: Stage, holding: Holding) -> None:
    """Rewrite the object without the player, and delete the version that holds their records.

    An object with nothing left is deleted before its version is, else the version before it would
    come back. An object that was written again meanwhile stays, to be looked at once more.
    """
    s3, bucket = stage.aws.client("s3"), stage.names.rejects_bucket
    version, left = holding.version, holding.left
    if not holding.records:
        return
    if version.is_latest and left.rejects:
        try:
            s3.put_object(
                Bucket=bucket,
                Key=version.key,
                Body=_encode(holding.content, left),
                ContentType="application/json",
                IfMatch=holding.etag,
            )
        except s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in ("PreconditionFailed", "404", "NoSuchKey"):
                raise
            return
    elif version.is_latest:
        s3.delete_object(Bucket=bucket, Key=version.key)
    s3.delete_object(Bucket=bucket, Key=version.key, VersionId=version.id)


def _versions(s3: "S3Client", bucket: str) -> Iterator[Version]:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for each in page.get("Versions", []):
            yield Version(each["Key"], each["VersionId"], each["IsLatest"], each["LastModified"])


def _look(s3: "S3Client", bucket: str, version: Version, player: str) -> Holding | None:
    try:
        answer = s3.get_object(Bucket=bucket, Key=version.key, VersionId=version.id)
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchVersion", "404"):
            return None
        raise
    body = answer["Body"].read()
    try:
        content = json.loads(body)
        function, rejects = decode_content(version.key, content)
    except (ValueError, LookupError, TypeError, AttributeError):
        whole = RejectsObject(version.key, version.id, version.written, "", ())
        unreadable = Holding(version, None, answer["ETag"], 0, whole, is_unclear=True)
        return unreadable if mentions(body, player) else None
    whole = RejectsObject(version.key, version.id, version.written, function, rejects)
    left = without_player(whole, player)
    kept = sum(any(each is before for before in rejects) for each in left.rejects)
    is_unclear = any(is_unreadable_but_mentions(each.record, player) for each in left.rejects)
    if left is whole and not is_unclear:
        return None
    records = len(rejects) - kept
    return Holding(version, content, answer["ETag"], records, left, is_unclear)


def _encode(content: Any, left: RejectsObject) -> bytes:
    """The object's JSON with the rejects that are left, in the form that it had."""
    if left.key.startswith(LAMBDAS_PREFIX):
        rest = {**content, "payload": {"Records": [each.record for each in left.rejects]}}
        return json.dumps(rest, ensure_ascii=False, indent=1).encode(errors="surrogatepass")
    rejects = (each._replace(since=left.since_when(each)) for each in left.rejects)
    return encode_rejects(left.function, rejects)

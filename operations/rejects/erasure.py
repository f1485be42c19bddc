"""The rejects bucket without one player, in all versions of its objects."""

import json
from collections.abc import Container, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.rejects import RejectedRecord, encode_rejects
from operations.aws.stage import Stage
from operations.rejects.objects import (
    FORGET_PREFIX,
    LAMBDAS_PREFIX,
    READERS,
    RejectsObject,
    decode_content,
)
from operations.rejects.ownership import problem_with
from operations.rejects.redaction import redact
from operations.rejects.versions import remove_if_unchanged

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

HOLDS_RECORDS = ("rejects", "payload")
"""The keys of an object's JSON under which its records stand."""

GONE = ("NoSuchKey", "NoSuchVersion", "404")
WRITTEN_MEANWHILE = ("PreconditionFailed", "ConditionalRequestConflict", *GONE)


class Version(NamedTuple):
    """A version of an object in the bucket; `is_latest`: the object as it is now."""

    key: str
    id: str
    is_latest: bool
    written: Any


@dataclass(frozen=True)
class Holding:
    """A version that holds records of the player, and what is left without them.

    `problem`: why nobody can tell whether anything of the player is in what is left.
    """

    version: Version
    content: Any
    etag: str
    records: int
    left: RejectsObject
    problem: str = ""


def find_holdings(stage: Stage, player: str, whole: Container[str] = ()) -> Iterator[Holding]:
    """Every version of an object that holds records of the player, or of which nobody can tell.

    Of the objects whose keys are in `whole` all is the player's.
    """
    s3, bucket = stage.aws.client("s3"), stage.names.rejects_bucket
    with ThreadPoolExecutor(READERS) as readers:
        looked_at = readers.map(
            lambda each: _look(s3, bucket, each, player, is_whole=each.key in whole),
            _versions(s3, bucket),
        )
        yield from (each for each in looked_at if each)


def erase(stage: Stage, holding: Holding) -> None:
    """Rewrite the object without the player, and delete the version that holds their records.

    An object with nothing left is deleted before its version is, else the version before it would
    come back. An object that others wrote meanwhile stays, to be looked at once more.
    """
    s3, bucket = stage.aws.client("s3"), stage.names.rejects_bucket
    version, left = holding.version, holding.left
    if not holding.records:
        return
    if version.is_latest and left.rejects:
        body = _encode(holding.content, left)
        try:
            s3.put_object(
                Bucket=bucket,
                Key=version.key,
                Body=body,
                ContentType="application/json",
                IfMatch=holding.etag,
            )
        except s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in WRITTEN_MEANWHILE:
                raise
            if _read(s3, bucket, version.key) != body:
                return
    elif version.is_latest:
        remove_if_unchanged(s3, bucket, left)
    s3.delete_object(Bucket=bucket, Key=version.key, VersionId=version.id)


def _versions(s3: "S3Client", bucket: str) -> Iterator[Version]:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for each in page.get("Versions", []):
            if not each["Key"].startswith(FORGET_PREFIX):
                yield Version(
                    each["Key"], each["VersionId"], each["IsLatest"], each["LastModified"]
                )


def _read(s3: "S3Client", bucket: str, key: str) -> bytes | None:
    """The object's content as it is now; None where it is gone."""
    try:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None


def _look(
    s3: "S3Client", bucket: str, version: Version, player: str, *, is_whole: bool
) -> Holding | None:
    try:
        answer = s3.get_object(Bucket=bucket, Key=version.key, VersionId=version.id)
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            return None
        raise
    body = answer["Body"].read()
    whole = RejectsObject(version.key, version.id, version.written, "", ())
    if is_whole:
        return Holding(version, None, answer["ETag"], 1, whole)
    try:
        content = json.loads(body)
        function, rejects = decode_content(version.key, content)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        problem = problem_with(body, player)
        return Holding(version, None, answer["ETag"], 0, whole, problem) if problem else None
    redacted = [redact(each, player) for each in rejects]
    rest = {key: part for key, part in content.items() if key not in HOLDS_RECORDS}
    problems = [*(each.problem for each in redacted), problem_with(_as_json(rest), player)]
    problem = next(filter(None, problems), "")
    left = tuple(each.left for each in redacted if each.left is not None)
    records = len(rejects) - sum(map(_is_same, rejects, (each.left for each in redacted)))
    if not records and not problem:
        return None
    found = replace(whole, function=function, rejects=left)
    return Holding(version, content, answer["ETag"], records, found, problem)


def _is_same(before: RejectedRecord, after: RejectedRecord | None) -> bool:
    return after is before


def _as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass")


def _encode(content: Any, left: RejectsObject) -> bytes:
    """The object's JSON with the rejects that are left, in the form that it had."""
    if left.key.startswith(LAMBDAS_PREFIX):
        rest = {**content, "payload": {"Records": [each.record for each in left.rejects]}}
        return json.dumps(rest, ensure_ascii=False, indent=1).encode(errors="surrogatepass")
    rejects = (each._replace(since=left.since_when(each)) for each in left.rejects)
    return encode_rejects(left.function, rejects)

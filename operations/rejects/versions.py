"""What stands in the rejects bucket now, and whether it is still what was read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from operations.aws.errors import OperationFailed
from operations.aws.remedies import how_to_keep_versions
from operations.rejects.objects import RejectsObject, read_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


KEPT_DAYS = 30
"""How long data.yaml has the bucket keep what was overwritten or removed."""


def require_versions(s3: "S3Client", bucket: str) -> None:
    """Raise OperationFailed where the bucket keeps no versions.

    Without them nothing tells whether a record was rejected again, and what is removed is gone.
    """
    if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
        raise OperationFailed(
            f"The bucket {bucket} keeps no versions, so nothing would tell whether a record is "
            f"rejected again, and what is removed would be gone: {how_to_keep_versions(bucket)}."
        )


class NewestVersions:
    """The newest version of each object, by key; lists each prefix once an invocation.

    What was listed after one invocation is what was known before the next.
    """

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._pages = s3.get_paginator("list_object_versions")
        self._bucket = bucket
        self._listed: dict[str, dict[str, str]] = {}

    def known(self, prefixes: Sequence[str]) -> dict[str, str]:
        """Those under the prefixes, as last listed."""
        return {
            key: version
            for prefix in prefixes
            for key, version in (self._listed.get(prefix) or self._list(prefix)).items()
        }

    def of_now(self, prefixes: Sequence[str]) -> dict[str, str]:
        """Those under the prefixes, listed anew."""
        return {key: version for prefix in prefixes for key, version in self._list(prefix).items()}

    def _list(self, prefix: str) -> dict[str, str]:
        self._listed[prefix] = {
            version["Key"]: version["VersionId"]
            for page in self._pages.paginate(Bucket=self._bucket, Prefix=prefix)
            for version in page.get("Versions", [])
            if version["IsLatest"]
        }
        return self._listed[prefix]


def read_if_there(s3: "S3Client", bucket: str, key: str) -> RejectsObject | None:
    """The object; None if it was removed meanwhile, by another redrive."""
    try:
        return read_object(s3, bucket, key)
    except s3.exceptions.NoSuchKey:
        return None


def remove_if_unchanged(s3: "S3Client", bucket: str, found: RejectsObject) -> bool:
    """Remove the object, unless it was written again after it was read; whether it is gone.

    S3 removes whatever stands there now, so it is looked at before, and once more after: what was
    written in between is brought back. Removing it twice, as the SDK does where an answer is lost,
    is the same. Its versions stay for KEPT_DAYS.
    """
    try:
        now = s3.head_object(Bucket=bucket, Key=found.key)
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
            return True
        raise
    if now.get("VersionId") != found.version:
        return False
    s3.delete_object(Bucket=bucket, Key=found.key)
    versions, mark = _versions_of(s3, bucket, found.key)
    if found.version not in versions[1:]:
        return True
    while mark is not None:
        s3.delete_object(Bucket=bucket, Key=found.key, VersionId=mark)
        _, mark = _versions_of(s3, bucket, found.key)
    return False


def _versions_of(s3: "S3Client", bucket: str, key: str) -> tuple[list[str], str | None]:
    """The object's versions, newest first, and the mark of its removal if it is removed."""
    versions, mark = [], None
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
        versions += [each["VersionId"] for each in page.get("Versions", []) if each["Key"] == key]
        for each in page.get("DeleteMarkers", []):
            if each["Key"] == key and each["IsLatest"]:
                mark = each["VersionId"]
    return versions, mark

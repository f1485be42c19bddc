"""What stands in the rejects bucket now, and whether it is still what was read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from operations.rejects.objects import RejectsObject, read_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


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


def remove_if_unchanged(s3: "S3Client", bucket: str, found: RejectsObject) -> None:
    """Remove the object, unless it was written again after it was read.

    Its versions stay for 30 days, as data.yaml has it.
    """
    try:
        now = s3.head_object(Bucket=bucket, Key=found.key)
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
            return
        raise
    if now.get("VersionId") == found.version:
        s3.delete_object(Bucket=bucket, Key=found.key)

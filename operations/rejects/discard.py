"""Takes rejects away for which nothing is left to do."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from operations.aws.stage import Stage
from operations.rejects.objects import RejectsObject, read_rejects, require_object
from operations.rejects.versions import remove_if_unchanged, require_versions


@dataclass(frozen=True)
class Discarded:
    """An object, and whether it is gone: it stays if it was written again meanwhile."""

    key: str
    version: str
    function: str
    records: int
    is_gone: bool


def find_to_discard(
    stage: Stage, keys: Sequence[str], prefix: str | None
) -> Iterator[RejectsObject]:
    """The objects of these keys, and those under the prefix.

    Raises Misuse where a key is not there, OperationFailed where the bucket keeps no versions.
    """
    s3, bucket = stage.aws.client("s3"), stage.names.rejects_bucket
    require_versions(s3, bucket)
    for key in keys:
        yield require_object(s3, bucket, key)
    if prefix is not None:
        yield from read_rejects(s3, bucket, prefix)


def discard(stage: Stage, objects: Iterable[RejectsObject]) -> Iterator[Discarded]:
    """Remove these objects, each unless it was written again after it was read.

    What was removed stays as a noncurrent version for KEPT_DAYS.
    """
    s3, bucket = stage.aws.client("s3"), stage.names.rejects_bucket
    for found in objects:
        is_gone = remove_if_unchanged(s3, bucket, found)
        yield Discarded(found.key, found.version, found.function, found.count, is_gone)

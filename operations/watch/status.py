"""Whether a stage is well: every part looked at, and what is wrong in a sentence each."""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import nlargest

from botocore.exceptions import ClientError

from operations.aws.iterator_age import iterator_ages
from operations.aws.remedies import (
    how_to_close_rejects,
    how_to_finish_erasures,
    how_to_make_again,
)
from operations.aws.stage import FUNCTIONS, Stage
from operations.rejects.objects import RejectsObject, list_objects, read_objects
from operations.rejects.unfinished import find_unfinished
from operations.watch.ignored import check_ignored
from operations.watch.parts import (
    NOT_THERE,
    Part,
    check_alarms,
    check_function,
    check_mappings,
    check_stream,
    check_table,
)

NEWEST_REJECTS = 5
MISSING = "missing"


@dataclass(frozen=True)
class Status:
    """All parts, and the newest objects in the rejects bucket."""

    parts: tuple[Part, ...]
    newest_rejects: tuple[RejectsObject, ...]

    @property
    def problems(self) -> list[str]:
        """What is wrong, each in a sentence."""
        return [f"{part.kind} {part.name}: {part.problem}" for part in self.parts if part.problem]


def read_status(stage: Stage) -> Status:
    """The stage's status; a part that is not there is a problem, not an error."""
    names, ages = stage.names, iterator_ages(stage)
    parts = [check_function(stage, function) for function in FUNCTIONS]
    for function in FUNCTIONS:
        parts += check_mappings(stage, function, ages.get(function))
    parts.append(check_stream(stage))
    parts += [
        check_table(stage, table)
        for table in (names.records_table, names.totals_table, names.receipts_table)
    ]
    parts.append(check_ignored(stage))
    parts += check_alarms(stage)
    rejects, newest = _rejects(stage)
    erasures = _erasures(stage) if rejects.state != MISSING else ()
    return Status((*parts, rejects, *erasures), newest)


def _rejects(stage: Stage) -> tuple[Part, tuple[RejectsObject, ...]]:
    """The rejects bucket, and the newest objects in it."""
    s3, bucket = stage.aws.client("s3"), stage.names.rejects_bucket
    try:
        found = list(list_objects(s3, bucket))
    except ClientError as error:
        if error.response["Error"]["Code"] not in NOT_THERE:
            raise
        problem = f"it does not exist: {how_to_make_again(stage.name, is_table=False)}"
        return Part("rejects", "bucket", MISSING, problem), ()
    listed = nlargest(NEWEST_REJECTS, found, key=lambda each: each.written)
    newest = tuple(read_objects(s3, bucket, [each.key for each in listed]))
    problem = how_to_close_rejects(stage.name) if found else ""
    return Part("rejects", "bucket", _count(len(found)), problem), newest


def _erasures(stage: Stage) -> Iterator[Part]:
    """The erasures of players that are not finished."""
    for each in find_unfinished(stage.aws.client("s3"), stage.names.rejects_bucket):
        time = f"{each.due:%Y-%m-%d %H:%M:%S} UTC"
        state = f"due since {time}" if each.is_due else f"the total goes after {time}"
        problem = how_to_finish_erasures(stage.name) if each.is_due else ""
        yield Part("erasure", each.player, state, problem)


def _count(objects: int) -> str:
    return "1 object" if objects == 1 else f"{objects:,} objects"

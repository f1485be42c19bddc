"""Whether a stage is well: every part looked at, and what is wrong in a sentence each."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import nlargest
from typing import Literal, NamedTuple

from botocore.exceptions import ClientError

from operations.rejects.objects import RejectsObject, list_objects, read_objects
from operations.stage.mappings import find_mappings
from operations.stage.stage import FUNCTIONS, Stage
from operations.watch.iterator_age import iterator_ages

NEWEST_REJECTS = 5
FRESH = timedelta(hours=24)
"""Rejects of so long ago and newer are something wrong: a stream forgets what is older."""

LATE_SECONDS = 600.0
"""A function that is so far behind its stream does not keep up."""

NOT_THERE = ("ResourceNotFoundException", "ResourceNotFound", "NoSuchBucket", "404")

Kind = Literal["function", "mapping", "stream", "table", "alarm", "rejects"]


class Part(NamedTuple):
    """One part of the stage: what it is, how it is, and, if so, what is wrong with it."""

    kind: Kind
    name: str
    state: str
    problem: str = ""


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
    ages = iterator_ages(stage)
    parts = [_checked("function", handler, _function, stage, handler) for handler in FUNCTIONS]
    for handler in FUNCTIONS:
        parts += _mappings(stage, handler, ages.get(handler))
    parts.append(_checked("stream", stage.names.stream, _stream, stage))
    names = stage.names
    for table in (names.records_table, names.totals_table, names.receipts_table):
        parts.append(_checked("table", table, _table, stage, table))
    parts += _alarms(stage)
    newest: tuple[RejectsObject, ...] = ()
    bucket = stage.names.rejects_bucket
    try:
        found = list(list_objects(stage.aws.client("s3"), bucket))
    except ClientError as error:
        if error.response["Error"]["Code"] not in NOT_THERE:
            raise
        parts.append(
            Part("rejects", "bucket", "missing", "it does not exist: deploy the data stack")
        )
    else:
        listed = nlargest(NEWEST_REJECTS, found, key=lambda each: each.written)
        newest = tuple(read_objects(stage.aws.client("s3"), bucket, [each.key for each in listed]))
        fresh = sum(each.written > datetime.now(UTC) - FRESH for each in found)
        problem = f"{_count(fresh)} of the last 24 hours: see `rejects list`" if fresh else ""
        parts.append(Part("rejects", "bucket", _count(len(found)), problem))
    return Status(tuple(parts), newest)


def _count(objects: int) -> str:
    return "1 object" if objects == 1 else f"{objects:,} objects"


def _checked(
    kind: Kind, name: str, look: Callable[..., tuple[str, str]], *arguments: object
) -> Part:
    try:
        state, problem = look(*arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] not in NOT_THERE:
            raise
        state, problem = "missing", "it does not exist: deploy it"
    return Part(kind, name, state, problem)


def _function(stage: Stage, handler: str) -> tuple[str, str]:
    found = stage.aws.client("lambda").get_function_configuration(
        FunctionName=stage.function_name(handler)
    )
    state = found.get("State", "Active")
    problem = "" if state in ("Active", "Inactive", "Pending") else f"its state is {state}"
    if found.get("LastUpdateStatus") == "Failed":
        problem = f"its last update failed: {found.get('LastUpdateStatusReason')}"
    return f"{state}, {found['MemorySize']} MB, {found['Timeout']} s at most", problem


def _mappings(stage: Stage, handler: str, age_seconds: float | None) -> Iterator[Part]:
    found = find_mappings(stage, handler)
    if not found:
        yield Part("mapping", f"to {handler}", "missing", "no stream feeds it: deploy the app")
    for mapping in found:
        state = f"{mapping.state}, last result: {mapping.last_result or 'none yet'}"
        if age_seconds is not None:
            state += f", {age_seconds:,.0f} s behind"
        problem = ""
        expected = stage.names.records_stream_arn
        if not mapping.is_enabled:
            problem = (
                f"it is {mapping.state}: nothing is processed. After an interrupted `rebuild` run "
                "that again, else enable it"
            )
        elif mapping.has_failed:
            problem = f"the last batch failed and comes again: see `logs --function {handler}`"
        elif handler == "AggregateScoresByUser" and mapping.source != expected:
            problem = f"it reads {mapping.source}, not the table's stream: deploy the app again"
        elif age_seconds is not None and age_seconds > LATE_SECONDS:
            problem = f"it is {age_seconds:,.0f} seconds behind its stream"
        yield Part("mapping", f"to {handler}", state, problem)


def _stream(stage: Stage) -> tuple[str, str]:
    name = stage.names.stream
    found = stage.aws.client("kinesis").describe_stream_summary(StreamName=name)[
        "StreamDescriptionSummary"
    ]
    status = found["StreamStatus"]
    problem = "" if status in ("ACTIVE", "UPDATING") else f"its status is {status}"
    shards, hours = found["OpenShardCount"], found["RetentionPeriodHours"]
    return f"{status}, {shards} shards, keeps records for {hours} hours", problem


def _table(stage: Stage, name: str) -> tuple[str, str]:
    table = stage.aws.client("dynamodb").describe_table(TableName=name)["Table"]
    status = table["TableStatus"]
    problem = "" if status in ("ACTIVE", "UPDATING") else f"its status is {status}"
    state = f"{status}, some {table['ItemCount']:,} items"
    if name == stage.names.records_table:
        stream = table.get("StreamSpecification", {})
        view = stream.get("StreamViewType")
        if not stream.get("StreamEnabled") or view != "NEW_AND_OLD_IMAGES":
            problem = f"its stream shows {view or 'nothing'}, not NEW_AND_OLD_IMAGES"
        elif table.get("LatestStreamArn") != stage.names.records_stream_arn:
            problem = "its stream is not the recorded one: deploy the app again"
    return state, problem


def _alarms(stage: Stage) -> Iterator[Part]:
    """The alarms on this stage's resources, whatever they are called."""
    names = {stage.function_name(handler) for handler in FUNCTIONS}
    names |= set(stage.variables.values())
    for page in stage.aws.client("cloudwatch").get_paginator("describe_alarms").paginate():
        for alarm in page["MetricAlarms"]:
            metrics = [
                alarm,
                *(each.get("MetricStat", {}).get("Metric", {}) for each in _of(alarm)),
            ]
            watched = {
                dimension["Value"]
                for metric in metrics
                for dimension in metric.get("Dimensions", [])  # type: ignore[attr-defined]
            }
            if watched & names:
                state = alarm["StateValue"]
                problem = alarm.get("StateReason", "in alarm") if state == "ALARM" else ""
                yield Part("alarm", alarm["AlarmName"], state, problem)


def _of(alarm: object) -> Iterable[dict[str, dict[str, object]]]:
    metrics = alarm.get("Metrics", []) if isinstance(alarm, dict) else []
    return list(metrics)

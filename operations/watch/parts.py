"""The parts of a stage, each looked at: how it is, and what is wrong with it."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from botocore.exceptions import ClientError

from operations.aws.mappings import (
    EventSourceMapping,
    find_mappings,
    reads_the_stage,
    strays_among,
)
from operations.aws.remedies import (
    how_to_deploy_app,
    how_to_enable,
    how_to_make_again,
    how_to_read_anew,
    how_to_see_why,
    how_to_stream,
)
from operations.aws.stage import FUNCTIONS, Stage

LATE_SECONDS = 600.0
"""From here on a function counts as not keeping up with its stream."""

NOT_THERE = ("ResourceNotFoundException", "ResourceNotFound", "NoSuchBucket", "404")

NOT_YET_KNOWN = "not yet known"
"""An alarm's state until CloudWatch has data for it: neither well nor wrong."""

STATES = {"INSUFFICIENT_DATA": NOT_YET_KNOWN}

Kind = Literal["function", "mapping", "stream", "table", "payloads", "alarm", "rejects", "erasure"]


class Part(NamedTuple):
    """One part of the stage: what it is, its state, and what is wrong with it, if anything."""

    kind: Kind
    name: str
    state: str
    problem: str = ""


def check_function(stage: Stage, function: str) -> Part:
    """Whether the function is there and up to date."""
    remedy = how_to_deploy_app(stage.name)
    return _checked("function", function, lambda: _function(stage, function), remedy)


def check_stream(stage: Stage) -> Part:
    remedy = how_to_make_again(stage.name, is_table=False)
    return _checked("stream", stage.names.stream, lambda: _stream(stage), remedy)


def check_table(stage: Stage, table: str) -> Part:
    """Whether the table is there; the records' table must have the recorded stream, too."""
    remedy = how_to_make_again(
        stage.name, is_table=True, is_records=table == stage.names.records_table
    )
    return _checked("table", table, lambda: _table(stage, table), remedy)


def check_mappings(stage: Stage, function: str, age_seconds: float | None) -> Iterator[Part]:
    """The mappings that feed the function, or that there is none."""
    found = find_mappings(stage, function)
    if not found:
        problem = f"no stream feeds it: {how_to_deploy_app(stage.name)}"
        yield Part("mapping", f"to {function}", "missing", problem)
    strays = strays_among(stage, function, found)
    for mapping in found:
        state = f"{mapping.state}, last result: {mapping.last_result or 'none yet'}"
        if age_seconds is not None:
            state += f", {age_seconds:,.0f} s behind"
        problem = ""
        anew = how_to_read_anew(stage.name)
        if mapping in strays and reads_the_stage(stage, function, mapping.source):
            problem = f"it is one too many: {how_to_deploy_app(stage.name)}"
        elif not mapping.is_enabled:
            problem = (
                f"it is {mapping.state}: nothing is processed; "
                f"{how_to_enable(mapping.uuid)}{_wait_of(mapping)}"
            )
        elif mapping in strays:
            problem = f"it reads {mapping.source}, no stream of this stage: {anew}"
        elif mapping.batch_failed:
            see = how_to_see_why(stage.name, function)
            problem = f"the last batch failed and comes again: {see}"
        elif mapping.has_failed:
            problem = (
                f"Lambda delivers nothing ({mapping.last_result}); if that does not end by itself, "
                f"{how_to_deploy_app(stage.name)}"
            )
        elif age_seconds is not None and age_seconds > LATE_SECONDS:
            problem = f"it is {age_seconds:,.0f} seconds behind its stream"
        yield Part("mapping", f"to {function}", state, problem)


def _wait_of(mapping: EventSourceMapping) -> str:
    if mapping.maximum_age_seconds <= 0:
        return ""
    hours = mapping.maximum_age_seconds / 3600
    return f". Records wait for {hours:g} hours, older ones go to the rejects bucket then"


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
            problem = (
                f"its stream shows {view or 'nothing'}, not NEW_AND_OLD_IMAGES: "
                f"{how_to_stream(name, view)}, then {how_to_read_anew(stage.name)}"
            )
        elif table.get("LatestStreamArn") != stage.names.records_stream_arn:
            problem = f"its stream is not the recorded one: {how_to_read_anew(stage.name)}"
    return state, problem


def check_alarms(stage: Stage) -> Iterator[Part]:
    """The alarms on this stage's resources, whatever their names.

    What Lambda gave up is counted for each mapping, so its alarm names a mapping, no function. An
    alarm that a composite one is made of speaks through that one only.
    """
    pages = stage.aws.client("cloudwatch").get_paginator("describe_alarms")
    found = list(pages.paginate(AlarmTypes=["MetricAlarm", "CompositeAlarm"]))
    names = _watched_names(stage)
    ours = {
        alarm["AlarmName"]: _alarm(alarm)
        for page in found
        for alarm in page["MetricAlarms"]
        if _values(alarm) & names
    }
    composites = {}
    for page in found:
        for alarm in page.get("CompositeAlarms", []):
            parts = _parts_of(alarm["AlarmRule"]) & ours.keys()
            if parts:
                composites[alarm["AlarmName"]] = parts
                ours[alarm["AlarmName"]] = _alarm(alarm)
    speaking_through = set().union(*composites.values())
    yield from (part for name, part in ours.items() if name not in speaking_through)


def _watched_names(stage: Stage) -> set[str]:
    names = {stage.function_name(function) for function in FUNCTIONS}
    names |= set(stage.variables.values())
    return names | {each.uuid for function in FUNCTIONS for each in find_mappings(stage, function)}


def _alarm(alarm: Mapping[str, Any]) -> Part:
    state = alarm["StateValue"]
    problem = alarm.get("StateReason", "in alarm") if state == "ALARM" else ""
    return Part("alarm", alarm["AlarmName"], STATES.get(state, state), problem)


def _values(alarm: Mapping[str, Any]) -> set[str]:
    """The values of all dimensions that the alarm looks at."""
    queried = (each.get("MetricStat", {}).get("Metric", {}) for each in alarm.get("Metrics", []))
    return {
        dimension["Value"]
        for metric in (alarm, *queried)
        for dimension in metric.get("Dimensions", [])
    }


def _parts_of(rule: str) -> set[str]:
    """The names of the alarms in a composite one's rule, which names or ARNs stand for."""
    return {name.rpartition(":alarm:")[2] for name in re.findall(r"\(\s*\"?([^\"()]+)", rule)}


def _checked(kind: Kind, name: str, look: Callable[[], tuple[str, str]], remedy: str) -> Part:
    try:
        state, problem = look()
    except ClientError as error:
        if error.response["Error"]["Code"] not in NOT_THERE:
            raise
        state, problem = "missing", f"it does not exist: {remedy}"
    return Part(kind, name, state, problem)


def _function(stage: Stage, function: str) -> tuple[str, str]:
    found = stage.aws.client("lambda").get_function_configuration(
        FunctionName=stage.function_name(function)
    )
    state = found.get("State", "Active")
    problem = "" if state in ("Active", "Inactive", "Pending") else f"its state is {state}"
    if found.get("LastUpdateStatus") == "Failed":
        problem = f"its last update failed: {found.get('LastUpdateStatusReason')}"
    if problem:
        problem += f": {how_to_deploy_app(stage.name)}"
    return f"{state}, {found['MemorySize']} MB, {found['Timeout']} s at most", problem

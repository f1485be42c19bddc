"""The options of the event source mappings that Chalice cannot set, read from one template.

infrastructure/mappings.yaml is merged into `chalice package`; here the same options are applied
to mappings that `chalice deploy` made. They survive a later `chalice deploy`, which updates a
mapping's batch size and window and nothing else, but not a mapping that it makes anew.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from operations.aws.config import variable_name
from operations.aws.mappings import change_mapping, require_mapping
from operations.aws.stage import FUNCTIONS, Stage

MAPPINGS_TEMPLATE = Path("infrastructure") / "mappings.yaml"
CHALICE_SETS = {"Stream"}


def apply_mapping_options(stage: Stage, project: Path) -> dict[str, dict[str, Any]]:
    """Set the options of each function's mapping; the options by function. May be repeated.

    Raises OperationFailed where a function has no mapping yet.
    """
    return {function: _apply(stage, project, function) for function in FUNCTIONS}


def read_mapping_options(stage: Stage, project: Path, function: str) -> dict[str, Any]:
    """The function's options in mappings.yaml, for this stage's bucket and retention.

    `{"BisectBatchOnFunctionError": True, "MaximumRecordAgeInSeconds": 43200, …}`
    """
    template = yaml.safe_load((project / MAPPINGS_TEMPLATE).read_text())
    (event,) = template["Resources"][function]["Properties"]["Events"].values()
    values = {name: each["Default"] for name, each in template["Parameters"].items()}
    values["KinesisMaximumRecordAge"] = half_of_retention_seconds(stage)
    values["AWS::Partition"] = stage.aws.get_partition_for_region(stage.region)
    properties = event["Properties"].items()
    return {
        name: resolve(value, values, stage.variables)
        for name, value in properties
        if name not in CHALICE_SETS
    }


def half_of_retention_seconds(stage: Stage) -> int:
    """When Lambda gives a record up: after half the stream's retention, at most 7 days."""
    summary = stage.aws.client("kinesis").describe_stream_summary(StreamName=stage.names.stream)
    hours = summary["StreamDescriptionSummary"]["RetentionPeriodHours"]
    return min(hours * 3600 // 2, 7 * 24 * 3600)


def resolve(value: Any, values: Mapping[str, Any], variables: Mapping[str, str]) -> Any:
    """A template's value as CloudFormation would resolve it: Ref, Fn::Sub and Fn::ImportValue.

    An import `${DataStack}-RejectsBucket` is the recorded variable REJECTS_BUCKET.
    """
    if isinstance(value, list):
        return [resolve(each, values, variables) for each in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        return values[value["Ref"]]
    if "Fn::ImportValue" in value:
        output = value["Fn::ImportValue"]["Fn::Sub"].removeprefix("${DataStack}-")
        return variables[variable_name(output)]
    if "Fn::Sub" in value:
        given = value["Fn::Sub"]
        text, more = given if isinstance(given, list) else (given, {})
        known = {**values, **resolve(more, values, variables)}
        return re.sub(r"\$\{([^}]+)\}", lambda name: str(known[name[1]]), text)
    return {name: resolve(each, values, variables) for name, each in value.items()}


def _apply(stage: Stage, project: Path, function: str) -> dict[str, Any]:
    options = read_mapping_options(stage, project, function)
    change_mapping(stage, require_mapping(stage, function), **options)
    return options

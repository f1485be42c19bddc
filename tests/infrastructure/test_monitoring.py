"""The dashboard and the alarms, statically: the embedded AWS validates neither."""

import json
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from cfnlint.decode import cfn_yaml
from jsonschema import Draft202012Validator

from chalicelib import telemetry
from chalicelib.payloads import KinesisBatch
from chalicelib.records import Insertions
from chalicelib.stream_records import StreamBatch
from chalicelib.totals import Additions
from operations.aws.config import PROJECT
from operations.aws.stage import FUNCTIONS
from operations.deploy.steps import MONITORING_TEMPLATE

TEMPLATE: Any = cfn_yaml.load(str(PROJECT / MONITORING_TEMPLATE))
RESOURCES = TEMPLATE["Resources"]
ALARMS = {
    name: each["Properties"]
    for name, each in RESOURCES.items()
    if each["Type"] == "AWS::CloudWatch::Alarm"
}
COMPOSITES = {
    name: each["Properties"]
    for name, each in RESOURCES.items()
    if each["Type"] == "AWS::CloudWatch::CompositeAlarm"
}
PARTS = {
    part
    for composite in COMPOSITES.values()
    for part in re.findall(r"\$\{(\w+)\}", composite["AlarmRule"]["Fn::Sub"])
}
"""Alarms that composite ones are made of."""

VALUES = {
    "AWS::Region": "eu-west-1",
    "AlarmTopic": "arn:aws:sns:eu-west-1:123456789012:alarms",
    "ProcessKinesisRecordsMapping": "0" * 36,
    "AggregateScoresByUserMapping": "1" * 36,
    **{
        name: each["Default"]
        for name, each in TEMPLATE["Parameters"].items()
        if each.get("Default", "") != ""
    },
}

DASHBOARD_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["widgets"],
    "additionalProperties": False,
    "properties": {
        "start": {"type": "string", "pattern": "^-PT?[0-9]+[MHDW]$"},
        "widgets": {"type": "array", "maxItems": 500, "items": {"$ref": "#/$defs/widget"}},
    },
    "$defs": {
        "widget": {
            "type": "object",
            "required": ["type", "properties"],
            "additionalProperties": False,
            "properties": {
                "type": {"enum": ["metric", "log", "alarm"]},
                "x": {"type": "integer", "minimum": 0, "maximum": 23},
                "y": {"type": "integer", "minimum": 0},
                "width": {"type": "integer", "minimum": 1, "maximum": 24},
                "height": {"type": "integer", "minimum": 1, "maximum": 1000},
                "properties": {"type": "object"},
            },
            "oneOf": [
                {"properties": {"type": {"const": kind}, "properties": {"$ref": f"#/$defs/{kind}"}}}
                for kind in ("metric", "log", "alarm")
            ],
        },
        "metric": {
            "required": ["region", "metrics"],
            "additionalProperties": False,
            "properties": {
                "title": {"type": "string"},
                "region": {"type": "string"},
                "view": {"enum": ["timeSeries", "singleValue", "gauge", "bar", "pie", "table"]},
                "stat": {"$ref": "#/$defs/stat"},
                "period": {"type": "integer", "multipleOf": 60},
                "yAxis": {"type": "object"},
                "annotations": {"type": "object", "required": ["horizontal"]},
                "metrics": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/line"}},
            },
        },
        "line": {
            "type": "array",
            "minItems": 1,
            "items": {
                "anyOf": [
                    {"type": "string", "minLength": 1},
                    {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {
                            "label": {"type": "string"},
                            "expression": {"type": "string"},
                            "id": {"type": "string", "pattern": "^[a-z][a-zA-Z0-9_]*$"},
                            "visible": {"type": "boolean"},
                            "stat": {"$ref": "#/$defs/stat"},
                        },
                    },
                ]
            },
        },
        "stat": {"pattern": "^(Sum|Average|Minimum|Maximum|SampleCount|p[0-9]{1,2}(\\.[0-9]+)?)$"},
        "log": {
            "required": ["region", "query"],
            "additionalProperties": False,
            "properties": {
                "title": {"type": "string"},
                "region": {"type": "string"},
                "view": {"enum": ["table", "timeSeries", "bar", "pie"]},
                "query": {"type": "string", "pattern": "^SOURCE '"},
            },
        },
        "alarm": {
            "required": ["alarms"],
            "additionalProperties": False,
            "properties": {
                "title": {"type": "string"},
                "alarms": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 100,
                    "items": {"type": "string", "pattern": "^arn:aws:cloudwatch:"},
                },
            },
        },
    },
}
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html"""


def resolve(value: Any) -> Any:
    """The value as CloudFormation would resolve it, with the parameters' defaults."""
    if isinstance(value, list):
        return [resolve(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        return VALUES[value["Ref"]]
    if "Fn::If" in value:
        return resolve(value["Fn::If"][1])
    if "Fn::Sub" in value:
        text, more = (
            value["Fn::Sub"] if isinstance(value["Fn::Sub"], list) else (value["Fn::Sub"], {})
        )
        known = {**VALUES, **resolve(more)}
        return re.sub(r"\$\{([^}]+)\}", lambda name: lookup(name[1], known), text)
    return {name: resolve(each) for name, each in value.items()}


def lookup(name: str, known: dict[str, Any]) -> str:
    if name.endswith(".Arn"):
        alarm = resolve(RESOURCES[name.removesuffix(".Arn")]["Properties"]["AlarmName"])
        return f"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{alarm}"
    if name in RESOURCES:  # what Ref makes of an alarm
        return str(resolve(RESOURCES[name]["Properties"]["AlarmName"]))
    return str(known[name])


DASHBOARD_ALARMS = json.dumps(
    RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"], default=str
)
"""The dashboard's body with the alarms' logical names."""


def body() -> Any:
    return json.loads(resolve(RESOURCES["Dashboard"]["Properties"]["DashboardBody"]))


def lines() -> Iterator[list[Any]]:
    """Every metric of every graph: namespace, name, dimensions' names and values, options."""
    for widget in body()["widgets"]:
        for line in widget["properties"].get("metrics", []):
            if "expression" not in line[0]:
                yield line


def alarmed() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Every metric that an alarm looks at: namespace, metric, dimensions."""
    for alarm in ALARMS.values():
        statistics = [
            each["MetricStat"]["Metric"]
            for each in alarm.get("Metrics", ())
            if "MetricStat" in each
        ]
        for metric in statistics or [alarm]:
            dimensions = {each["Name"]: each["Value"] for each in resolve(metric["Dimensions"])}
            yield metric["Namespace"], metric["MetricName"], dimensions


def emitted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> dict[str, dict[str, Any]]:
    """What telemetry writes for each function, by function name: the EMF objects themselves."""
    found = {}
    for handler in FUNCTIONS:
        name = f"game-scores-prod-{handler}"
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", name)
        if handler == "ProcessKinesisRecords":
            telemetry.report_ingestion(
                KinesisBatch((), (), (), 0), Insertions(0, 0, ()), rejected=0
            )
        else:
            telemetry.report_aggregation(0, StreamBatch((), (), 0), Additions(), rejected=0)
        found[name] = json.loads(capsys.readouterr().out)
    return found


def test_a_stages_dashboard_has_another_name_in_each_region() -> None:
    assert "${AWS::Region}" in RESOURCES["Dashboard"]["Properties"]["DashboardName"]["Fn::Sub"]


def test_the_dashboard_is_what_cloudwatch_takes() -> None:
    errors = list(Draft202012Validator(DASHBOARD_SCHEMA).iter_errors(body()))

    assert [error.message for error in errors] == []


def test_no_two_widgets_share_a_place() -> None:
    places = [
        (x, y)
        for widget in body()["widgets"]
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]

    assert len(places) == len(set(places))
    assert max(x for x, _ in places) == 23


@pytest.mark.parametrize("name", sorted(ALARMS.keys() - PARTS))
def test_an_alarm_is_what_cloudwatch_takes(name: str) -> None:
    alarm = resolve(ALARMS[name])
    request = {**alarm, "Threshold": float(alarm["Threshold"])}

    assert problems("PutMetricAlarm", request) == ""
    assert request["TreatMissingData"] == "notBreaching"
    assert request["AlarmActions"] == request["OKActions"] == [VALUES["AlarmTopic"]]
    assert len(request["AlarmDescription"]) > 60
    statistics = {each for each in request if each in ("MetricName", "Metrics")}
    assert len(statistics) == 1
    assert ("Period" in request) == ("MetricName" in request)


def problems(operation: str, request: Any) -> str:
    """What botocore has against the request."""
    service = botocore.session.get_session().get_service_model("cloudwatch")
    shape: Any = service.operation_model(operation).input_shape
    return str(ParamValidator().validate(request, shape).generate_report())


@pytest.mark.parametrize("name", COMPOSITES)
def test_a_composite_alarm_is_what_cloudwatch_takes(name: str) -> None:
    request = resolve(COMPOSITES[name])

    assert problems("PutCompositeAlarm", request) == ""
    assert request["AlarmActions"] == request["OKActions"] == [VALUES["AlarmTopic"]]
    assert len(request["AlarmDescription"]) > 60


@pytest.mark.parametrize("name", sorted(PARTS))
def test_a_part_of_a_composite_alarm_tells_nobody(name: str) -> None:
    alarm = resolve(ALARMS[name])
    request = {**alarm, "Threshold": float(alarm["Threshold"])}

    assert problems("PutMetricAlarm", request) == ""
    assert not request.keys() & {"AlarmActions", "OKActions"}
    assert "means nothing by itself" in request["AlarmDescription"]


def test_every_own_metric_shown_or_alarmed_is_written_by_telemetry(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = {
        (directive["Namespace"], metric["Name"], name, frozenset(dimensions))
        for name, metrics in emitted(capsys, monkeypatch).items()
        for directive in metrics["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
        for dimensions in directive["Dimensions"]
    }
    shown = {
        (namespace, metric, rest[1], frozenset(each for each in rest[::2] if isinstance(each, str)))
        for namespace, metric, *rest in lines()
        if namespace == "GameScores"
    }
    watched = {
        (namespace, metric, dimensions["FunctionName"], frozenset(dimensions))
        for namespace, metric, dimensions in alarmed()
        if namespace == "GameScores"
    }

    assert shown | watched <= written
    assert {metric for _, metric, _, _ in shown} == {metric for _, metric, _, _ in written}


def test_own_metrics_are_dimensioned_as_they_are_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    services = {metrics["service"] for metrics in emitted(capsys, monkeypatch).values()}

    assert services == {
        rest[rest.index("service") + 1]
        for namespace, _, *rest in lines()
        if namespace == "GameScores"
    }


def test_both_functions_are_alarmed_in_every_way() -> None:
    ways = {
        "IteratorAge",
        "Errors",
        "Duration",
        "Throttles",
        "RecordsRejected",
        "OnFailureDestinationDeliveredEventCount",
        "DestinationDeliveryFailures",
    }

    for handler, uuid in zip(FUNCTIONS, ("0" * 36, "1" * 36), strict=True):
        found = {
            metric
            for _, metric, dimensions in alarmed()
            if dimensions.get("FunctionName") == f"game-scores-prod-{handler}"
            or dimensions.get("EventSourceMappingUUID") == uuid
        }
        assert ways <= found


@pytest.mark.parametrize(
    ("alarm", "came_in", "function"),
    [
        ("Silent", ("AWS/Kinesis", "IncomingRecords"), "ProcessKinesisRecords"),
        ("AggregateSilent", ("GameScores", "RecordsStored"), "AggregateScoresByUser"),
    ],
)
def test_input_without_output_is_an_alarm_though_there_never_was_output(
    alarm: str, came_in: tuple[str, str], function: str
) -> None:
    rule = COMPOSITES[alarm]["AlarmRule"]["Fn::Sub"]
    both = re.fullmatch(r'ALARM\("\$\{(\w+)\}"\) AND ALARM\("\$\{(\w+)\}"\)', rule)
    assert both is not None
    before, after = (ALARMS[part] for part in both.groups())

    assert (before["Namespace"], before["MetricName"]) == came_in
    assert (before["ComparisonOperator"], before["Threshold"]) == ("GreaterThanThreshold", 0)
    assert before["TreatMissingData"] == "notBreaching"
    assert (after["Namespace"], after["MetricName"]) == ("GameScores", "RecordsReceived")
    assert resolve(after["Dimensions"][0]["Value"]) == f"game-scores-prod-{function}"
    assert (after["ComparisonOperator"], after["Threshold"]) == ("LessThanThreshold", 1)
    assert after["TreatMissingData"] == "breaching"
    for part in (before, after):
        assert (part["Statistic"], part["Period"], part["EvaluationPeriods"]) == ("Sum", 300, 3)


def test_the_dashboard_shows_every_alarm_but_the_parts() -> None:
    shown = set(re.findall(r"\$\{(\w+)\.Arn\}", DASHBOARD_ALARMS))

    assert shown == ALARMS.keys() - PARTS | COMPOSITES.keys()


CONFIG = json.loads((PROJECT / ".chalice" / "config.json").read_text())


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_invocation_that_times_out_is_an_alarm(function: str) -> None:
    time_out = (
        CONFIG["lambda_functions"].get(function, {}).get("lambda_timeout", CONFIG["lambda_timeout"])
    )
    (alarm,) = (
        resolved
        for resolved in map(resolve, ALARMS.values())
        if resolved["AlarmName"] == f"game-scores-prod-{function}-timing-out"
    )

    assert (alarm["MetricName"], alarm["Statistic"]) == ("Duration", "Maximum")
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    assert alarm["Threshold"] == 0.9 * time_out * 1000
    assert alarm["DatapointsToAlarm"] == 1
    looked_back = alarm["Period"] * alarm["EvaluationPeriods"]
    assert (
        looked_back >= CONFIG["lambda_functions"]["ProcessKinesisRecords"]["lambda_timeout"] + 300
    )
    (name,) = alarm["Dimensions"]
    assert name["Value"] == f"game-scores-prod-{function}"
    assert f"comes again every {time_out // 60} minutes." in alarm["AlarmDescription"]


def test_what_is_told_of_time_outs_is_what_the_functions_have() -> None:
    ingestion = CONFIG["lambda_functions"]["ProcessKinesisRecords"]["lambda_timeout"]

    titles = [widget["properties"]["title"] for widget in body()["widgets"]]

    milliseconds = f"{ingestion * 1000:,} ms; AggregateScoresByUser {CONFIG['lambda_timeout']}"
    assert f"Duration (time-outs: {milliseconds},000)" in titles
    reason = TEMPLATE["Parameters"]["IngestionMilliseconds"]["Description"]
    assert f"every {ingestion // 60} minutes" in reason


def test_every_threshold_has_a_reason() -> None:
    thresholds = {
        alarm["Threshold"]["Ref"]
        for alarm in ALARMS.values()
        if isinstance(alarm["Threshold"], dict)
    }

    assert len(thresholds) == 7
    for name in thresholds:
        assert len(TEMPLATE["Parameters"][name]["Description"]) > 80

"""The verbs leaderboard, logs and status."""

import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from rich.console import Console

from chalicelib import telemetry, words
from operations.aws.mappings import require_mapping
from operations.aws.remedies import how_to_close_rejects
from operations.aws.stage import FUNCTIONS, Stage
from operations.scores.send import send_payloads
from operations.verbs.status import status_view
from operations.watch.logs import LogLine
from operations.watch.parts import NOT_YET_KNOWN, Part
from operations.watch.status import Status
from tests.operations.conftest import Shell, clear_bucket, totals, until


@pytest.fixture(scope="module")
def _best(stage: Stage) -> None:
    """Two players that nobody beats, and one rejected record."""
    payloads = [
        b'{"RecordID": 9001, "Username": "Zoe", "Score": 1E+10}',
        b'{"RecordID": 9002, "Username": "Abe", "Score": 1E+10}',
        b'{"RecordID": 9003, "Username": "nobody"}',
    ]
    send_payloads(stage.aws.client("kinesis"), stage.names.stream, payloads)
    expected = {"Zoe": Decimal(10**10), "Abe": Decimal(10**10)}
    until(lambda: totals(stage, *expected), expected)


@pytest.mark.usefixtures("_best")
def test_the_leaderboard_shows_the_best_first(shell: Shell) -> None:
    table = shell("leaderboard", "--top", "2")
    result = shell("leaderboard", "--top", "2", "--json")

    assert list(result.json["totals"]) == ["Abe", "Zoe"]
    assert result.json["players"] >= 2
    assert table.out.index("Abe") < table.out.index("Zoe")
    assert "10,000,000,000" in table.out


@pytest.mark.usefixtures("_best")
def test_the_watched_leaderboard_tells_how_the_pipeline_is_doing(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = shell("leaderboard", "--watch", "--looks", "2", "--every", "0.1")
    sent = [b'{"RecordID": %d, "Username": "Wim", "Score": 1}' % (9100 + n) for n in range(30)]

    def send_between_looks(_: float) -> None:
        send_payloads(stage.aws.client("kinesis"), stage.names.stream, sent)
        until(lambda: totals(stage, "Wim"), {"Wim": Decimal(30)})

    monkeypatch.setattr("operations.verbs.leaderboard.time.sleep", send_between_looks)
    looks = shell("leaderboard", "--watch", "--looks", "2", "--json")

    assert "records a second" in watch.out
    first, second = (json.loads(line) for line in looks.out.splitlines())
    assert first["records_a_second"] == 0
    assert second["records_a_second"] > 1
    assert second["behind_seconds"] == 0
    assert second["iterator_age_seconds"] == {}


@pytest.mark.usefixtures("_best")
def test_logs_tell_what_the_functions_wrote(shell: Shell) -> None:
    everything = shell("logs")
    rejects = shell("logs", "--rejects", "--json", "--function", "ProcessKinesisRecords")
    aggregator = shell("logs", "--function", "AggregateScoresByUser", "--json")

    assert 'Decoded payload: {"RecordID": 9003, "Username": "nobody"}' in everything.out
    assert "metrics  RecordsReceived" in everything.out
    lines = [json.loads(line) for line in rejects.out.splitlines()]
    assert all("Rejected record" in line["line"]["message"] for line in lines)
    assert "the record has no Score" in [line["line"]["reason"] for line in lines]
    found = [json.loads(line)["function"] for line in aggregator.out.splitlines()]
    assert set(found) == {"AggregateScoresByUser"}


@pytest.mark.usefixtures("_best")
def test_followed_logs_go_on_until_ctrl_c(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("operations.watch.logs.time.sleep", interrupt)

    answer = shell("logs", "--follow", "--function", "ProcessKinesisRecords")

    assert (answer.status, answer.err) == (0, "")
    assert "Decoded payload" in answer.out


@pytest.mark.usefixtures("_best")
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_watched_leaderboard_goes_on_until_ctrl_c(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("operations.verbs.leaderboard.time.sleep", interrupt)

    answer = shell("leaderboard", "--watch", *options)

    assert answer.status == 0
    assert answer.err.strip() == ""
    assert "Zoe" in answer.out


@pytest.mark.usefixtures("_best")
def test_logs_leave_lambdas_own_lines_out_unless_asked(shell: Shell) -> None:
    marks = re.compile(r"\b(START|END|REPORT) RequestId:")

    assert not marks.search(shell("logs").out)
    assert {mark[1] for mark in marks.finditer(shell("logs", "--invocations").out)} == {
        "START",
        "END",
        "REPORT",
    }


@pytest.mark.parametrize(
    ("text", "is_mark"),
    [
        ("START RequestId: 5 Version: $LATEST", True),
        ("INIT_START Runtime Version: python:3.12", True),
        ("REPORT RequestId: 5\tDuration: 60000.00 ms\tStatus: timeout", True),
        ("2026-11-24T10:00:00Z 5 Task timed out after 60.00 seconds", False),
        ("[ERROR] KeyError: 'Records'", False),
        ("a line printed by hand", False),
    ],
)
def test_what_tells_of_a_failure_is_none_of_lambdas_own_marks(text: str, is_mark: bool) -> None:
    assert LogLine("f", datetime.now(UTC), text, None).is_invocation_mark == is_mark


@pytest.mark.usefixtures("_best")
def test_status_is_well_only_without_rejects_and_alarms(shell: Shell, stage: Stage) -> None:
    with_reject = shell("status", "--json")
    clear_bucket(stage)
    well = shell("status")
    alarm = {
        "AlarmName": "game-scores-behind",
        "Namespace": "AWS/Lambda",
        "MetricName": "IteratorAge",
        "Dimensions": [
            {"Name": "FunctionName", "Value": stage.function_name("AggregateScoresByUser")}
        ],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    stage.aws.client("cloudwatch").put_metric_alarm(**alarm)  # type: ignore[arg-type]
    stage.aws.client("cloudwatch").set_alarm_state(
        AlarmName="game-scores-behind", StateValue="ALARM", StateReason="it is far behind"
    )
    alarmed = shell("status", "--json")
    stage.aws.client("cloudwatch").delete_alarms(AlarmNames=["game-scores-behind"])

    assert with_reject.status == 1
    assert with_reject.json["problems"] == [f"rejects bucket: {how_to_close_rejects(stage.name)}"]
    assert with_reject.json["newest_rejects"][0]["records"] == 1
    assert (well.status, alarmed.status) == (0, 1)
    assert "All is well" in well.out
    assert "Enabled, last result: OK" in well.out
    assert alarmed.json["problems"] == ["alarm game-scores-behind: it is far behind"]


@pytest.fixture
def _given_up_alarms(stage: Stage) -> Iterator[None]:
    """The alarms of monitoring.yaml that name a mapping, one of them in alarm."""
    cloudwatch = stage.aws.client("cloudwatch")
    names = {function: f"{stage.function_name(function)}-given-up" for function in FUNCTIONS}
    for function, name in names.items():
        mapping = require_mapping(stage, function).uuid
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/Lambda",
            MetricName="OnFailureDestinationDeliveredEventCount",
            Dimensions=[{"Name": "EventSourceMappingUUID", "Value": mapping}],
            Statistic="Sum",
            Period=300,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
        )
    cloudwatch.set_alarm_state(
        AlarmName=names["ProcessKinesisRecords"], StateValue="ALARM", StateReason="1 was given up"
    )
    yield
    cloudwatch.delete_alarms(AlarmNames=list(names.values()))


@pytest.mark.usefixtures("_given_up_alarms", "_empty_bucket")
def test_status_shows_the_alarms_on_records_that_lambda_gave_up(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up, unknown = (f"{stage.function_name(name)}-given-up" for name in FUNCTIONS)
    monkeypatch.setenv("COLUMNS", "80")

    answer, found = shell("status"), shell("status", "--json").json

    alarms = {part["name"]: part["state"] for part in found["parts"] if part["kind"] == "alarm"}
    assert alarms == {given_up: "ALARM", unknown: "not yet known"}
    assert found["problems"] == [f"alarm {given_up}: 1 was given up"]
    assert f"{unknown}: not yet known" in " ".join(answer.out.split())
    unknown_parts = [part for part in found["parts"] if part["state"] == NOT_YET_KNOWN]
    assert answer.out.count("?") == len(unknown_parts)


@pytest.fixture
def _silent(stage: Stage) -> Iterator[None]:
    """A composite alarm and its two parts, all of them in alarm, and one of other people's."""
    cloudwatch = stage.aws.client("cloudwatch")
    parts = {"part-in": ("AWS/Kinesis", "StreamName", stage.names.stream)}
    parts["part-out"] = ("GameScores", "FunctionName", stage.function_name(FUNCTIONS[0]))
    parts["theirs"] = ("AWS/Kinesis", "StreamName", "a stream of others")
    for name, (namespace, dimension, value) in parts.items():
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace=namespace,
            MetricName="Records",
            Dimensions=[{"Name": dimension, "Value": value}],
            Statistic="Sum",
            Period=300,
            EvaluationPeriods=3,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
        )
    arn = cloudwatch.describe_alarms(AlarmNames=["part-out"])["MetricAlarms"][0]["AlarmArn"]
    rule = f'ALARM("part-in") AND ALARM("{arn}")'
    cloudwatch.put_composite_alarm(AlarmName="silent", AlarmRule=rule)
    cloudwatch.put_composite_alarm(AlarmName="their silence", AlarmRule='ALARM("theirs")')
    for name in ("theirs", "part-in", "part-out"):
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="as told")
    yield
    cloudwatch.delete_alarms(AlarmNames=["silent"])
    cloudwatch.delete_alarms(AlarmNames=["their silence"])
    cloudwatch.delete_alarms(AlarmNames=list(parts))


@pytest.mark.usefixtures("_silent", "_empty_bucket")
def test_status_shows_a_composite_alarm_in_place_of_its_parts(shell: Shell, stage: Stage) -> None:
    alarmed = shell("status", "--json").json
    stage.aws.client("cloudwatch").set_alarm_state(
        AlarmName="part-in", StateValue="OK", StateReason="as told"
    )
    well = shell("status", "--json").json

    shown = [part["name"] for part in alarmed["parts"] if part["kind"] == "alarm"]
    assert shown == ["silent"]
    assert [problem.split(":")[0] for problem in alarmed["problems"]] == ["alarm silent"]
    assert well["problems"] == []


def test_alarms_that_are_well_share_a_line_at_80_columns() -> None:
    functions = [Part("function", name, "Active, 512 MB, 60 s at most") for name in FUNCTIONS]
    alarms = [Part("alarm", f"game-scores-prod-{number}", "OK") for number in range(13)]
    alarms += [Part("alarm", f"game-scores-prod-{name}", NOT_YET_KNOWN) for name in "abc"]
    console = Console(width=80, record=True, file=io.StringIO())

    console.print(status_view("prod", Status((*functions, *alarms), ())))

    assert [line.rstrip() for line in console.export_text().splitlines()] == [
        "Stage prod",
        "✓ function ProcessKinesisRecords: Active, 512 MB, 60 s at most",
        "✓          AggregateScoresByUser: Active, 512 MB, 60 s at most",
        "✓ alarm    13 alarms: OK",
        "?          3 alarms: not yet known",
        "All is well",
    ]


@pytest.mark.usefixtures("_empty_bucket")
def test_status_shows_how_much_was_no_score_record(shell: Shell, stage: Stage) -> None:
    name = f"no {words.RECORD}"
    before = shell("status", "--json").json["parts"]
    dimensions = [
        {"Name": "FunctionName", "Value": stage.function_name("ProcessKinesisRecords")},
        {"Name": "service", "Value": telemetry.SERVICE},
    ]
    stage.aws.client("cloudwatch").put_metric_data(
        Namespace=telemetry.NAMESPACE,
        MetricData=[
            {"MetricName": metric, "Dimensions": dimensions, "Value": value, "Unit": "Count"}  # type: ignore[typeddict-item]
            for metric, value in (("RecordsReceived", 400), ("RecordsIgnored", 20))
        ],
    )

    after = shell("status", "--json").json["parts"]

    assert [part["state"] for part in before if part["name"] == name] == [NOT_YET_KNOWN]
    assert [part for part in after if part["name"] == name] == [
        {
            "kind": "payloads",
            "name": name,
            "state": "5%, 20 of 400 in the last hour",
            "problem": "",
        }
    ]


def test_a_stage_that_is_well_takes_a_line_a_part_at_80_columns(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    shown, parts = shell("status").out.splitlines(), shell("status", "--json").json["parts"]

    heading, verdict = 1, 1
    assert len(shown) == heading + len(parts) + verdict
    assert max(map(len, shown)) <= 80


def test_status_finds_what_is_missing(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = {variable: f"{name}-missing" for variable, name in stage.variables.items()}
    monkeypatch.setattr("operations.aws.stage.names_from_stack", lambda *_: missing)

    answer = shell("status", "--json", "--region", "us-east-1")

    assert answer.status == 1
    problems = [problem for problem in answer.json["problems"] if "it does not exist" in problem]
    assert len(problems) == 5
    assert any("it reads arn:aws:dynamodb" in problem for problem in answer.json["problems"])


def test_status_finds_a_disabled_mapping(shell: Shell, stage: Stage) -> None:
    name = stage.function_name("AggregateScoresByUser")
    (mapping,) = stage.aws.client("lambda").list_event_source_mappings(FunctionName=name)[
        "EventSourceMappings"
    ]
    stage.aws.client("lambda").update_event_source_mapping(
        UUID=mapping["UUID"], Enabled=False, MaximumRecordAgeInSeconds=43_200
    )
    disabled = shell("status", "--json")
    stage.aws.client("lambda").update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    assert disabled.status == 1
    (problem,) = [each for each in disabled.json["problems"] if each.startswith("mapping")]
    assert "it is Disabled: nothing is processed" in problem
    assert "Records wait for 12 hours, older ones go to the rejects bucket" in problem

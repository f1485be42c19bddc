"""Recorded names, and a stage without: it works where nothing is written, and meets no other."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from chalice.test import Client

import app
from chalicelib.connections import Connections
from chalicelib.settings import MissingSetting, Settings
from operations.aws.config import PROJECT, record_names
from operations.aws.stage import Stage
from operations.deploy.chalice import copy_app, run_chalice
from operations.local.server import EmbeddedAws
from operations.verbs.up import variables_to_source
from tests.builders import event, inserted, kinesis_record
from tests.data_stack import DataStack

INVOKE_WITHOUT_ENVIRONMENT = """
import json, sys
from chalice.test import Client
import app
with Client(app.app) as client:
    print(client.lambda_.invoke(sys.argv[1], json.load(open(sys.argv[2]))).payload, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("function", "records"),
    [
        ("ProcessKinesisRecords", []),
        ("ProcessKinesisRecords", [kinesis_record(b"no score")]),
        ("AggregateScoresByUser", []),
    ],
)
def test_nothing_to_write_needs_neither_environment_nor_client(
    function: str, records: list[dict[str, object]], tmp_path: Path
) -> None:
    handed = tmp_path / "event.json"
    handed.write_text(json.dumps(event(*records)))

    run = subprocess.run(
        [sys.executable, "-c", INVOKE_WITHOUT_ENVIRONMENT, function, str(handed)],
        cwd=PROJECT,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert f"Successfully processed {len(records)} records." in run.stderr


@pytest.mark.parametrize("name", ["records_table", "totals_table", "receipts_table"])
def test_a_table_that_is_not_recorded_has_no_name(name: str) -> None:
    with pytest.raises(MissingSetting, match=r"_TABLE is not set: record the data stack's"):
        getattr(Settings.from_environment({}), name)


def test_no_stream_can_be_called_what_stands_in_for_one() -> None:
    settings = Settings.from_environment({})

    assert not re.fullmatch(r"[a-zA-Z0-9_.-]{1,128}", settings.stream)
    table = settings.records_stream_arn.split("/")[1]
    assert not re.fullmatch(r"[a-zA-Z0-9_.-]{3,255}", table)


@pytest.mark.slow
def test_chalice_deploy_of_an_unrecorded_stage_meets_no_other_and_tells_to_record(
    aws: EmbeddedAws, data: DataStack, tmp_path: Path
) -> None:
    """In a shell that has sourced what `make up` writes."""
    sourced = variables_to_source(Stage("local", aws.session, data.variables), aws)

    printed = run_chalice(copy_app(PROJECT, tmp_path), ["deploy", "--stage", "dev"], sourced)

    aws_lambda = aws.session.client("lambda")
    mappings = aws_lambda.list_event_source_mappings()["EventSourceMappings"]
    sources = {each["EventSourceArn"] for each in mappings}
    assert "python -m operations deploy data record" in printed
    assert data.names.records_stream_arn not in sources
    assert not any(arn.endswith(f"/{data.names.stream}") for arn in sources)
    for function, record in (
        ("ProcessKinesisRecords", kinesis_record({"RecordID": 1, "Username": "A", "Score": 1})),
        ("AggregateScoresByUser", inserted("Ann", 1)),
    ):
        answer = aws_lambda.invoke(
            FunctionName=f"game-scores-dev-{function}", Payload=json.dumps(event(record))
        )
        assert b"_TABLE is not set: record" in answer["Payload"].read()
    assert (data.records, data.totals) == ({}, {})


def test_chalices_test_client_takes_the_names_that_are_recorded_for_its_stage(
    data: DataStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copy_app(PROJECT, tmp_path)
    record_names(copy, "dev", data.variables)
    monkeypatch.setattr(app, "connections", Connections(app.settings))
    score = {"RecordID": 1, "Username": "Ann", "Score": 5}

    with Client(app.app, stage_name="dev", project_dir=str(copy)) as client:
        client.lambda_.invoke("ProcessKinesisRecords", event(kinesis_record(score)))

    assert list(data.records) == ["1"]

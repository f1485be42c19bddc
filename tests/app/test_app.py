"""app.py as Chalice sees it."""

import json
import subprocess
import sys
from typing import Any

import pytest
from chalice.config import Config

import app
from chalicelib import parallel
from chalicelib.clients import CLIENT_CONFIG, WORKERS
from chalicelib.connections import Connections
from chalicelib.parallel import PATIENCE_SECONDS
from chalicelib.scores import Reject
from chalicelib.settings import MissingSetting, Settings
from operations.aws.config import PROJECT

CONFIG = json.loads((PROJECT / ".chalice" / "config.json").read_text())

IMPORT_WITHOUT_NETWORK = """
import socket

def refuse(*args, **kwargs):
    raise AssertionError("importing app.py opened a connection")

socket.socket.connect = socket.create_connection = refuse
import app
print(sorted(source.name for source in app.app.event_sources))
"""


def test_importing_it_makes_no_call_and_needs_no_environment() -> None:
    run = subprocess.run(
        [sys.executable, "-c", IMPORT_WITHOUT_NETWORK],
        cwd=PROJECT,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.stderr == ""
    assert run.stdout.strip() == "['AggregateScoresByUser', 'ProcessKinesisRecords']"


def test_both_mappings_start_at_the_trim_horizon() -> None:
    sources: list[Any] = app.app.event_sources
    assert [source.starting_position for source in sources] == ["TRIM_HORIZON"] * 2


def test_what_fails_rises_before_the_functions_time_is_over() -> None:
    config: Any = CLIENT_CONFIG
    attempts = config.retries["total_max_attempts"]
    attempt_seconds = config.connect_timeout + config.read_timeout
    backoff_seconds = sum(2**retry for retry in range(attempts - 1))

    request_seconds = attempts * attempt_seconds + backoff_seconds

    assert request_seconds == 23
    assert PATIENCE_SECONDS + request_seconds < CONFIG["lambda_timeout"] - 10


def test_after_a_while_a_failure_leaves_what_has_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "PATIENCE_SECONDS", 0)
    begun = []

    def break_down(item: int) -> None:
        begun.append(item)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        parallel.in_parallel(break_down, range(1000))

    assert len(begun) <= WORKERS


def test_the_stages_are_those_that_the_readme_deploys() -> None:
    assert set(CONFIG["stages"]) == {"local", "dev", "prod"}
    for stage in CONFIG["stages"]:
        config = Config(chalice_stage=stage, config_from_disk=CONFIG)
        assert config.app_name == app.app.app_name


def test_ingestion_has_time_and_memory_for_a_batch_full_of_aggregates() -> None:
    for stage in CONFIG["stages"]:
        config = Config(chalice_stage=stage, config_from_disk=CONFIG)
        ingestion = config.scope(stage, "ProcessKinesisRecords")
        aggregation = config.scope(stage, "AggregateScoresByUser")

        assert (ingestion.lambda_timeout, aggregation.lambda_timeout) == (900, 300)
        assert ingestion.lambda_memory_size >= 512  # 80,000 scores in an event take 280 MB
        assert aggregation.lambda_memory_size >= 512


def test_a_bucket_that_is_not_recorded_fails_the_batch_only_when_there_is_a_reject(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app, "connections", Connections(Settings.from_environment({})))

    app.keep_rejects("ProcessKinesisRecords", (), [])
    with pytest.raises(MissingSetting, match="REJECTS_BUCKET"):
        app.keep_rejects("ProcessKinesisRecords", (Reject(0, "broken"),), [{}])

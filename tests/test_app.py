"""app.py as Chalice sees it."""

import json
import subprocess
import sys
from typing import Any

from chalice.config import Config

import app
from operations.embedded import PROJECT

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

        assert (ingestion.lambda_timeout, ingestion.lambda_memory_size) == (900, 1024)
        assert (aggregation.lambda_timeout, aggregation.lambda_memory_size) == (60, 512)

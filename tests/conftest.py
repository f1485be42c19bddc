"""The embedded AWS, one for the session, and the pipeline's real tables on it for each test."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from chalice.test import Client

import app
from chalicelib.settings import Settings
from operations.embedded import PROJECT, EmbeddedAws, embedded_aws
from tests.stage import Stage, new_stage

hypothesis.settings.register_profile(
    "unshrunk", phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate]
)
"""For when it only matters whether a test fails, as with mutants."""

Invoke = Callable[..., str]


@pytest.fixture(scope="session")
def aws() -> Iterator[EmbeddedAws]:
    """A running embedded AWS; the environment speaks to it."""
    with embedded_aws() as running:
        os.environ.update(running.variables)
        yield running


@pytest.fixture
def stage(aws: EmbeddedAws) -> Stage:
    """The data stack, new and empty."""
    return new_stage(aws)


@pytest.fixture
def invoke(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Invoke]:
    """Invokes a function with records, through Chalice's test client."""
    monkeypatch.setattr(app, "settings", Settings.from_environment(stage.variables))
    with Client(app.app, stage_name="local", project_dir=str(PROJECT)) as client:

        def invoke_function(name: str, *records: Any) -> str:
            payload = client.lambda_.invoke(name, {"Records": list(records)}).payload
            assert isinstance(payload, str)
            return payload

        yield invoke_function


@pytest.fixture
def ingest(invoke: Invoke) -> Invoke:
    """Invokes ProcessKinesisRecords."""
    return lambda *records: invoke("ProcessKinesisRecords", *records)


@pytest.fixture
def aggregate(invoke: Invoke) -> Invoke:
    """Invokes AggregateScoresByUser."""
    return lambda *records: invoke("AggregateScoresByUser", *records)


@pytest.fixture
def lab() -> Callable[[str], Any]:
    """Reads one of the lab's inputs."""
    return lambda name: json.loads((Path(PROJECT) / "operations" / "lab" / name).read_text())

"""One deployed pipeline for all verbs, and the command line beside it."""

import functools
import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from operations.__main__ import run as run_command_line
from operations.aws.stage import Stage, open_stage, with_names
from operations.aws.tables import read_totals, scan
from operations.local.pipeline import deploy_locally
from operations.local.server import EmbeddedAws, embedded_aws
from operations.rejects.objects import list_objects, read_rejects
from tests.conftest import PATIENCE_SECONDS
from tests.policies import read_policy, user_with


@dataclass(frozen=True)
class Answer:
    """What a verb printed, and how it ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The result, where --json was asked for."""
        return json.loads(self.out)


@dataclass
class Shell:
    """Runs verbs as a person does, against the deployed stage."""

    stage: Stage
    capture: pytest.CaptureFixture[str]
    options: list[str] = field(default_factory=list)

    def __call__(self, *arguments: str) -> Answer:
        status = run_command_line([*arguments, *self.options])
        out, err = self.capture.readouterr()
        assert "Traceback" not in err
        return Answer(status, out, err)


@pytest.fixture(scope="session")
def stage_aws() -> Iterator[EmbeddedAws]:
    """The embedded AWS of the shared stage, which no other test empties."""
    with embedded_aws() as running:
        yield running


@pytest.fixture(scope="session")
def stage(stage_aws: EmbeddedAws) -> Stage:
    """The stage that all tests of this folder share; each takes users of its own."""
    return deploy_locally(stage_aws, announce=lambda _: None)


@pytest.fixture(scope="session")
def operator(stage: Stage, stage_aws: EmbeddedAws) -> dict[str, str]:
    """The environment of somebody who has no more than infrastructure/policies/operator.json."""
    return user_with(stage_aws, "operator", read_policy("operator"))


@pytest.fixture(scope="session")
def find_once() -> Callable[..., Stage]:
    """Looks for each stage only once, and so makes its clients once: half a second each time."""
    return functools.cache(lambda *options: with_names(open_stage(*options)))


@pytest.fixture
def shell(
    stage: Stage,
    stage_aws: EmbeddedAws,
    operator: dict[str, str],
    find_once: Callable[..., Stage],
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Shell]:
    """The command line of an operator; the stage and the AWS are named by options.

    It has patches of its own, since a test may undo its.
    """
    options = ["--stage", stage.name, "--endpoint-url", stage_aws.endpoint_url]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("operations.terminal.options.open_stage", find_once)
        patched.setenv("COLUMNS", "160")
        for name, value in operator.items():
            patched.setenv(name, value)
        yield Shell(stage, capsys, options)


@pytest.fixture(scope="module")
def _settled(stage: Stage) -> None:
    """All that the tests of other files sent is done with, as what comes after it is rejected."""
    kinesis, s3 = stage.aws.client("kinesis"), stage.aws.client("s3")
    shards = kinesis.list_shards(StreamName=stage.names.stream)["Shards"]
    last = json.dumps({"RecordID": 0, "Username": "", "Note": str(uuid4())}).encode()
    for shard in shards:
        kinesis.put_record(
            StreamName=stage.names.stream,
            Data=last,
            PartitionKey="any",
            ExplicitHashKey=shard["HashKeyRange"]["StartingHashKey"],
        )
    until(
        lambda: sum(
            b64encode(last).decode() in json.dumps(reject.record)
            for each in read_rejects(s3, stage.names.rejects_bucket)
            for reject in each.rejects
        ),
        len(shards),
    )


@pytest.fixture
def _empty_bucket(stage: Stage, _settled: None) -> Iterator[None]:
    """No rejects before the test, and none left by it."""
    clear_bucket(stage)
    yield
    clear_bucket(stage)


def clear_bucket(stage: Stage) -> None:
    bucket = stage.names.rejects_bucket
    for found in list(list_objects(stage.aws.client("s3"), bucket)):
        stage.aws.client("s3").delete_object(Bucket=bucket, Key=found.key)


def totals(stage: Stage, *users: str) -> dict[str, Decimal]:
    found = read_totals(stage.aws.client("dynamodb"), stage.names.totals_table)
    return {user: found[user] for user in users if user in found}


def records_of(stage: Stage, user: str) -> dict[str, dict[str, Any]]:
    """The user's records in the table, by id."""
    items = scan(stage.aws.client("dynamodb"), stage.names.records_table)
    return {
        item["RecordID"]["N"]: dict(item)
        for item in items
        if item.get("Username", {}).get("S") == user
    }


def until(measure: Callable[[], object], expected: object) -> None:
    """Wait until the measure is as expected; the pipeline takes its time."""
    patient_until = time.monotonic() + PATIENCE_SECONDS
    while (found := measure()) != expected and time.monotonic() < patient_until:
        time.sleep(0.05)
    assert found == expected

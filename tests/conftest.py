"""The embedded AWS, one for the session, and the pipeline's real tables on it for each test."""

import json
import os
import signal
import time
import zipfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import hypothesis
import pytest
import yaml
from chalice.test import Client

import app
from chalicelib.clients import Clients
from chalicelib.connections import Connections
from operations.aws.config import PROJECT
from operations.aws.session import account_of
from operations.aws.stage import Stage
from operations.aws.tables import read_totals
from operations.deploy.chalice import ACCOUNT_VARIABLE
from operations.local.server import EmbeddedAws, embedded_aws
from operations.scores.send import send_payloads
from tests.data_stack import DataStack, empty_data_stack

hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
"""However busy the machine is."""

hypothesis.settings.register_profile(
    "unshrunk",
    hypothesis.settings.get_profile("patient"),
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
)
"""For when it only matters whether a test fails, as with mutants."""

hypothesis.settings.load_profile("patient")

Invoke = Callable[..., str]

PATIENCE_SECONDS = 180
"""How long tests wait for what should be there within seconds: the machine may be busy."""

AWS_FIXTURES = {"aws", "stage"}
"""Each test process starts an embedded AWS of its own for them."""


LONGEST = (
    "test_deploy.py",
    "test_rebuild.py",
    "test_policies.py",
    "test_wire.py",
    "test_first_deploy.py",
    "test_package.py",
    "test_make_it_yours.py",
    "test_end_to_end.py",
    "test_delivery.py",
    "test_leftovers.py",
)
"""The files that take longest come first, so that no worker is left with one at the end."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A worker for each core, and one more where tests wait for what they deploy; at most 4."""
    cores = os.cpu_count() or 1
    return min(4, cores if config.getoption("markexpr") == "not slow" else cores + 1)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A value's place instead of bytes: gzip holds the time, so each worker would name it anew."""
    if isinstance(val, bytes) and (not val.isascii() or b"H4sI" in val):
        return argname
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the embedded AWS as slow, so that `make quick` leaves it out."""
    for item in items:
        if AWS_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("slow")
    items.sort(key=lambda item: (*LONGEST, item.path.name).index(item.path.name))


@pytest.fixture(scope="session", autouse=True)
def _programs_can_be_interrupted() -> Iterator[None]:
    """Let the programs that tests start take SIGINT, even where the tests ignore it.

    What a shell starts by `nohup` or with `&` ignores it, and so would all that it starts.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session", autouse=True)
def _descriptions_read_once() -> Iterator[None]:
    """Let all of botocore's sessions share what they read of the services: 0.07 s a client."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
        yield


@pytest.fixture(scope="session")
def aws() -> Iterator[EmbeddedAws]:
    """A running embedded AWS; the environment speaks to it."""
    with embedded_aws() as running:
        os.environ.update(running.variables)
        yield running


@pytest.fixture
def data(aws: EmbeddedAws) -> DataStack:
    """The data stack, with nothing in it."""
    return empty_data_stack(aws)


@pytest.fixture(scope="session")
def clients(aws: EmbeddedAws) -> Clients:
    """The functions' own clients, kept as in a Lambda environment."""
    return Clients()


@pytest.fixture
def invoke(data: DataStack, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[Invoke]:
    """Invokes a function with records, through Chalice's test client."""
    monkeypatch.setattr(app, "connections", Connections(data.names, clients))
    with Client(app.app, stage_name="local", project_dir=str(PROJECT)) as client:

        def invoke_function(name: str, *records: Any) -> str:
            payload = client.lambda_.invoke(name, {"Records": list(records)}).payload
            assert isinstance(payload, str)
            return payload

        yield invoke_function


@pytest.fixture
def ingest(invoke: Invoke) -> Invoke:
    return lambda *records: invoke("ProcessKinesisRecords", *records)


@pytest.fixture
def aggregate(invoke: Invoke) -> Invoke:
    return lambda *records: invoke("AggregateScoresByUser", *records)


@pytest.fixture
def lab() -> Callable[[str], Any]:
    """Reads one of the lab's inputs."""
    return lambda name: json.loads(
        (Path(PROJECT) / "operations" / "local" / "lab" / name).read_text()
    )


def unpack(archive: Path, folder: Path) -> Path:
    """The folder, with the zip's files in it."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    return folder


def upload(stage: Stage, package: Path, folder: Path) -> Path:
    """What `aws cloudformation package` does: the zip in a bucket, a template that names it.

    Policies have the account filled in, which the embedded AWS does not do.
    """
    bucket = f"packages-{stage.name}"
    stage.aws.client("s3").create_bucket(Bucket=bucket)
    stage.aws.client("s3").upload_file(str(package / "deployment.zip"), bucket, "deployment.zip")
    template = yaml.safe_load((package / "sam.yaml").read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = f"s3://{bucket}/deployment.zip"
    uploaded = folder / f"{stage.name}.yaml"
    text = json.dumps(template).replace(ACCOUNT_VARIABLE, account_of(stage.aws))
    uploaded.write_text(text)
    return uploaded


def drive(stage: Stage, scores: dict[str, int]) -> dict[str, Decimal]:
    """The totals after a score of each user went through the stream and both functions."""
    payloads = [
        json.dumps({"RecordID": time.time_ns(), "Username": name, "Score": score}).encode()
        for name, score in scores.items()
    ]
    send_payloads(stage.aws.client("kinesis"), stage.names.stream, payloads)
    patient_until = time.monotonic() + PATIENCE_SECONDS
    totals: dict[str, Decimal] = {}
    while not scores.keys() <= totals.keys() and time.monotonic() < patient_until:
        time.sleep(0.1)
        totals = read_totals(stage.aws.client("dynamodb"), stage.names.totals_table)
    return totals

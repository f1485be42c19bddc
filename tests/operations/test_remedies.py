"""What `status` and errors advise, done to the letter: it ends in `All is well`."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from botocore import xform_name

from operations.aws.mappings import list_mappings
from operations.aws.stage import AGGREGATOR, FUNCTIONS, INGESTION
from operations.aws.tables import read_totals
from operations.local.server import EmbeddedAws
from tests.conftest import drive
from tests.operations.in_process import InProcess, new_in_process

SETTLED_SOON = ["--settle", "0.2"]


@pytest.fixture(scope="module")
def dev(aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> InProcess:
    """A clone that has deployed dev, with a score each of two players."""
    dev = new_in_process(aws, tmp_path_factory.mktemp("clone"), "dev")
    deployed = dev("deploy")
    assert deployed.status == 0, deployed.err
    assert drive(dev.stage(), {"Ann": 5, "Ben": 7}) == {"Ann": 5, "Ben": 7}
    return dev


@pytest.fixture(autouse=True)
def _well_before_and_after(dev: InProcess) -> Iterator[None]:
    """Each test mends what it breaks."""
    assert dev.problems() == []
    yield
    assert dev.problems() == []


def follow(dev: InProcess, advice: str) -> None:
    """Type every command that stands in the advice, in its order."""
    commands = re.findall(r"`((?:python -m operations|aws) [^`]+)`", advice)
    assert commands, advice
    for command in commands:
        program, *words = shlex.split(command)
        if program == "aws":
            run_aws(dev, words)
            continue
        verb = words[2:]
        if verb[0] == "rebuild":
            shorten_aggregator(dev)
            verb += SETTLED_SOON
        typed = dev(*verb)
        assert typed.status == 0, typed.err


def run_aws(dev: InProcess, words: list[str]) -> None:
    """What the aws-cli does with these words: a call with its options as parameters."""
    service, operation, *options = words
    client: Any = dev.session().client(service)  # type: ignore[call-overload]
    parameters: dict[str, Any] = {}
    for word in options:
        if word.startswith("--"):
            name = "".join(part.capitalize() for part in word[2:].split("-"))
            parameters[name] = True
        else:
            parameters[name] = shorthand(word)
    getattr(client, xform_name("".join(part.capitalize() for part in operation.split("-"))))(
        **parameters
    )


def shorthand(word: str) -> Any:
    """A,B=C as the aws-cli reads it."""
    if "=" not in word:
        return word
    pairs = (pair.split("=") for pair in word.split(","))
    return {name: {"true": True, "false": False}.get(value, value) for name, value in pairs}


def shorten_aggregator(dev: InProcess) -> None:
    """Let an invocation under way be over after a second, for which `rebuild` waits."""
    stage = dev.stage()
    stage.aws.client("lambda").update_function_configuration(
        FunctionName=stage.function_name(AGGREGATOR), Timeout=1
    )


def totals(dev: InProcess) -> dict[str, int]:
    found = read_totals(dev.session().client("dynamodb"), dev.stage().names.totals_table)
    return {name: int(total) for name, total in found.items()}


def one_problem(dev: InProcess, begins: str) -> str:
    (problem,) = [each for each in dev.problems() if each.startswith(begins)]
    return problem


def test_functions_and_mappings_that_are_gone_or_too_many_come_back_as_they_were(
    dev: InProcess,
) -> None:
    stage = dev.stage()
    client = stage.aws.client("lambda")
    (kept,), (lost,) = (list_mappings(stage, function) for function in FUNCTIONS)
    client.delete_event_source_mapping(UUID=lost["UUID"])
    client.create_event_source_mapping(
        FunctionName=stage.function_name(INGESTION),
        EventSourceArn=kept["EventSourceArn"],
        StartingPosition="TRIM_HORIZON",
        Enabled=False,
    )
    client.delete_function(FunctionName=stage.function_name(INGESTION))

    refused = dev("deploy", "mappings")
    problems = dev.problems()
    follow(dev, problems[0])

    remedy = "run `python -m operations deploy app mappings monitoring --stage dev`"
    assert problems[0] == f"function {INGESTION}: it does not exist: {remedy}"
    assert sorted(problems[1:]) == [
        f"mapping to {AGGREGATOR}: no stream feeds it: {remedy}",
        f"mapping to {INGESTION}: it is one too many: {remedy}",
    ]
    assert f"has 2 event source mappings instead of one: {remedy}" in refused.err
    assert [each["UUID"] for each in list_mappings(stage, INGESTION)] == [kept["UUID"]]
    assert drive(stage, {"Cid": 1})["Cid"] == 1

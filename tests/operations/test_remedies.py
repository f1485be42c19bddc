"""What `status` and errors advise, done to the letter: it ends in `All is well`."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from botocore import xform_name

from operations.aws.mappings import list_mappings
from operations.aws.stacks import delete_stack
from operations.aws.stage import AGGREGATOR, FUNCTIONS, INGESTION, data_stack_name
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


def test_what_holds_data_and_is_gone_is_made_again_and_the_totals_are_as_they_were(
    dev: InProcess,
) -> None:
    stage, before = dev.stage(), totals(dev)
    lost = (stage.names.stream, stage.names.totals_table, stage.names.receipts_table)
    stage.aws.client("kinesis").delete_stream(StreamName=stage.names.stream)
    for table in lost[1:]:
        stage.aws.client("dynamodb").delete_table(TableName=table)
    stage.aws.client("s3").delete_bucket(Bucket=stage.names.rejects_bucket)

    problems = dev.problems()
    refused = dev("deploy")
    shown = dev("deploy", "--make-again", "--dry-run")
    follow(dev, refused.err)

    empty = "run `python -m operations deploy --make-again --stage dev`, which makes it empty"
    rebuilt = "then `python -m operations rebuild --stage dev`"
    assert problems == [
        f"stream {lost[0]}: it does not exist: {empty}",
        *(f"table {each}: it does not exist: {empty}, {rebuilt}" for each in lost[1:]),
        f"rejects bucket: it does not exist: {empty}",
    ]
    assert refused.status == 1
    assert f"The stack game-scores-data-dev has {', '.join(lost)}" in refused.err
    assert shown.status == 0
    assert re.search(r"Forget +│ Totals", shown.err)
    assert totals(dev) == before
    assert drive(dev.stage(), {"Dan": 4}) == {**before, "Dan": 4}


def test_what_a_data_stack_left_behind_gets_one_again(dev: InProcess) -> None:
    """The embedded AWS imports no stream, and so that is gone as well, and the records with it."""
    stage, before = dev.stage(), totals(dev)
    delete_stack(stage.aws.client("cloudformation"), data_stack_name("dev"))
    stage.aws.client("kinesis").delete_stream(StreamName=stage.names.stream)
    stage.aws.client("dynamodb").delete_table(TableName=stage.names.records_table)

    (advice,) = [each for each in dev.problems() if each.startswith("table")]
    refused = dev("deploy", "--make-again")
    shown = dev("deploy", "--adopt", "--dry-run")
    to_keep, to_lose = refused.err.split(";")
    follow(dev, to_keep)

    assert "restore it as docs/deploy.md tells, or run" in advice
    assert refused.status == 1
    assert f"There is no stack game-scores-data-dev, but {stage.names.totals_table}" in refused.err
    assert "destroy --delete-all-data-of dev --stage dev" in to_lose
    assert shown.status == 0
    assert re.search(r"Import +│ Totals", shown.err)
    assert totals(dev) == before
    assert drive(dev.stage(), {"Eve": 3}) == {**before, "Eve": 3}


def unprotected(dev: InProcess) -> Any:
    """The client of DynamoDB."""
    return dev.session().client("dynamodb")

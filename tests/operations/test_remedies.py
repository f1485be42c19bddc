"""What `status` and errors advise, done to the letter: it ends in `All is well`."""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from operations.aws import remedies
from operations.aws.config import record_names, recorded_variables
from operations.aws.errors import MISUSE
from operations.aws.mappings import find_mappings, list_mappings
from operations.aws.stacks import delete_stack
from operations.aws.stage import AGGREGATOR, FUNCTIONS, INGESTION, data_stack_name
from operations.aws.tables import read_totals
from operations.local.server import EmbeddedAws
from operations.rejects.objects import list_objects
from operations.scores.send import send_payloads
from operations.watch.parts import check_mappings
from tests.conftest import drive
from tests.operations.conftest import until
from tests.operations.days import a_day_later
from tests.operations.in_process import InProcess, new_in_process

CONFIRMED = ["--yes"]
SETTLED_SOON = ["--settle", "0.2"]


Remedy = Callable[..., str]
Test = TypeVar("Test", bound=Callable[..., None])
FOLLOWED: set[Remedy] = set()


def follows(*advised: Remedy) -> Callable[[Test], Test]:
    """Marks a test that does what these remedies say."""
    FOLLOWED.update(advised)
    return lambda test: test


@pytest.fixture(scope="module")
def dev(aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> InProcess:
    """A clone that has deployed dev, as it was told to, with a score each of two players."""
    dev = new_in_process(aws, tmp_path_factory.mktemp("clone"), "dev")
    refused = dev("status")
    assert refused.status == MISUSE
    assert "has no stack game-scores-data-dev: run" in refused.err
    follow(dev, refused.err)
    assert drive(dev.stage(), {"Ann": 5, "Ben": 7}) == {"Ann": 5, "Ben": 7}
    return dev


@pytest.fixture(autouse=True)
def _well_before_and_after(dev: InProcess) -> Iterator[None]:
    """Each test mends what it breaks."""
    assert dev.problems() == []
    yield
    assert dev.problems() == []


def follow(dev: InProcess, advice: str) -> str:
    """Type every command that stands in the advice, in its order; what was printed."""
    commands = re.findall(r"`((?:python -m operations|aws) [^`]+)`", advice)
    assert commands, advice
    printed = ""
    for command in commands:
        program, *words = shlex.split(command)
        if program == "aws":
            run_aws(dev, words)
            continue
        verb = words[2:]
        if verb[0] in ("rebuild", "forget"):
            verb += SETTLED_SOON
        if verb[:2] == ["rejects", "discard"]:
            verb += CONFIRMED
        typed = dev(*verb)
        assert typed.status == 0, typed.err
        printed += typed.out
    return printed


def run_aws(dev: InProcess, words: list[str]) -> None:
    """What the aws-cli does with these words: a call with its options as parameters."""
    service, operation, *options = words
    client: Any = dev.session().client(service.removesuffix("api"))  # type: ignore[call-overload]
    if operation == "wait":
        waiter, *options = options
        client.get_waiter(waiter.replace("-", "_")).wait(**parameters_of(options))
    else:
        getattr(client, operation.replace("-", "_"))(**parameters_of(options))


def parameters_of(options: list[str]) -> dict[str, Any]:
    """`--table-name A --enabled` as `{"TableName": "A", "Enabled": True}`."""
    parameters: dict[str, Any] = {}
    for word in options:
        if word.startswith("--"):
            name = "".join(part.capitalize() for part in word[2:].split("-")).replace(
                "Uuid", "UUID"
            )
            parameters[name] = True
        else:
            parameters[name] = shorthand(word)
    return parameters


def shorthand(word: str) -> Any:
    """A,B=C as the aws-cli reads it."""
    if "=" not in word:
        return word
    pairs = (pair.split("=") for pair in word.split(","))
    return {name: {"true": True, "false": False}.get(value, value) for name, value in pairs}


def totals(dev: InProcess) -> dict[str, int]:
    found = read_totals(dev.session().client("dynamodb"), dev.stage().names.totals_table)
    return {name: int(total) for name, total in found.items()}


def one_problem(dev: InProcess, begins: str) -> str:
    (problem,) = [each for each in dev.problems() if each.startswith(begins)]
    return problem


@follows(remedies.how_to_deploy_app, remedies.how_to_deploy)
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


@follows(remedies.how_to_make_again)
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


@follows(remedies.how_to_stream, remedies.how_to_read_anew)
def test_a_stream_that_is_off_or_shows_something_else_is_made_anew(dev: InProcess) -> None:
    stage, before = dev.stage(), totals(dev)
    table = stage.names.records_table
    set_view(dev, None)

    refused = dev("deploy", "record")
    follow(dev, refused.err)
    set_view(dev, "KEYS_ONLY")
    (advice,) = [each for each in dev.problems() if each.startswith("table")]
    follow(dev, advice)

    assert f"The table {table} has no stream" in refused.err
    assert "its stream shows KEYS_ONLY, not NEW_AND_OLD_IMAGES: switch it off with" in advice
    assert drive(dev.stage(), {"Fay": 2}) == {**before, "Fay": 2}


@follows(remedies.how_to_enable)
def test_a_disabled_mapping_is_enabled(dev: InProcess) -> None:
    stage = dev.stage()
    (mapping,) = list_mappings(stage, INGESTION)
    stage.aws.client("lambda").update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)

    (advice,) = dev.problems()
    follow(dev, advice)

    assert f"mapping to {INGESTION}: it is Disabled: nothing is processed" in advice


@follows(remedies.how_to_see_why)
def test_a_batch_that_failed_comes_again_when_the_cause_is_mended(dev: InProcess) -> None:
    stage, iam = dev.stage(), dev.session().client("iam")
    role = "game-scores-dev"
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policy: Any = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    iam.delete_role_policy(RoleName=role, PolicyName=name)
    payload = json.dumps({"RecordID": 1, "Username": "Gil", "Score": 9}).encode()
    send_payloads(stage.aws.client("kinesis"), stage.names.stream, [payload])
    until(lambda: len(dev.problems()), 1)

    (advice,) = dev.problems()
    seen = follow(dev, advice)
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))
    until(lambda: totals(dev).get("Gil"), 9)

    assert f"mapping to {INGESTION}: the last batch failed and comes again: mend what" in advice
    assert "AccessDenied" in seen
    until(dev.problems, [])


def test_where_no_batch_failed_none_is_told_of(
    dev: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded AWS has no such trouble: Lambda's word stands in for it."""
    stage = dev.stage()
    (found,) = find_mappings(stage, INGESTION)
    stuck = replace(found, last_result="PROBLEM: Stream not found")
    monkeypatch.setattr("operations.watch.parts.find_mappings", lambda *_: [stuck])

    (part,) = check_mappings(stage, INGESTION, None)

    assert part.problem == (
        "Lambda delivers nothing (PROBLEM: Stream not found); if that does not end by itself, "
        f"{remedies.how_to_deploy_app('dev')}"
    )


@follows(remedies.how_to_close_rejects, remedies.how_to_keep_versions)
def test_rejects_are_closed_once_the_bucket_keeps_versions(dev: InProcess) -> None:
    stage, before = dev.stage(), totals(dev)
    key = reject(dev, b'{"RecordID": 2}')
    stage.aws.client("s3").put_bucket_versioning(
        Bucket=stage.names.rejects_bucket, VersioningConfiguration={"Status": "Suspended"}
    )

    (advice,) = dev.problems()
    refused = dev("rejects", "redrive")
    follow(dev, refused.err)
    assert dev("insert", '{"RecordID": 2, "Username": "Hal", "Score": 1}').status == 0
    mended, never_taken = advice.split(", and for what is never to be taken ")
    listed = follow(dev, mended)
    follow(dev, never_taken.replace("KEY", reject(dev, b'{"RecordID": 3}')))

    assert "keeps no versions" in refused.err
    assert advice.startswith("rejects bucket: look at them with")
    assert key in listed
    until(lambda: totals(dev), {**before, "Hal": 1})


@follows(remedies.how_to_record)
def test_names_that_differ_are_recorded_first(dev: InProcess) -> None:
    record_names(dev.folder, "dev", {"REJECTS_BUCKET": "of-another-account"})

    refused = dev("deploy", "app")
    follow(dev, refused.err)

    assert "has other names than the data stack: run" in refused.err
    assert recorded_variables(dev.folder, "dev") == dev.stage().variables


@follows(remedies.how_to_finish_erasures)
def test_an_erasure_that_is_due_is_finished(dev: InProcess) -> None:
    drive(dev.stage(), {"Zoe": 3})
    assert dev("forget", "Zoe", *CONFIRMED, *SETTLED_SOON).status == 0
    assert totals(dev)["Zoe"] == 0

    with a_day_later(dev.stage()):
        follow(dev, one_problem(dev, "erasure Zoe"))

    assert "Zoe" not in totals(dev)


@follows(remedies.how_to_adopt)
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


def test_every_remedy_is_followed() -> None:
    told = {each for name, each in vars(remedies).items() if name.startswith("how_to_")}

    assert told == FOLLOWED


@pytest.mark.parametrize("remedy", ["how_to_deploy_app", "how_to_deploy", "how_to_read_anew"])
def test_the_stage_of_one_machine_starts_again(remedy: str) -> None:
    assert getattr(remedies, remedy)("local") == "stop `make up` and start it again"
    assert remedies.how_to_make_again("local", is_table=True) == remedies.START_AGAIN


def reject(dev: InProcess, payload: bytes) -> str:
    """The key of the object in the rejects bucket that the payload becomes."""
    stage = dev.stage()
    bucket = stage.names.rejects_bucket
    send_payloads(stage.aws.client("kinesis"), stage.names.stream, [payload])
    until(lambda: len(list(list_objects(stage.aws.client("s3"), bucket))), 1)
    return next(list_objects(stage.aws.client("s3"), bucket)).key


def set_view(dev: InProcess, view: str | None) -> None:
    """Switch the stream of the records' table off, and on again with the view."""
    dynamodb, table = dev.session().client("dynamodb"), dev.stage().names.records_table
    off: Any = {"StreamEnabled": False}
    dynamodb.update_table(TableName=table, StreamSpecification=off)
    if view:
        on: Any = {"StreamEnabled": True, "StreamViewType": view}
        dynamodb.update_table(TableName=table, StreamSpecification=on)

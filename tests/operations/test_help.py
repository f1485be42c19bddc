"""Each verb's help ends in an example, and the examples run; events go into the functions."""

import json
import shlex
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import click
import pytest
from click.testing import CliRunner

from operations.__main__ import operations
from operations.aws.stage import Stage
from operations.verbs.rejects import SHOWN_KEY
from tests.operations.conftest import Shell, totals
from tests.operations.repairing import delete_total, set_total

DEPLOYING = {"demo", "up", "deploy", "destroy", "package"}
"""Verbs that deploy have tests of their own."""


def verbs(group: click.Group = operations, *path: str) -> Iterator[tuple[str, ...]]:
    """Every verb and every verb of a verb."""
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from verbs(command, *path, name)


def example_of(verb: tuple[str, ...]) -> str:
    """The command line that the verb's help ends in; click folds it at 80 columns."""
    help_text = CliRunner().invoke(operations, [*verb, "--help"]).output
    last_line = " ".join(help_text.rpartition("\n\n")[2].split())
    start = "Example: python -m operations "
    assert last_line.startswith(start), help_text
    return last_line.removeprefix(start)


@pytest.mark.parametrize("verb", list(verbs()), ids=" ".join)
def test_the_help_ends_in_an_example_of_that_verb(verb: tuple[str, ...]) -> None:
    assert example_of(verb).startswith(" ".join(verb))


@pytest.mark.parametrize(
    "verb", [each for each in verbs() if each[0] not in DEPLOYING], ids=" ".join
)
def test_the_example_runs(shell: Shell, stage: Stage, verb: tuple[str, ...]) -> None:
    key = {"Bucket": stage.names.rejects_bucket, "Key": SHOWN_KEY}
    body = json.dumps({"function": "ProcessKinesisRecords", "rejects": []})
    stage.aws.client("s3").put_object(**key, Body=body.encode())  # type: ignore[arg-type]

    if verb == ("events",):
        shell.options = []
    if verb == ("forget",):
        set_total(stage, "Ada", "0")

    answer = shell(*shlex.split(example_of(verb)))

    stage.aws.client("s3").delete_object(**key)  # type: ignore[arg-type]
    delete_total(stage, "Ada")
    assert answer.status in (0, 1), answer.err
    assert "Error" not in answer.err.replace("stands in the table already", ""), answer.err


RECORD = '{"RecordID": 41, "Username": "Eve", "Score": 0.1000000000000000000001}'


def invoke(stage: Stage, handler: str, event: Any) -> None:
    answer = stage.aws.client("lambda").invoke(
        FunctionName=stage.function_name(handler), Payload=json.dumps(event)
    )
    assert "FunctionError" not in answer


def printed(*arguments: str) -> Any:
    answer = CliRunner().invoke(operations, ["events", *arguments])
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def test_stream_events_are_counted_once_however_often_they_are_delivered(
    stage: Stage,
) -> None:
    first = printed("dynamodb", "--record", RECORD, "--redeliver")
    other = printed("dynamodb", "--record", RECORD)
    moved = f'{{"OldImage": {RECORD}, "NewImage": {RECORD.replace("Eve", "Adam")}}}'
    change = printed("dynamodb", "--record", moved, "--record", f'{{"OldImage": {RECORD}}}')

    for event in (first, first, other, change, change):
        invoke(stage, "AggregateScoresByUser", event)

    assert [record["eventName"] for record in first["Records"]] == ["INSERT", "INSERT"]
    assert [record["eventName"] for record in change["Records"]] == ["MODIFY", "REMOVE"]
    assert totals(stage, "Eve", "Adam") == {
        "Eve": Decimal(0),
        "Adam": Decimal("0.1000000000000000000001"),
    }


@pytest.mark.parametrize(
    "number", ["110111111111111110000000000000000000000", "1E-130", "-9.9E+125", "1" * 38]
)
def test_stream_events_carry_every_number_that_dynamodb_holds(shell: Shell, number: str) -> None:
    shell.options = []

    answer = shell("events", "dynamodb", "--record", f'{{"RecordID": 1, "Score": {number}}}')

    image = answer.json["Records"][0]["dynamodb"]["NewImage"]
    assert Decimal(image["Score"]["N"]) == Decimal(number)


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ('{"Score": NaN}', "NewImage is no item of DynamoDB: Score is not a finite number."),
        ('{"OldImage": {"a": [1e126]}}', "OldImage is no item of DynamoDB: a[] is beyond"),
        ('{"Score": 1, "Score": 2}', "Score stands twice"),
        ('{"NewImage": 5}', "NewImage is no JSON object."),
        ("[1]", "Error: [1] is no JSON object."),
        ("{", "Error: { is no JSON object."),
    ],
)
def test_what_no_item_holds_is_told_in_a_sentence(shell: Shell, record: str, sentence: str) -> None:
    shell.options = []

    answer = shell("events", "dynamodb", "--record", record)

    assert answer.status == 2
    assert sentence in answer.err


def test_kinesis_events_have_ids_of_their_own_and_carry_anything(stage: Stage) -> None:
    event = printed("kinesis", "--record", "Hello", "--record", "Hello", "--redeliver")

    invoke(stage, "ProcessKinesisRecords", event)

    ids = [record["eventID"] for record in event["Records"]]
    assert len(ids) == 4
    assert len(set(ids)) == 2

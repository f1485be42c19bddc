"""What the pages tell to type runs, and the JSON that it prints has the keys that they name."""

import io
import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from operations.aws.config import PROJECT
from operations.aws.stage import FUNCTIONS, Stage
from operations.terminal.options import STAGE_VARIABLE
from operations.watch.logs import read_logs
from tests.builders import event, kinesis_record
from tests.operations.conftest import Shell, until

COMMANDS = (PROJECT / "docs" / "commands.md").read_text()
GET_STARTED = (PROJECT / "docs" / "get-started.md").read_text()
REJECT_KEY = "rejects/ProcessKinesisRecords/2026/11/24/keys.json"
RECORD = '{"RecordID": 77, "Username": "Keys", "Score": 1}'

OF_BAD_RECORDS = {
    "reconcile": {"record_id", "reason", "event_id", "time", "amount"},
    "rebuild": {"record_id", "reason", "username", "score"},
}
"""None stand in this table: test_reconcile.py and test_rebuild.py have some."""
BY_USER = {"totals", "differences", "changed", "iterator_age_seconds"}
"""Objects whose keys are names of users or functions."""

LINES_OF_OTHERS = {"record", "line"}
"""Objects that are told as Lambda or the logs have them."""

TYPED = re.findall(r"^\$ (.*\./operate .*)$", GET_STARTED, re.MULTILINE)


def documented(verb: str) -> set[str]:
    """The keys that the page names for the verb."""
    row = re.search(rf"^\| `{verb}` \| (.*) \|$", COMMANDS, re.MULTILINE)
    assert row
    return set(re.findall(r"`([a-z_]+)`", row[1])) - {"message"}


def keys_in(found: Any) -> set[str]:
    """The keys of an object and of those in it."""
    if isinstance(found, list):
        return {key for each in found for key in keys_in(each)}
    if not isinstance(found, dict):
        return set()
    keys = set(found)
    for key, value in found.items():
        if key in BY_USER:
            keys |= keys_in(list(value.values()))
        elif key not in LINES_OF_OTHERS:
            keys |= keys_in(value)
    return keys


@pytest.fixture(scope="module")
def _something_to_tell(stage: Stage) -> Iterator[None]:
    """A reject, a total that differs, and a line in a log; gone afterwards."""
    rejected = {"Bucket": stage.names.rejects_bucket, "Key": REJECT_KEY}
    body = {
        "function": "ProcessKinesisRecords",
        "rejects": [{"reason": "Username is empty", "record": {"kinesis": {"data": "e30="}}}],
    }
    total = {"Username": {"S": "nobody"}}
    dynamodb, s3 = stage.aws.client("dynamodb"), stage.aws.client("s3")
    s3.put_object(**rejected, Body=json.dumps(body).encode())  # type: ignore[arg-type]
    dynamodb.put_item(TableName=stage.names.totals_table, Item={**total, "Score": {"N": "5"}})
    stage.aws.client("lambda").invoke(
        FunctionName=stage.function_name("ProcessKinesisRecords"),
        Payload=json.dumps(event(kinesis_record(b"Hello"))),
    )
    until(lambda: any(read_logs(stage, FUNCTIONS, datetime.fromtimestamp(0, UTC))), expected=True)
    yield
    s3.delete_object(**rejected)  # type: ignore[arg-type]
    dynamodb.delete_item(TableName=stage.names.totals_table, Key=total)


@pytest.mark.usefixtures("_something_to_tell")
@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("send", "--records 10 --rate 1000"),
        ("insert", shlex.quote(RECORD) + " --replace"),
        ("leaderboard", "--watch --looks 1"),
        ("logs", "--minutes 60"),
        ("status", ""),
        ("rejects list", ""),
        ("rejects show", REJECT_KEY),
        ("rejects redrive", "--dry-run"),
        ("reconcile", "--settle 0"),
        ("rebuild", "--dry-run --settle 0"),
    ],
)
def test_json_has_the_documented_keys(shell: Shell, verb: str, arguments: str) -> None:
    answer = shell(*verb.split(), *shlex.split(arguments), "--json")

    lines = [json.loads(line) for line in answer.out.splitlines()]
    told = keys_in(lines) | OF_BAD_RECORDS.get(verb, set())
    assert told == documented(verb), answer.err


@pytest.mark.parametrize("line", TYPED)
def test_what_get_started_tells_to_type_runs(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    said, _, command = line.rpartition(" | ")
    if said:
        text = shlex.split(said)[1]
        stdin = io.TextIOWrapper(io.BytesIO(text.encode()))
        monkeypatch.setattr("sys.stdin", stdin)
    shell.options = []
    monkeypatch.setenv(STAGE_VARIABLE, shell.stage.name)

    answer = shell(*shlex.split(command.removeprefix("./operate ")))

    assert answer.status in (0, 1), answer.err
    assert "Error" not in answer.err

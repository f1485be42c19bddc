"""What producers send reaches a terminal as text, never as commands to it."""

import ast
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from operations.aws.config import PROJECT
from operations.aws.stage import INGESTION, Stage
from operations.scores.send import send_payloads
from operations.terminal.shown import escaped, escaped_lines, steers
from operations.verbs.demo import differences_table, log_excerpt
from operations.verbs.logs import log_line
from operations.watch.logs import LogLine, read_logs
from tests.operations.conftest import Shell, clear_bucket, totals, until

MALLORY = "Mal\x1b]0;owned\x07\x1b[2J\u202elory\x9b31m\n1 Ada"
SHOWN = r"Mal\x1b]0;owned\x07\x1b[2J\u202elory\x9b31m\n1 Ada"
RECORD_ID = 77_000_001


@pytest.fixture(scope="module", autouse=True)
def _mallory(stage: Stage, _settled: None) -> Iterator[None]:
    """A player, the only reject and a log line that would steer a terminal."""
    clear_bucket(stage)
    record = {"RecordID": RECORD_ID, "Username": MALLORY, "Score": 10**7}
    invalid = {"RecordID": RECORD_ID + 1, "Username": MALLORY, MALLORY: 1, "Score": MALLORY}
    payloads = [json.dumps(record).encode(), json.dumps(invalid).encode(), MALLORY.encode()]
    send_payloads(stage.aws.client("kinesis"), stage.names.stream, payloads)
    until(lambda: totals(stage, MALLORY), {MALLORY: Decimal(10**7)})
    started = time.time() - 600
    until(lambda: any("owned" in line.message for line in lines_since(stage, started)), True)
    yield
    stage.aws.client("dynamodb").delete_item(
        TableName=stage.names.records_table, Key={"RecordID": {"N": str(RECORD_ID)}}
    )
    until(lambda: totals(stage, MALLORY), {MALLORY: Decimal(0)})
    stage.aws.client("dynamodb").delete_item(
        TableName=stage.names.totals_table, Key={"Username": {"S": MALLORY}}
    )
    clear_bucket(stage)


def lines_since(stage: Stage, since: float) -> list[LogLine]:
    return read_logs(stage, [INGESTION], datetime.fromtimestamp(since, UTC))


@pytest.fixture
def _wrong_total(stage: Stage) -> Iterator[None]:
    """A total of the player that reconcile and rebuild have something to show of."""
    set_total(stage, 10**7 - 1)
    yield
    set_total(stage, 10**7)


def set_total(stage: Stage, total: int) -> None:
    stage.aws.client("dynamodb").update_item(
        TableName=stage.names.totals_table,
        Key={"Username": {"S": MALLORY}},
        UpdateExpression="SET Score = :total",
        ExpressionAttributeValues={":total": {"N": str(total)}},
    )


VERBS = (
    ("leaderboard",),
    ("leaderboard", "--watch", "--looks", "1"),
    ("logs",),
    ("logs", "--rejects"),
    ("status",),
    ("rejects", "list"),
    ("rejects", "redrive", "--dry-run"),
    ("reconcile", "--settle", "0"),
    ("rebuild", "--dry-run"),
    ("forget", MALLORY, "--dry-run"),
    ("send", "{file}"),
    (
        "insert",
        json.dumps({"RecordID": RECORD_ID, "Username": MALLORY, "Score": 10**7}),
        "--replace",
    ),
    ("insert", f"{MALLORY} is no JSON"),
)
NAMES_HIM = {"leaderboard", "logs", "reconcile", "rebuild", "forget", "send", "insert"}


@pytest.mark.usefixtures("_wrong_total")
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: escaped(" ".join(verb)[:30]))
def test_every_verb_shows_it_as_escapes(
    shell: Shell, tmp_path: Path, verb: tuple[str, ...], as_json: bool
) -> None:
    file = tmp_path / "scores.jsonl"
    file.write_text(json.dumps({"RecordID": RECORD_ID, "Username": MALLORY, "Score": 10**7}))

    answer = shell(
        *(part.replace("{file}", str(file)) for part in verb), *(["--json"] if as_json else [])
    )

    printed = answer.out + answer.err
    assert [each for each in printed if steers(each) and each != "\n"] == []
    if as_json:
        assert all(isinstance(json.loads(line), dict) for line in answer.out.splitlines())
    elif verb[0] in NAMES_HIM and "--rejects" not in verb:
        assert SHOWN[:40] in printed.replace("\n", "")


def test_a_reject_is_shown_with_its_payload_as_escapes(shell: Shell) -> None:
    (listed,) = [
        json.loads(line)
        for line in shell("rejects", "list", "--json").out.splitlines()
        if "owned" in line or INGESTION in line
    ]

    answer = shell("rejects", "show", listed["key"])

    assert "owned" in answer.out
    assert [each for each in answer.out if steers(each) and each != "\n"] == []


def test_the_demos_views_show_it_as_escapes() -> None:
    line = LogLine(INGESTION, datetime.now(UTC), MALLORY, {"message": MALLORY, "level": "INFO"})
    file = StringIO()
    console = Console(file=file, width=200)

    console.print(
        log_excerpt(INGESTION, [line]), differences_table({MALLORY: (Decimal(1), Decimal(2))})
    )

    assert file.getvalue().count(SHOWN) == 2
    assert [each for each in file.getvalue() if steers(each) and each != "\n"] == []


def test_a_payload_does_not_pass_for_a_line_of_the_log() -> None:
    forged = "fine\n12:00:00 AggregateScoresByUser  ERROR    all is lost"
    line = LogLine(INGESTION, datetime.now(UTC), forged, {"message": forged, "level": "INFO"})

    first, *others = log_line(line).plain.splitlines()

    assert first.endswith("fine")
    assert all(other.startswith("    ") for other in others)


def test_words_of_every_language_stay_as_they_are() -> None:
    for name in ("Zoë", "王\u3000芳", "می\u200cخواهم", "👩\u200d🚀", "a\\b", "[bold]Ann[/]"):
        assert escaped(name) == name
    assert escaped("\t\ud800\u2028") == r"\t\ud800\u2028"
    assert escaped_lines("a\tb\nc\x1b", indent="  ") == "a       b\n  c\\x1b"


def test_views_make_texts_of_others_by_one_function() -> None:
    """A text that is built otherwise is a literal, or escaped where it is built."""
    made = [
        (path.name, ast.unparse(call.args[0]))
        for folder in ("terminal", "verbs")
        for path in (PROJECT / "operations" / folder).glob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == Text.__name__
    ]

    unescaped = [(name, argument) for name, argument in made if not argument.startswith("escaped")]
    assert unescaped == [("logs.py", "f'{line.written:%H:%M:%S} '")]

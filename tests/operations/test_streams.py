"""Standard input and output as they come: closed, full, left by their reader, not UTF-8."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from chalicelib import words
from operations.aws.config import PROJECT
from operations.aws.stage import Stage
from operations.local.server import EmbeddedAws
from operations.scores.send import send_payloads
from tests.conftest import PATIENCE_SECONDS
from tests.operations.conftest import Shell, totals, until

RECORD = b'{"RecordID": 97001, "Username": "Piper", "Score": 3}\n'
KEY = "rejects/ProcessKinesisRecords/2026/11/24/streams.json"


class Bash:
    """Runs a line of shell; `operate` in it is the command line, on the deployed stage."""

    def __init__(self, stage: Stage, aws: EmbeddedAws) -> None:
        self._variables = {**aws.variables, "GAME_SCORES_STAGE": stage.name}

    def __call__(self, line: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        operate = f'operate() {{ "{sys.executable}" -m operations "$@"; }}; set -o pipefail'
        return subprocess.run(
            ["bash", "-c", f"{operate}; {line}"],
            cwd=PROJECT,
            env={**os.environ, **self._variables, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )


@pytest.fixture(scope="module")
def bash(stage: Stage, stage_aws: EmbeddedAws) -> Bash:
    """A shell, once the functions have written something into their logs."""
    record = RECORD.replace(b"97001", b"97000").replace(b"Piper", b"Polly")
    send_payloads(stage.aws.client("kinesis"), stage.names.stream, [record])
    until(lambda: totals(stage, "Polly"), {"Polly": Decimal(3)})
    return Bash(stage, stage_aws)


@pytest.fixture
def _reject(stage: Stage) -> Iterator[None]:
    """One reject in the bucket, so that the stage is not well."""
    key = {"Bucket": stage.names.rejects_bucket, "Key": KEY}
    body = json.dumps({"function": "ProcessKinesisRecords", "rejects": []})
    stage.aws.client("s3").put_object(**key, Body=body.encode())  # type: ignore[arg-type]
    yield
    stage.aws.client("s3").delete_object(**key)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "line",
    [
        "operate leaderboard > /dev/full",
        "operate logs --json > /dev/full",
        "operate events kinesis > /dev/full",
        "operate --help > /dev/full",
    ],
)
@pytest.mark.usefixtures("_reject")
def test_an_output_that_is_full_is_one_sentence(bash: Bash, line: str) -> None:
    ended = bash(line)

    assert ended.returncode == 1
    assert ended.stderr == "Error: The output cannot be written: No space left on device.\n"


@pytest.mark.parametrize(
    "line",
    ["operate leaderboard | true", "operate logs --follow | true", "operate events kinesis | true"],
)
def test_a_reader_that_went_away_is_no_failure(bash: Bash, line: str) -> None:
    ended = bash(line)

    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.usefixtures("_reject")
def test_a_verdict_is_the_exit_status_though_its_reader_went_away(bash: Bash) -> None:
    ended = bash("operate status | true")

    assert (ended.returncode, ended.stderr) == (1, "")


def test_messages_that_nobody_can_read_stop_nothing(bash: Bash, stage: Stage) -> None:
    ended = bash(f"operate insert '{RECORD.decode().strip()}' 2> /dev/full")
    closed = bash("operate reconcile --user Piper 2>&- <&-")

    assert ended.returncode == 0
    assert f"Piper's {words.SCORE.lower()} of 3 stands in" in ended.stdout
    assert closed.returncode in (0, 1)
    until(lambda: totals(stage, "Piper"), {"Piper": Decimal(3)})


def test_a_closed_standard_input_is_one_sentence(bash: Bash) -> None:
    send, forget = bash("operate send - <&-"), bash("operate forget Nobody <&-")

    assert (send.returncode, forget.returncode) == (2, 2)
    assert send.stderr.endswith("Error: Standard input is closed: name a file, or pipe one in.\n")
    assert "Traceback" not in send.stderr
    assert forget.stderr.endswith("there is nobody to ask, so add --yes.\n")


def test_a_terminal_without_utf_8_is_shown_escapes(bash: Bash) -> None:
    ended = bash("operate status", PYTHONIOENCODING="ascii", COLUMNS="20")

    assert "Traceback" not in ended.stderr
    assert ended.stdout.isascii()
    assert "\\u2713 function" in ended.stdout


def test_a_pipe_that_is_named_is_sent_as_it_is_read(shell: Shell, stage: Stage) -> None:
    reading, writing = os.pipe()
    os.write(writing, RECORD.replace(b"97001", b"97002").replace(b"Piper", b"Paula"))
    os.close(writing)

    answer = shell("send", f"/dev/fd/{reading}", "--json")

    os.close(reading)
    assert answer.status == 0
    assert answer.json["sent"] == 1
    until(lambda: totals(stage, "Paula"), {"Paula": Decimal(3)})


def test_what_is_no_file_of_scores_is_one_sentence(shell: Shell, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG" * 2 * 1024**2)

    for file, sentence in (
        (str(tmp_path), "is a directory"),
        (str(picture), "Line 1 is longer than any record"),
        ("/dev/full", "Line 1 is longer than any record"),
    ):
        answer = shell("send", file)

        assert answer.status == 2
        assert sentence in answer.err

"""The command line, and that whatever it starts ends with it."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from operations.cli.main import operations
from operations.local.server import LOCAL_FOLDER
from operations.scores.generate import Tally, generate_scores, malformed_payloads
from operations.stage.config import PROJECT, record_names, variable_name

RUN = [sys.executable, "-m", "operations"]


def test_every_verb_explains_itself_with_an_example() -> None:
    for verb in operations.commands:
        answer = CliRunner().invoke(operations, [verb, "--help"])

        assert answer.exit_code == 0
        assert f"Example: python -m operations {verb}" in answer.output


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["dance"], ["demo", "--records", "none"], ["demo", "-x"]])
def test_misuse_is_one_message_and_exit_status_2(arguments: list[str]) -> None:
    run = subprocess.run(
        [*RUN, *arguments], cwd=PROJECT, capture_output=True, text=True, check=False
    )

    assert run.returncode == 2
    assert "Error: " in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.slow
def test_the_demo_ends_with_the_exact_totals_as_json_too() -> None:
    run = subprocess.run(
        [*RUN, "demo", "--records", "200", "--users", "20", "--json"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["exact"] is True
    assert result["totals"]["John"] == "20"
    assert result["differences"] == {}
    assert len(result["rejects"]) == 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "signal_number"),
    [
        ("Deploying the app", signal.SIGINT),
        ("Deploying the app", signal.SIGTERM),
        ("Deploying the app", signal.SIGKILL),
        ("export REJECTS_BUCKET=", signal.SIGINT),
        ("export REJECTS_BUCKET=", signal.SIGKILL),
    ],
)
def test_whenever_it_ends_no_process_and_no_folder_is_left(
    line: str, signal_number: signal.Signals
) -> None:
    with subprocess.Popen(
        [*RUN, "up"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as up:
        assert up.stdout is not None
        for printed in up.stdout:
            if line in printed:
                break
        folder = folder_of(up.pid)
        assert processes_in(folder)
        up.send_signal(signal_number)
        up.wait(timeout=20)

    deadline = time.monotonic() + 20
    while (folder.exists() or processes_in(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not folder.exists()
    assert processes_in(folder) == []
    if signal_number is not signal.SIGKILL:
        assert up.returncode == 130


def test_recorded_outputs_leave_the_other_variables(tmp_path: Path) -> None:
    config = tmp_path / ".chalice" / "config.json"
    config.parent.mkdir()
    config.write_text('{"stages": {"dev": {"environment_variables": {"LOG_LEVEL": "DEBUG"}}}}')

    record_names(tmp_path, "dev", {"REJECTS_BUCKET": "one"})
    record_names(tmp_path, "dev", {"REJECTS_BUCKET": "two"})

    assert json.loads(config.read_text())["stages"]["dev"]["environment_variables"] == {
        "LOG_LEVEL": "DEBUG",
        "REJECTS_BUCKET": "two",
    }


def test_an_output_is_an_environment_variable() -> None:
    assert variable_name("GameScoreRecordsStreamArn") == "GAME_SCORE_RECORDS_STREAM_ARN"


def test_generated_scores_repeat_with_their_seed_and_reach_every_user() -> None:
    first, again = (list(generate_scores(500, 50, random.Random(4))) for _ in range(2))

    assert first == again
    assert len({score.username for score in first}) == 50
    assert len({score.record_id for score in first}) == 500
    assert len(malformed_payloads(10, random.Random(4))) == 10


def test_the_tally_names_missing_surplus_and_wrong_totals() -> None:
    tally = Tally()
    tally.add("Ann", Decimal(1))
    tally.add("Ben", Decimal(2))

    assert tally.differences({"Ben": Decimal(3), "Cid": Decimal(4)}) == {
        "Ann": (Decimal(0), Decimal(1)),
        "Ben": (Decimal(3), Decimal(2)),
        "Cid": (Decimal(4), Decimal(0)),
    }


def folder_of(pid: int) -> Path:
    """The folder of the embedded AWS that this process started; others may run beside it."""
    (children,) = Path(f"/proc/{pid}/task").glob(f"{pid}/children")
    (supervisor,) = [
        words
        for child in children.read_text().split()
        if "operations.local.supervisor" in (words := command_of(child))
    ]
    folder = Path(supervisor[supervisor.index("operations.local.supervisor") + 1])
    assert folder.parent == LOCAL_FOLDER
    return folder


def command_of(pid: str) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def processes_in(folder: Path) -> list[str]:
    """The processes that have to do with the folder: by command line, or by working directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            directory = os.readlink(process / "cwd")
        except (OSError, UnicodeDecodeError):
            continue
        if str(folder) in command or str(folder) in directory:
            found.append(command)
    return found


def test_nothing_that_git_tracks_is_written_by_a_deployment() -> None:
    ignored = (PROJECT / ".gitignore").read_text()
    assert re.search(r"^\.local/$", ignored, re.MULTILINE)

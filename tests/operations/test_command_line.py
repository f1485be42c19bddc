"""What the command line makes of what it is asked, right or wrong."""

import json
import subprocess
import sys

import pytest

from operations.stage.config import PROJECT
from operations.stage.stage import Stage
from tests.operations.conftest import Shell
from tests.operations.test_pages import documented

RUN = [sys.executable, "-m", "operations"]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["dance"], ["demo", "--records", "none"], ["demo", "-x"]])
def test_misuse_is_one_message_and_exit_status_2(arguments: list[str]) -> None:
    run = subprocess.run(
        [*RUN, *arguments], cwd=PROJECT, capture_output=True, text=True, check=False
    )

    assert run.returncode == 2
    assert "Error: " in run.stderr
    assert "Traceback" not in run.stderr


MISUSES = [
    (["status", "--stage", "nowhere"], "no stage 'nowhere'"),
    (["leaderboard", "--stage", "dev"], "deploy it first"),
    (["leaderboard", "--profile", "nobody"], "The config profile (nobody) could not be found"),
    (["leaderboard", "--endpoint-url", "nowhere"], "'nowhere' is no URL"),
    (["leaderboard", "--top", "0"], "Invalid value for '--top'"),
]


@pytest.mark.parametrize(("arguments", "sentence"), MISUSES)
def test_what_does_not_exist_is_one_sentence_and_exit_status_2(
    shell: Shell, arguments: list[str], sentence: str
) -> None:
    shell.options = shell.options[2:] if "--stage" in arguments else shell.options

    if "--endpoint-url" in arguments:
        shell.options = []

    answer = shell(*arguments)

    assert answer.status == 2
    assert sentence in answer.err


def test_missing_credentials_and_a_missing_table_are_exit_status_2(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "operations.stage.stage.names_from_stack",
        lambda *_: {**stage.variables, "GAME_SCORES_BY_USER_TABLE": "GameScoresByUser-missing"},
    )
    no_table = shell("leaderboard", "--region", "us-west-1")  # is looked for anew
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    no_credentials = shell("leaderboard", "--region", "us-east-2")

    assert (no_table.status, no_credentials.status) == (2, 2)
    assert "ResourceNotFound" in no_table.err
    assert "There are no AWS credentials" in no_credentials.err


def test_an_aws_that_is_not_there_is_a_failure_with_the_next_step(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    shell.options = ["--stage", "local", "--endpoint-url", "http://127.0.0.1:9"]

    answer = shell("leaderboard")

    assert answer.status == 1
    assert "is `make up` running?" in answer.err


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
    assert result.keys() == documented("demo") - {"total", "expected"}
    assert result["exact"] is True
    assert result["totals"]["John"] == "20"
    assert result["differences"] == {}
    assert len(result["rejects"]) == 5

"""What the command line makes of what it is asked, right or wrong."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from chalicelib import words
from operations.aws.config import PROJECT
from operations.aws.stage import Stage
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
    (["leaderboard", "--stage", "dev"], "has no stack game-scores-data-dev: run"),
    (["leaderboard", "--profile", "nobody"], "The config profile (nobody) could not be found"),
    (["leaderboard", "--endpoint-url", "nowhere"], "'nowhere' is no URL"),
    (["leaderboard", "--endpoint-url", "127.0.0.1:4566"], "'127.0.0.1:4566' is no URL"),
    (["leaderboard", "--endpoint-url", "http://127.0.0.1:99999"], "is no URL"),
    (["leaderboard", "--endpoint-url", "http://[::1"], "is no URL"),
    (["leaderboard", "--top", "0"], "Invalid value for '--top'"),
    (["logs", "--minutes", "nan"], "'nan' is no finite number"),
    (["logs", "--minutes", "1e99"], "Invalid value for '--minutes'"),
    (["send", "--records", "1", "--rate", "nan"], "'nan' is no finite number"),
    (["send", "--records", "1", "--rate", "1e-300"], "Invalid value for '--rate'"),
    (["rejects", "list", "--prefix", "\udcff"], "is no text: it has bytes that are no UTF-8"),
    (["rejects", "show", "\udcff"], "is no text: it has bytes that are no UTF-8"),
    (["reconcile", "--user", "\udcff"], "Nobody can be called so"),
    (["reconcile", "--user", ""], "Nobody can be called so"),
    (["reconcile", "--user", "nobody"], f"There is no {words.PLAYER} 'nobody'"),
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
        "operations.aws.stage.names_from_stack",
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


class Answering(BaseHTTPRequestHandler):
    """Answers each request with what its class says."""

    status, kind, body = 200, "text/html", b"<html>It works</html>"

    def do_POST(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Into no log."""


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (200, "text/html", b"<html>It works</html>"),
        (403, "text/html", b"<html>Forbidden</html>"),
        (200, "application/json", b"{}"),
    ],
)
def test_what_is_no_aws_is_named(shell: Shell, status: int, kind: str, body: bytes) -> None:
    answering = type("Other", (Answering,), {"status": status, "kind": kind, "body": body})
    with HTTPServer(("127.0.0.1", 0), answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        shell.options = ["--stage", "local", "--endpoint-url", url]

        answer = shell("leaderboard")

        server.shutdown()
    assert answer.status == 1
    sentence = f"What answers there is no AWS ({status}, {kind}). Check --endpoint-url."
    assert answer.err == f"Error: {sentence}\n"


def test_credentials_that_are_not_accepted_are_exit_status_2(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXPIRED")

    answer = shell("leaderboard", "--region", "eu-west-1")  # a stage that is opened anew

    assert answer.status == 2
    assert "AWS does not accept the credentials" in answer.err


def test_an_invalid_aws_configuration_is_exit_status_2(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "many")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    shell.options = ["--stage", "dev", "--region", "eu-west-2"]

    answer = shell("leaderboard")

    assert answer.status == 2
    assert "The AWS configuration is not valid" in answer.err


def test_a_folder_that_cannot_be_written_is_exit_status_2(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operations.local.server.LOCAL_FOLDER", Path("/proc/local"))
    shell.options = []

    answer = shell("demo")

    assert answer.status == 2
    assert answer.err == "Error: /proc/local: No such file or directory.\n"


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

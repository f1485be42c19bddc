"""What a newcomer's second shell does: source the file, run the launcher, from any folder."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from chalicelib import words
from operations.aws.config import PROJECT
from operations.aws.stage import Stage
from operations.local.server import LOCAL_FOLDER, EmbeddedAws
from operations.local.source_file import source_file
from operations.terminal.options import STAGE_VARIABLE
from operations.verbs.up import NEXT, next_steps, variables_to_source
from tests.operations.conftest import Shell

OPERATE = PROJECT / "operate"
BARE = {"PATH": os.environ["PATH"]}


@pytest.fixture(autouse=True)
def _local_folder() -> None:
    """In a fresh clone no embedded AWS has made it yet."""
    LOCAL_FOLDER.mkdir(exist_ok=True)


def type_in(folder: Path, line: str) -> "subprocess.CompletedProcess[str]":
    """What a shell with nothing in its environment makes of a line."""
    return subprocess.run(
        ["sh", "-c", line], cwd=folder, env=BARE, capture_output=True, text=True, check=False
    )


@pytest.fixture
def file() -> Path:
    """Not the path that a running `make up` has, but one in the same folder."""
    LOCAL_FOLDER.mkdir(exist_ok=True)
    return LOCAL_FOLDER / f"test-{os.getpid()}.env"


@pytest.fixture
def _up(stage: Stage, stage_aws: EmbeddedAws, tmp_path: Path, file: Path) -> Iterator[None]:
    """The file to source stands where `make up` writes it."""
    with source_file(tmp_path, variables_to_source(stage, stage_aws), file):
        yield


def test_the_stage_and_the_endpoint_are_read_from_the_environment(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.options = []
    monkeypatch.setenv(STAGE_VARIABLE, stage.name)

    answer = shell("status")
    overruled = shell("status", "--stage", "nowhere")

    assert answer.out.lstrip().startswith("Stage local"), answer.err
    assert overruled.status == 2


@pytest.mark.slow
@pytest.mark.usefixtures("_up")
def test_after_the_printed_lines_a_verb_needs_no_option(tmp_path: Path, file: Path) -> None:
    source, *commands = next_steps(file).splitlines()[2:-2]

    answer = type_in(tmp_path, source.replace("source ", ". ./") + " && ./operate leaderboard")

    assert [line.strip() for line in commands] == list(NEXT)
    assert answer.returncode == 0, answer.stderr
    assert "Leaderboard" in answer.stdout


@pytest.mark.slow
def test_the_launcher_runs_from_any_folder_and_through_links(tmp_path: Path) -> None:
    elsewhere = tmp_path / "another folder"
    elsewhere.mkdir()
    (elsewhere / "direct").symlink_to(OPERATE)
    (tmp_path / "relative").symlink_to("another folder/direct")
    record = '{"RecordID": 1, "Username": "Ann", "Score": 1}'

    by_path = type_in(tmp_path, f"'{OPERATE}' --version")
    by_link = type_in(elsewhere, f"../relative events kinesis --record '{record}'")
    misuse = type_in(elsewhere, "./direct send no-such-file.csv --stage dev")

    assert by_path.stdout == f"{words.TITLE} {version_in_pyproject()}\n"
    assert '"eventSource": "aws:kinesis"' in by_link.stdout
    assert misuse.returncode == 2
    assert "no-such-file.csv" in misuse.stderr


def test_without_an_environment_the_launcher_says_how_to_make_one(tmp_path: Path) -> None:
    launcher = tmp_path / "operate"
    launcher.write_text(OPERATE.read_text())
    launcher.chmod(0o755)

    answer = type_in(tmp_path, "./operate status")

    assert answer.returncode == 1
    assert answer.stderr == (
        "Error: there is no Python environment yet: "
        f"run `make ready` in {tmp_path.resolve()} first.\n"
    )


def test_the_file_can_be_sourced_whatever_a_value_holds(tmp_path: Path, file: Path) -> None:
    value = 'it\'s $HOME; `ls` "quoted"'

    with source_file(tmp_path, {"ODD": value}, file):
        answer = type_in(tmp_path, f". '{file}' && printf %s \"$ODD\"")

    assert answer.stdout == value


def test_the_file_goes_with_its_pipeline_but_not_with_an_older_one(
    tmp_path: Path, file: Path
) -> None:
    older, newer = tmp_path / "older", tmp_path / "newer"
    older.mkdir()
    newer.mkdir()

    with ExitStack() as newer_one:
        with source_file(older, {"WHO": "older"}, file):
            newer_one.enter_context(source_file(newer, {"WHO": "newer"}, file))
        after_the_older = file.read_text()

    assert after_the_older.endswith("\nexport WHO=newer\n")
    assert not os.path.lexists(file)


def version_in_pyproject() -> str:
    text = (PROJECT / "pyproject.toml").read_text()
    return text.partition('\nversion = "')[2].partition('"')[0]

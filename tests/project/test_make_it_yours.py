"""docs/make-it-yours.md, followed to the letter: on a copy of the project, and on real tables."""

import os
import re
import shutil
import subprocess
import sys
import types
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from chalicelib import words
from operations.aws.config import PROJECT
from tests.builders import inserted
from tests.conftest import Invoke
from tests.data_stack import DataStack
from tests.project.test_imports import imports_of, within

PAGE = Path("docs", "make-it-yours.md")
NOT_COPIED = (".git", ".venv*", ".local", "out", "deployments", "__pycache__", ".*_cache", ".hyp*")
BLOCK = re.compile(
    r"(?:Save as `(?P<path>[^`]+)`:\n\n)?```(?P<kind>\w+)\n(?P<text>.*?)```", re.DOTALL
)

LEAVE_OUT = "Leave out what you do not need"

OLD_NAMES = re.compile(
    r"RecordID|Username|ProcessKinesisRecords|AggregateScoresByUser"
    r"|GameScoreRe|GameScores|GAME_SCORE|game-score"
)
OLD_WORDS = re.compile(rf"{OLD_NAMES.pattern}|\bscores?\b|\bplayers?\b|Game Scores", re.IGNORECASE)

CHOICE = (
    *(
        "-k",
        "labs or once or rule or refuses or reserves or keys or game or text or imported or tagged",
    ),
    *("tests/app/test_handlers.py", "tests/app/test_recorded_events.py"),
    *("tests/app/test_games.py", "tests/app/test_hello.py", "tests/app/test_mine.py"),
    "tests/chalicelib/test_words.py",
    "tests/infrastructure/test_package.py::test_every_name_is_imported_from_the_data_stack",
    "tests/infrastructure/test_infrastructure.py::test_what_holds_data_is_kept_protected_and_tagged",
)
"""All handlers' tests would take a minute: each has new tables."""


def chapter(project: Path, heading: str) -> str:
    """What the project's page says under the heading."""
    text = (project / PAGE).read_text()
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def follow(project: Path, text: str) -> None:
    """Save what the text tells to save, and run what it tells to run."""
    for block in BLOCK.finditer(text):
        if block["path"]:
            (project / block["path"]).write_text(block["text"])
        elif block["kind"] == "sh":
            run(project, ["sh", "-e", "-c", block["text"]])


def run(project: Path, command: Sequence[str]) -> str:
    """What the command prints; run in the project, with nothing of this test's environment."""
    ours = ("AWS_", "PYTEST_", "GAME_SCORE", "REJECTS_", "PYTHONDONTWRITEBYTECODE", "MAKE", "ARGS")
    environment = {name: each for name, each in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def copy_into(folder: Path) -> Path:
    """A copy of the project, without what was installed or made in it."""
    return shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns(*NOT_COPIED))


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with every step of the page done to it, one after another."""
    project = copy_into(tmp_path_factory.mktemp("adopted") / "orders")
    run(project, ["git", "init", "--quiet"])
    run(project, ["git", "add", "--all"])
    (project / ".venv-embedded").symlink_to(PROJECT / ".venv-embedded")
    follow(project, chapter(project, "Rename it"))
    for heading in ("A second total", "A top list", "A test of your own"):
        follow(project, chapter(project, heading))
    return project


@pytest.mark.slow
def test_no_old_name_is_left_in_it(adopted: Path) -> None:
    files = run(adopted, ["git", "ls-files", ":!*.svg", ":!tests/proofs/corpus"])

    found = [
        file
        for file in files.splitlines()
        if OLD_NAMES.search(file) or OLD_NAMES.search((adopted / file).read_text())
    ]

    assert files.count("StoreOrders") == 1
    assert found == []


@pytest.mark.slow
def test_its_handlers_pass_a_choice_of_their_tests_and_all_of_the_page(adopted: Path) -> None:
    answer = run(adopted, [sys.executable, "-m", "pytest", "-q", *CHOICE])

    (passed,) = re.findall(r"^(\d+) passed", answer, re.MULTILINE)
    assert int(passed) > 15
    assert "failed" not in answer


@pytest.mark.slow
def test_its_demo_is_exact_and_speaks_of_customers_and_amounts(adopted: Path) -> None:
    answer = run(adopted, [sys.executable, "-m", "operations", "demo", "--records", "200"])

    assert "totals exact" in answer
    assert re.search(r"┃ Customer +┃ +Amount ┃", answer)
    assert "OrderID … stands in the table" in answer
    assert OLD_WORDS.findall(answer) == []


@pytest.mark.slow
def test_its_command_line_explains_itself_in_its_own_words(adopted: Path) -> None:
    print_help = "from docs.verbs import reference; print(reference())"

    explained = run(adopted, [sys.executable, "-c", print_help])
    explained += run(adopted, [sys.executable, "-m", "operations", "--help"])

    assert "the header OrderID,Customer,Amount" in " ".join(explained.split())
    assert OLD_WORDS.findall(explained) == []


def test_what_is_left_out_from_the_top_down_is_missed_by_nobody() -> None:
    paths = [path.relative_to(PROJECT) for path in PROJECT.glob("[!.]*/**/*.py")]
    left = {path: list(imports_of(str(path), PROJECT / path)) for path in paths}
    steps = re.findall(r"^rm -r (.*)$", chapter(PROJECT, LEAVE_OUT), re.MULTILINE)

    for step in steps:
        gone = {path.relative_to(PROJECT) for each in step.split() for path in PROJECT.glob(each)}
        left = {path: each for path, each in left.items() if gone.isdisjoint((path, *path.parents))}
        missing = [".".join(path.with_suffix("").parts) for path in gone]
        for path, imports in left.items():
            for each in imports:
                assert not within(each, *missing), f"{path} needs {each.module}"

    assert len(steps) == 5


@pytest.mark.slow
def test_what_is_left_installs_less_and_passes_its_checks(tmp_path: Path) -> None:
    project = copy_into(tmp_path / "lean")

    follow(project, chapter(project, LEAVE_OUT))
    run(project, ["make", "setup"])
    run(project, [".venv/bin/ruff", "check"])
    collected = run(project, [".venv/bin/python", "-m", "pytest", "-q", "--collect-only"])
    answer = run(project, ["make", "quick", "ARGS=-n 0 tests/app tests/project"])

    installed = {path.name for path in project.glob(".venv/lib/python3*/site-packages/*")}
    assert installed >= {"boto3", "pytest"}
    assert installed.isdisjoint({"atheris", "matplotlib", "microburst"})
    assert "tests/chalicelib" in collected
    assert re.search(r"\d+ passed", answer)


def module_of(heading: str) -> types.ModuleType:
    """The first Python code of that chapter, run as a module."""
    code = next(
        b["text"] for b in BLOCK.finditer(chapter(PROJECT, heading)) if b["kind"] == "python"
    )
    module = types.ModuleType("from_the_page")
    exec(compile(code, str(PAGE), "exec"), module.__dict__)
    return module


def test_an_app_reads_one_total(aggregate: Invoke, data: DataStack) -> None:
    total_of = module_of("Read one total").total_of

    aggregate(inserted("Ann", 5), inserted("Ann", "0.1"))

    assert total_of("Ann") == Decimal("5.1")
    assert total_of("Nobody") == 0


def test_the_top_list_is_one_item_with_the_best_totals(aggregate: Invoke, data: DataStack) -> None:
    write_top_list = module_of("A top list").write_top_list
    data.dynamodb.create_table(
        TableName="TopLists",
        AttributeDefinitions=[{"AttributeName": "Name", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "Name", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    aggregate(*(inserted(f"user-{number}", number) for number in range(20)))
    aggregate(inserted("user-3", 100))

    write_top_list(data.dynamodb, data.names.totals_table, "TopLists", 3)

    item = data.dynamodb.get_item(TableName="TopLists", Key={"Name": {"S": "best"}})["Item"]
    best = [each["M"] for each in item["Top"]["L"]]
    assert [each[words.USERNAME]["S"] for each in best] == ["user-3", "user-19", "user-18"]
    assert [each[words.SCORE]["N"] for each in best] == ["103", "19", "18"]

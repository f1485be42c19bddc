"""What make installs: what the lock has, by the Python that was named, again after a failure."""

import ast
import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from operations.aws.config import PROJECT

STANDARD_OR_OURS = sys.stdlib_module_names | {"app", "chalicelib", "operations"}
RUNNING = [
    PROJECT / "app.py",
    *PROJECT.glob("chalicelib/*.py"),
    *PROJECT.glob("operations/**/*.py"),
]
IN_TURN = ["uv", "run", "dev", "embedded", "embedded-dev"]
"""What `make setup` installs."""

STAND_IN = """\
#!/bin/sh
# Python {version} and the uv that its pip installs; both write down what they are to do.
for last; do :; done
case "$*" in
    "-c import sys;"*)
        exec "{python}" -c "import sys; sys.version_info = ({version}, 0, 'final', 0); $2" ;;
    "-m venv "*)
        mkdir -p "$last/bin"; cp "$0" "$last/bin/python"
        echo "version = {version}.0" | sed "s/, /./" > "$last/pyvenv.cfg" ;;
    "-m pip "*)
        test -z "$PIP_USER" -o "$*" != "${{*#*--no-user}}" || exit 1 # as pip in an environment
        did=uv; cp "$0" .venv/bin/uv ;;
    "-m operations "*) echo "safe path: $PYTHONSAFEPATH" ;;
    "export "*) shift 4; echo "$1" > "$3" ;;
    "venv "*) mkdir -p "$last" ;;
    "pip sync "*) did=$(cat "$last") ;;
esac
test -z "$did" || echo "$did" >> did
test -z "$did" -o "$did" != "$FAILING"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder, with a space in its name, that holds the Makefile and the lock."""
    folder = tmp_path / "a clone"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "uv.lock"):
        shutil.copy(PROJECT / name, folder)
    return folder


def python_of(project: Path, version: str = "3, 12") -> str:
    """What names a stand-in for that Python to make."""
    path = project / f"python{version}"
    path.write_text(STAND_IN.format(version=version, python=sys.executable))
    path.chmod(0o755)
    return f"PYTHON={path}"


def make(project: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """What make did there, outside of any make that runs the tests."""
    return subprocess.run(
        ["make", *arguments],
        cwd=project,
        env={"PATH": os.environ["PATH"], **variables},
        check=False,
        capture_output=True,
        text=True,
    )


def done(project: Path) -> list[str]:
    """What was installed since one asked last: uv, or the groups of the lock."""
    path = project / "did"
    lines = path.read_text().split() if path.exists() else []
    path.unlink(missing_ok=True)
    return lines


def test_what_runs_imports_only_what_is_required_to_run() -> None:
    required = set(re.findall(r"^([\w.-]+)==", locked("run"), re.MULTILINE))
    distributions = packages_distributions()

    imported = {
        name.partition(".")[0]
        for path in RUNNING
        for name in imported_when_running(ast.parse(path.read_text()))
    }

    packages = {distributions[name][0] for name in imported - STANDARD_OR_OURS}
    assert {re.sub(r"[-_.]+", "-", name).lower() for name in packages} <= required


def test_the_lock_is_of_what_is_declared() -> None:
    answer = uv("lock", "--check", "--offline", "--python", sys.executable)

    assert answer.returncode == 0, f"run make lock: {answer.stderr}"


def test_what_ships_to_lambda_is_what_the_lock_has() -> None:
    requirements = (PROJECT / "requirements.txt").read_text()

    assert requirements.split("\n", 2)[2] == locked("lambda"), "run make lock"


def test_running_installs_what_running_needs_and_testing_the_rest(project: Path) -> None:
    python = python_of(project)

    assert make(project, "ready", python).returncode == 0
    to_run = done(project)
    assert make(project, "setup", python).returncode == 0
    to_test = done(project)
    assert make(project, "ready", "setup", python).returncode == 0
    assert make(project, "ready", "setup").returncode == 0

    assert to_run == ["uv", "run", "embedded"]
    assert to_test == ["dev", "embedded-dev"]
    assert done(project) == []


def test_another_lock_is_installed_into_the_same_environments(project: Path) -> None:
    make(project, "setup", python_of(project))
    done(project)
    newest = max(path.stat().st_mtime_ns for path in project.glob(".venv*/ready*"))
    os.utime(project / "uv.lock", ns=(newest + 1, newest + 1))

    assert make(project, "setup").returncode == 0

    assert done(project) == ["run", "dev", "embedded", "embedded-dev"]


@pytest.mark.parametrize("failing", IN_TURN)
def test_what_failed_or_was_interrupted_is_taken_up_again(project: Path, failing: str) -> None:
    python = python_of(project)

    failed = make(project, "setup", python, FAILING=failing)
    before = done(project)
    assert make(project, "setup", python).returncode == 0
    after = done(project)

    assert failed.returncode != 0
    assert before == IN_TURN[: len(before)]
    assert after == IN_TURN[len(before) - 1 :]
    assert after[0] == failing


def test_a_python_that_is_named_is_the_one_that_is_used(project: Path) -> None:
    make(project, "setup", python_of(project, "3, 11"))
    done(project)

    assert make(project, "ready", python_of(project, "3, 12")).returncode == 0

    assert done(project) == ["uv", "run", "embedded"]
    assert "version = 3.12.0" in (project / ".venv" / "pyvenv.cfg").read_text()


@pytest.mark.parametrize("version", ["2, 7", "3, 8", "3, 10"])
def test_a_python_too_old_gets_one_sentence_and_leaves_nothing(project: Path, version: str) -> None:
    answer = make(project, "run", python_of(project, version))

    assert answer.returncode != 0
    assert answer.stdout == ""
    assert re.fullmatch(
        r"Makefile:\d+: \*\*\* Game Scores needs Python 3\.11 or later, but .+ is Python "
        rf"{version.replace(', ', '.')}: choose another, e\.g\. "
        r"`make run PYTHON=/usr/bin/python3\.12`\.  Stop\.\n",
        answer.stderr,
    )
    assert list(project.glob(".venv*")) == []


def test_a_python_that_is_not_there_is_said_to_be_missing(project: Path) -> None:
    answer = make(project, "PYTHON=python9", "up")

    assert answer.returncode != 0
    assert "but python9 does not run: choose another, e.g. `make up PYTHON=" in answer.stderr
    assert "python9: not found" in answer.stderr


def test_what_a_shell_says_about_pip_and_modules_does_not_hold_here(project: Path) -> None:
    answer = make(project, "run", python_of(project), PIP_USER="1", PYTHONSAFEPATH="1")

    assert answer.returncode == 0, answer.stderr
    assert "safe path: \n" in answer.stdout


def test_an_environment_that_is_a_link_is_replaced_and_what_it_leads_to_stays(
    project: Path, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "kept").touch()
    (project / ".venv").symlink_to(shared)

    assert make(project, "ready", python_of(project)).returncode == 0

    assert not (project / ".venv").is_symlink()
    assert [each.name for each in shared.iterdir()] == ["kept"]


def test_clean_leaves_only_what_chalice_deployed(tmp_path: Path) -> None:
    ignored = re.findall(r"^([^#\n]+)$", (PROJECT / ".gitignore").read_text(), re.MULTILINE)
    shutil.copy(PROJECT / "Makefile", tmp_path)
    (tmp_path / "chalicelib").mkdir()
    for pattern in ignored:
        path = tmp_path / pattern.replace("*", "some").replace("__", "chalicelib/__", 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        if pattern.endswith("/"):
            path.mkdir()
            path /= "file"
        path.touch()

    assert make(tmp_path, "clean").returncode == 0

    left = [str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*") if each.is_file()]
    assert sorted(left) == [".chalice/deployed/file", "Makefile"]


def uv(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """What uv made of the project's lock."""
    command = [str(Path(sys.executable).with_name("uv")), *arguments]
    return subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True)


def locked(group: str) -> str:
    """The lock's requirements of that group, with their hashes."""
    answer = uv("export", "--frozen", "--no-header", "--no-annotate", "--only-group", group)
    return answer.stdout


def imported_when_running(tree: ast.AST) -> Iterator[str]:
    """The modules that are imported for more than their types."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from itertools.chain.from_iterable(map(imported_when_running, node.orelse))
        else:
            yield from imported_when_running(node)

"""What make installs: what running needs, by a Python that will do, wholly or not at all."""

import ast
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from operations.aws.config import PROJECT
from tests.conftest import PATIENCE_SECONDS
from tests.operations.conftest import until

STANDARD_OR_OURS = sys.stdlib_module_names | {"app", "chalicelib", "operations"}
RUNNING = [
    PROJECT / "app.py",
    *PROJECT.glob("chalicelib/*.py"),
    *PROJECT.glob("operations/**/*.py"),
]

FAKE_PYTHON = """\
#!/bin/sh
# Answers as Python {version}; a venv of it has a pip that only writes down what it is to install.
case "$1 $2" in
    "-c import sys;"*)
        exec {python} -c "import sys; sys.version_info = ({version}, 0, 'final', 0); $2" ;;
esac
test "$1" != -c || exit 0
for argument; do last="$argument"; done
case "$*" in
    *" venv "*) mkdir -p "$last/bin"; cp "$0" "$last/bin/python" ;;
    *" pip "*) echo "$last" >> installed; {pip} ;;
esac
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the Makefile and the requirements."""
    for path in [PROJECT / "Makefile", *PROJECT.glob("requirements*.txt")]:
        shutil.copy(path, tmp_path)
    return tmp_path


def fake_python(project: Path, version: str = "3, 11", pip: str = "true") -> Path:
    """A stand-in for Python of that version."""
    path = project / "python"
    path.write_text(FAKE_PYTHON.format(version=version, python=sys.executable, pip=pip))
    path.chmod(0o755)
    return path


def make(project: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """What make did there, outside of any make that runs the tests."""
    environment = {"PATH": os.environ["PATH"]}
    return subprocess.run(
        ["make", *arguments],
        cwd=project,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )


def installed(project: Path) -> list[str]:
    """The requirements that were installed since one asked last."""
    path = project / "installed"
    lines = path.read_text().split() if path.exists() else []
    path.unlink(missing_ok=True)
    return lines


def environments(project: Path) -> list[str]:
    return sorted(path.name for path in project.glob(".venv*"))


def wait_until_newer(project: Path, name: str) -> None:
    """Touch a file until the file system's clock says it is newer than the environments."""
    newest = max(path.stat().st_mtime_ns for path in project.glob(".venv*/ready*"))
    while (project / name).stat().st_mtime_ns <= newest:
        time.sleep(0.001)
        (project / name).touch()


def test_what_runs_imports_only_what_is_required_to_run() -> None:
    required = requirements("requirements.txt") | requirements("requirements-run.txt")
    distributions = packages_distributions()

    imported = {
        name.partition(".")[0]
        for path in RUNNING
        for name in imported_when_running(ast.parse(path.read_text()))
    }

    packages = {distributions[name][0] for name in imported - STANDARD_OR_OURS}
    assert {normal(name) for name in packages} <= required


def test_a_package_has_the_same_version_wherever_it_is_required() -> None:
    versions: dict[str, set[str]] = {}
    for path in PROJECT.glob("requirements*.txt"):
        for name, version in pins(path):
            versions.setdefault(name, set()).add(version)

    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_running_installs_what_running_needs_and_testing_the_rest(project: Path) -> None:
    python = fake_python(project)

    assert make(project, "ready", f"PYTHON={python}").returncode == 0
    to_run = installed(project)
    assert make(project, "setup", f"PYTHON={python}").returncode == 0
    to_test = installed(project)
    assert make(project, "ready", "setup", f"PYTHON={python}").returncode == 0

    assert to_run == ["requirements-run.txt", "requirements-embedded.txt"]
    assert to_test == ["requirements-dev.txt", "requirements-embedded-dev.txt"]
    assert installed(project) == []


@pytest.mark.parametrize(
    ("changed", "anew"),
    [
        ("requirements.txt", ["run", "dev"]),
        ("requirements-run.txt", ["run", "dev"]),
        ("requirements-dev.txt", ["run", "dev"]),
        ("requirements-embedded.txt", ["embedded", "embedded-dev"]),
        ("requirements-embedded-dev.txt", ["embedded", "embedded-dev"]),
    ],
)
def test_a_changed_requirement_makes_its_environment_anew(
    project: Path, changed: str, anew: list[str]
) -> None:
    python = fake_python(project)
    make(project, "setup", f"PYTHON={python}")
    installed(project)
    left_over = project / (".venv-embedded" if "embedded" in changed else ".venv") / "left over"
    left_over.touch()
    wait_until_newer(project, changed)

    assert make(project, "setup", f"PYTHON={python}").returncode == 0

    assert installed(project) == [f"requirements-{name}.txt" for name in anew]
    assert not left_over.exists()


@pytest.mark.parametrize("version", ["2, 7", "3, 8", "3, 10"])
def test_a_python_too_old_gets_one_sentence_and_leaves_nothing(project: Path, version: str) -> None:
    python = fake_python(project, version)

    answer = make(project, "run", f"PYTHON={python}")

    assert answer.returncode != 0
    assert answer.stdout == ""
    assert re.fullmatch(
        r"Makefile:\d+: \*\*\* Game Scores needs Python 3\.11 or later, but \S+ is Python "
        rf"{version.replace(', ', '.')}: choose another, e\.g\. `make run PYTHON=python3\.12`\."
        r"  Stop\.\n",
        answer.stderr,
    )
    assert environments(project) == []


def test_a_python_that_is_not_there_gets_one_sentence(project: Path) -> None:
    answer = make(project, "PYTHON=python9", "up")

    assert answer.returncode != 0
    assert "but python9 does not run: choose another, e.g. `make up PYTHON=" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_an_environment_that_is_a_link_is_replaced_and_what_it_leads_to_stays(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shared = tmp_path_factory.mktemp("shared")
    (shared / "kept").touch()
    (project / ".venv").symlink_to(shared)

    assert make(project, "ready", f"PYTHON={fake_python(project)}").returncode == 0

    assert not (project / ".venv").is_symlink()
    assert [each.name for each in shared.iterdir()] == ["kept"]


def test_an_installation_that_fails_leaves_no_environment(project: Path) -> None:
    python = fake_python(project, pip='test "$last" != requirements-embedded.txt')

    assert make(project, "ready", f"PYTHON={python}").returncode != 0

    assert environments(project) == [".venv"]


def test_an_interrupted_installation_leaves_no_environment(project: Path) -> None:
    python = fake_python(project, pip="sleep 3600")

    interrupt(project, "ready", python, waits_for="requirements-run.txt")

    assert environments(project) == []


def test_an_interrupted_addition_is_made_anew_and_what_runs_goes_on(project: Path) -> None:
    python = fake_python(project, pip='test "$last" != requirements-dev.txt || sleep 3600')

    interrupt(project, "setup", python, waits_for="requirements-dev.txt")

    installed(project)
    assert make(project, "ready", f"PYTHON={python}").returncode == 0
    assert installed(project) == []
    make(project, "setup", f"PYTHON={fake_python(project)}")
    assert installed(project)[:2] == ["requirements-run.txt", "requirements-dev.txt"]


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


def interrupt(project: Path, target: str, python: Path, *, waits_for: str) -> None:
    """Press Ctrl-C while make installs these requirements."""
    making = subprocess.Popen(
        ["make", target, f"PYTHON={python}"],
        cwd=project,
        env={"PATH": os.environ["PATH"]},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    path = project / "installed"
    until(lambda: path.exists() and waits_for in path.read_text(), expected=True)
    os.killpg(making.pid, signal.SIGINT)
    assert making.wait(timeout=PATIENCE_SECONDS) != 0


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


def requirements(name: str) -> set[str]:
    return {package for package, _ in pins(PROJECT / name)}


def pins(path: Path) -> list[tuple[str, str]]:
    lines = re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([\w.]+)", path.read_text(), re.MULTILINE)
    return [(normal(name), version) for name, version in lines]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

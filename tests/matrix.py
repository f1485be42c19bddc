"""The demo and the quick tests on every supported Python that this machine has.

Usage: python -m tests.matrix [3.12 …]. Each runs in a copy of the project, with environments of its
own.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from rich.console import Console

from operations.aws.config import PROJECT
from operations.local.server import LOCAL_FOLDER

CLASSIFIER = "Programming Language :: Python :: "


def supported_pythons() -> tuple[str, ...]:
    """The versions that pyproject.toml names, oldest first, e.g. "3.11"."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    classifiers = project["classifiers"]
    return tuple(each.removeprefix(CLASSIFIER) for each in classifiers if CLASSIFIER in each)


def find_python(version: str) -> Path | None:
    """This machine's Python of that version, one of pyenv's included that no shell has chosen."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders = [*map(str, sorted(root.glob("versions/*/bin"))), os.environ["PATH"]]
    uv = Path(sys.executable).with_name("uv")
    answer = subprocess.run(
        [uv, "python", "find", "--system", "--no-python-downloads", version],
        env={**os.environ, "PATH": os.pathsep.join(folders)},
        capture_output=True,
        text=True,
        check=False,
    )
    return Path(answer.stdout.strip()) if answer.returncode == 0 else None


def passes(python: Path) -> bool:
    """Whether the demo and the quick tests pass with that Python in a copy of the project."""
    LOCAL_FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="matrix-", dir=LOCAL_FOLDER) as folder:
        copy_project(Path(folder))
        make = ["make", "--no-print-directory", "run", "quick", f"PYTHON={python}", "ARGS="]
        return subprocess.run(make, cwd=folder, check=False).returncode == 0


def copy_project(folder: Path) -> None:
    """Copies what a commit of everything would hold."""
    files = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(files, cwd=PROJECT, text=True).split("\0"):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, folder / name)


def main() -> None:
    console = Console(highlight=False, soft_wrap=True)
    verdicts: dict[str, str] = {}
    for version in sys.argv[1:] or supported_pythons():
        python = find_python(version)
        if python is None:
            verdicts[version] = "not on this machine"
            continue
        console.print(f"Python {version}: {python}")
        verdicts[version] = "passes" if passes(python) else "FAILS"
    for version, verdict in verdicts.items():
        console.print(f"Python {version} {verdict}")
    sys.exit("passes" not in verdicts.values() or "FAILS" in verdicts.values())


if __name__ == "__main__":
    main()

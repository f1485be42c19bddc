"""Breaks the design on purpose, one way at a time, and shows that the tests notice each.

python -m tests.proofs.mutants: works on a copy of the project, exit status 1 if a mutant survives.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console

from operations.aws.config import PROJECT
from operations.local.server import LOCAL_FOLDER
from tests.proofs.mutants.catalogue import MUTANTS, Mutant

TESTS = (
    "tests/chalicelib/test_receipts.py",
    "tests/proofs/test_explorer.py",
    "tests/chalicelib/test_totals.py",
    "tests/proofs/test_delivery.py",
    "tests/app/test_failures.py",
    "tests/app/test_handlers.py",
)


@click.command(epilog='Example: python -m tests.proofs.mutants --only "throttle"')
@click.option("--only", default="", help="Only the mutants whose name matches this expression.")
def mutants(only: str) -> None:
    """Run the tests against each mutant; every one must make them fail."""
    console = Console()
    chosen = [mutant for mutant in MUTANTS if re.search(only, mutant.name)]
    survivors = []
    LOCAL_FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mutants-", dir=LOCAL_FOLDER) as folder:
        project = copy_project(Path(folder))
        for mutant in chosen:
            with console.status(mutant.name):
                killer = run_tests_on(project, mutant)
            console.print(f"{'killed  ' if killer else 'SURVIVED'}  {mutant.name}", highlight=False)
            if killer:
                console.print(
                    f"          by {killer}", style="dim", highlight=False, soft_wrap=True
                )
            else:
                survivors.append(mutant)
    console.print(f"{len(chosen) - len(survivors)} of {len(chosen)} mutants killed", style="bold")
    sys.exit(1 if survivors else 0)


def copy_project(folder: Path) -> Path:
    """A copy to break; it uses this project's environments."""
    project = folder / "project"
    shutil.copytree(
        PROJECT,
        project,
        ignore=shutil.ignore_patterns(".git", ".venv*", ".local", "__pycache__", ".*_cache"),
    )
    for environment in (".venv", ".venv-embedded"):
        os.symlink(PROJECT / environment, project / environment)
    return project


def run_tests_on(project: Path, mutant: Mutant) -> str | None:
    """The test that notices the mutant, or None if it survives."""
    path = project / mutant.file
    source = path.read_text()
    if source.count(mutant.old) != 1:
        raise click.ClickException(f"{mutant.file} does not hold this once: {mutant.old}")
    path.write_text(source.replace(mutant.old, mutant.new))
    try:
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-qx", "--hypothesis-profile=unshrunk", *TESTS],
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        path.write_text(source)
    noticed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", run.stdout, re.MULTILINE)
    if run.returncode == 1 and noticed:
        return noticed[1]
    if run.returncode == 0:
        return None
    raise click.ClickException(f"The tests did not run: {run.stdout[-2000:]}{run.stderr[-2000:]}")


if __name__ == "__main__":
    mutants()

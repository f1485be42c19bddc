"""Breaks the design on purpose, one way at a time, and shows that the tests notice each.

python -m tests.mutants: works on a copy of the project, exit status 1 if a mutant survives.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from operations.embedded import LOCAL_FOLDER, PROJECT

TESTS = (
    "tests/test_receipts.py",
    "tests/test_totals.py",
    "tests/test_delivery.py",
    "tests/test_failures.py",
    "tests/test_handlers.py",
)


@dataclass(frozen=True)
class Mutant:
    """One way to break the design: in the file, `old` (once there) becomes `new`."""

    name: str
    file: str
    old: str
    new: str


MUTANTS = (
    Mutant(
        "add without asking for the receipts",
        "chalicelib/totals.py",
        '*(f"NOT contains(Receipts, :r{index})" for index in range(receipts)),',
        '*(f"NOT contains(Username, :r{index})" for index in range(receipts)),',
    ),
    Mutant(
        "add without asking how old the archive is",
        "chalicelib/totals.py",
        'else "(attribute_not_exists(LastPage) OR LastPage < :page)",',
        'else "(attribute_not_exists(LastPage) OR LastPage <> :page)",',
    ),
    Mutant(
        "trust the pages although others may have been made since",
        "chalicelib/totals.py",
        '"LastPage = :page" if checked',
        '"LastPage <> :page" if checked',
    ),
    Mutant(
        "move receipts without the condition that they are those found",
        "chalicelib/totals.py",
        'RECEIPTS_UNCHANGED = "Receipts = :found"',
        'RECEIPTS_UNCHANGED = "NOT Receipts = :found OR Receipts = :found"',
    ),
    Mutant(
        "never look receipts up in the archive",
        "chalicelib/totals.py",
        "self._drop_counted(pending, self._archive.receipts)",
        "self._drop_counted(pending, set())",
    ),
    Mutant(
        "key receipts by the RecordID instead of the stream record",
        "chalicelib/decoding.py",
        "return make_receipt(str(event_id), str(sequence_number), _decode_seconds(created))",
        'return make_receipt(str(change.get("Keys")), "", 0)',
    ),
    Mutant(
        "give a page the time of its oldest receipt",
        "chalicelib/receipts.py",
        "archived = max(map(seconds_of, moved))",
        "archived = min(map(seconds_of, moved))",
    ),
    Mutant(
        "let the page replace one that others made in the same second",
        "chalicelib/receipts.py",
        "archived, counter = int(last_archived), int(last_counter) + 1",
        "archived, counter = int(last_archived), 0",
    ),
    Mutant(
        "forget the page's rows: move receipts nowhere",
        "chalicelib/archive.py",
        '"Receipts": {"BS": sorted(move.moved)},',
        '"Receipts": {"BS": sorted(move.moved)[:1]},',
    ),
    Mutant(
        "swallow a throttle of the aggregator",
        "chalicelib/totals.py",
        "                raise AdditionRefused(str(error)) from error\n"
        "            raise\n"
        "        return None\n",
        "                raise AdditionRefused(str(error)) from error\n        return None\n",
    ),
    Mutant(
        "swallow a throttle of the ingestion",
        "chalicelib/records.py",
        '                return record.reject(f"DynamoDB refuses the item: {error}")\n'
        "            raise\n",
        '                return record.reject(f"DynamoDB refuses the item: {error}")\n',
    ),
    Mutant(
        "count rejects as success without writing them",
        "app.py",
        "        bucket.save(processor, rejects, event_records)\n",
        "        del bucket\n",
    ),
    Mutant(
        "insert without the condition",
        "chalicelib/records.py",
        'NOT_YET_THERE = "attribute_not_exists(RecordID)"',
        'NOT_YET_THERE = "attribute_not_exists(RecordID) OR attribute_exists(RecordID)"',
    ),
    Mutant(
        "take a record for stored because its id is",
        "chalicelib/records.py",
        "if stored.get(DIGEST_ATTRIBUTE) == item[DIGEST_ATTRIBUTE]:",
        "if stored:",
    ),
    Mutant(
        "forget the old image",
        "chalicelib/decoding.py",
        'taken = _decode_score(old_image, "OldImage")',
        "taken = None",
    ),
    Mutant(
        "take expired scores away",
        "chalicelib/decoding.py",
        "    if is_expiry(record):\n        return StreamRecord(())\n",
        "",
    ),
    Mutant(
        "let the first broken record stop the batch",
        "chalicelib/decoding.py",
        "        except Exception as error:",
        "        except ZeroDivisionError as error:",
    ),
    Mutant(
        "group ids by their text, so that 1 and 1.0 are two",
        "chalicelib/records.py",
        "groups: dict[Decimal, list[ScoreRecord]] = {}\n"
        "    for record in records:\n"
        "        groups.setdefault(record.record_id, []).append(record)",
        "groups: dict[str, list[ScoreRecord]] = {}\n"
        "    for record in records:\n"
        "        groups.setdefault(str(record.record_id), []).append(record)",
    ),
    Mutant(
        "make a reject's key of its first record only",
        "chalicelib/rejects.py",
        "content = json.dumps(records, sort_keys=True).encode()",
        "content = json.dumps(records[:1], sort_keys=True).encode()",
    ),
)


@click.command(epilog='Example: python -m tests.mutants --only "throttle"')
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
    noticed = re.search(r"^(?:FAILED|ERROR) (\S+)", run.stdout, re.MULTILINE)
    if run.returncode == 1 and noticed:
        return noticed[1]
    if run.returncode == 0:
        return None
    raise click.ClickException(f"The tests did not run: {run.stdout[-2000:]}{run.stderr[-2000:]}")


if __name__ == "__main__":
    mutants()

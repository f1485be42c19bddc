"""Every subject is found by its module, and shown by a table of figures that it has."""

import pytest

from benchmarks.report import Column, Report
from benchmarks.results import PROJECT, load
from benchmarks.subjects import NAMES, find_subject

ROWS = [
    {"what": "one", "contender": "lab", "share": 0.25, "size": 1000},
    {"what": "two", "contender": "ours", "share": 0.5},
]
REPORT = Report(
    "Two",
    (
        Column("what", "What"),
        Column("contender", ""),
        Column("share", "Share"),
        Column("size", "Size", ",", " KiB"),
    ),
)


@pytest.mark.parametrize("name", NAMES)
def test_a_subjects_table_shows_figures_that_are_kept(name: str) -> None:
    report, rows = find_subject(name).REPORT, load(name)

    assert report.for_terminal(rows).row_count == len(rows)
    for column in report.columns:
        assert any(column.name in row for row in rows), column.name
    assert set(report.groups) <= {column.name for column in report.columns}


def test_every_module_of_subjects_is_one() -> None:
    modules = (PROJECT / "benchmarks" / "subjects").glob("[a-z]*.py")

    assert {path.stem.replace("_", "-") for path in modules} == set(NAMES)
    assert all(callable(find_subject(name).measure) for name in NAMES)


def test_a_page_shows_chosen_figures_of_the_rows_that_have_them() -> None:
    assert REPORT.for_page(ROWS, "what", "share").splitlines() == [
        "| What | Share |",
        "| --- | ---: |",
        "| one | 0.25 |",
        "| two | 0.50 |",
    ]
    assert REPORT.for_page(ROWS).splitlines()[2:] == [
        "| one | the lab's handler | 0.25 | 1,000 KiB |"
    ]

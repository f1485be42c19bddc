"""How long records wait for a function that is paused or gone: everywhere the same."""

import re
from pathlib import Path

import pytest
import yaml
from cfnlint.decode import cfn_yaml
from click.testing import CliRunner

from operations.__main__ import operations
from operations.aws.config import PROJECT
from operations.aws.table_stream import TABLE_STREAM_SECONDS

PAGES = [PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")]
MODULES = [*(PROJECT / "operations").rglob("*.py"), *(PROJECT / "infrastructure").glob("*.yaml")]
WITHIN_A_DAY = re.compile(r"(wait|within|at most)[^.\n]{0,40} (a|one) day\b|\ba day at most")


def test_records_wait_for_half_of_what_the_streams_keep() -> None:
    mappings = yaml.safe_load((PROJECT / "infrastructure" / "mappings.yaml").read_text())
    data = cfn_yaml.load(str(PROJECT / "infrastructure" / "data.yaml"))
    ages = mappings["Parameters"]
    retention_seconds = data["Parameters"]["StreamRetentionHours"]["Default"] * 3600

    assert ages["KinesisMaximumRecordAge"]["Default"] == retention_seconds // 2 == 12 * 3600
    assert ages["TableStreamMaximumRecordAge"]["Default"] == TABLE_STREAM_SECONDS // 2


@pytest.mark.parametrize("path", [*PAGES, *MODULES], ids=lambda path: path.name)
def test_nothing_says_that_records_wait_for_a_day(path: Path) -> None:
    assert WITHIN_A_DAY.findall(path.read_text()) == []


def test_destroy_says_for_how_long_records_wait() -> None:
    help_text = " ".join(CliRunner().invoke(operations, ["destroy", "--help"]).output.split())

    assert "half the" in help_text
    assert "12 hours" in help_text

"""Without Java or Maven `make conformance` says so, and nobody takes that for success."""

import subprocess
import sys

from operations.aws.config import PROJECT


def test_without_java_one_sentence_says_that_nothing_was_tested() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "tests.conformance"],
        cwd=PROJECT,
        env={"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 77
    assert answer.stderr.startswith("Nothing was tested: there is no Java Development Kit 17")
    assert answer.stderr.count("\n") == 1

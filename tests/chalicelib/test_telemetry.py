"""What is logged, and how much of it, follows from the environment of the function."""

import os
import subprocess
import sys

import pytest

from operations.aws.config import PROJECT

LOG_ONE = "from chalicelib import telemetry; telemetry.log_payloads(['a payload'])"


@pytest.mark.parametrize(
    ("environment", "lines"),
    [
        ({}, 1),
        ({"LOG_LEVEL": "WARNING"}, 0),
        ({"LOG_LEVEL": "WARNING", "POWERTOOLS_LOGGER_SAMPLE_RATE": "0"}, 0),
        ({"LOG_LEVEL": "WARNING", "POWERTOOLS_LOGGER_SAMPLE_RATE": "1"}, 1),
    ],
)
def test_payloads_are_logged_unless_the_level_is_higher_or_for_a_sample(
    environment: dict[str, str], lines: int
) -> None:
    written = subprocess.run(
        [sys.executable, "-c", LOG_ONE],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=True,
    )

    assert written.stdout.count("Decoded payload: a payload") == lines

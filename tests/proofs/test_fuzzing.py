"""What fuzzing found stays decoded or rejected, and a short run of it finds nothing more."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from operations.aws.config import PROJECT
from tests.proofs.fuzz_target import decode_input

CORPUS = PROJECT / "tests" / "proofs" / "corpus"
SECONDS = 4


def test_every_input_of_the_corpus_is_decoded_or_rejected() -> None:
    inputs = [path.read_bytes() for path in CORPUS.iterdir()]

    for each in inputs:
        decode_input(each)

    assert len(inputs) > 10


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("atheris"), reason="no atheris for this platform")
def test_a_short_run_ends_with_no_exception_that_is_not_a_reject(tmp_path: Path) -> None:
    run = subprocess.run(
        [
            *(sys.executable, "-m", "tests.proofs.fuzz_deaggregation"),
            *(f"-max_total_time={SECONDS}", f"-artifact_prefix={tmp_path}/"),
            *(tmp_path, CORPUS),
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr[-3000:]
    assert "Done " in run.stderr

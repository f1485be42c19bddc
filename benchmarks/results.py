"""Figures as JSON files, committed, so that tables and plots can be drawn again from them."""

import json
import os
import platform
from pathlib import Path
from typing import Any

import botocore

PROJECT = Path(__file__).resolve().parents[1]
FOLDER = PROJECT / "benchmarks" / "results"
Row = dict[str, Any]


def save(subject: str, rows: list[Row], *, quick: bool, busy: float) -> Path:
    """The file that the figures stand in now; those of a quick run stand apart and are ignored.

    `busy` is the machine's load when the run began: what else it was doing.
    """
    path = FOLDER / (f"quick-{subject}.json" if quick else f"{subject}.json")
    path.parent.mkdir(exist_ok=True)
    content = {
        "subject": subject,
        "python": platform.python_version(),
        "botocore": botocore.__version__,
        "machine": machine(),
        "cores": os.cpu_count(),
        "load_before": busy,
        "rows": [{name: _rounded(value) for name, value in row.items()} for row in rows],
    }
    path.write_text(json.dumps(content, indent=1) + "\n")
    return path


def machine() -> str:
    """The kind of machine, e.g. `x86_64, AMD EPYC 9R14`."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return ", ".join([platform.machine(), *models[:1]])


def load(subject: str) -> list[Row]:
    rows: list[Row] = json.loads((FOLDER / f"{subject}.json").read_text())["rows"]
    return rows


def _rounded(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value

"""Figures as JSON files, committed, so that tables and plots can be drawn again from them."""

import json
import os
import platform
from pathlib import Path
from typing import Any

import botocore

FOLDER = Path(__file__).parent / "results"
Row = dict[str, Any]


def save(subject: str, rows: list[Row], *, quick: bool) -> Path:
    """The file that the figures stand in now; those of a quick run stand apart and are ignored."""
    path = FOLDER / (f"quick-{subject}.json" if quick else f"{subject}.json")
    path.parent.mkdir(exist_ok=True)
    content = {
        "subject": subject,
        "python": platform.python_version(),
        "botocore": botocore.__version__,
        "cores": os.cpu_count(),
        "rows": [{name: _rounded(value) for name, value in row.items()} for row in rows],
    }
    path.write_text(json.dumps(content, indent=1) + "\n")
    return path


def load(subject: str) -> list[Row]:
    rows: list[Row] = json.loads((FOLDER / f"{subject}.json").read_text())["rows"]
    return rows


def _rounded(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value

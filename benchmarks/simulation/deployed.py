"""What is deployed, read from where it is set: app.py, .chalice/config.json, mappings.yaml."""

import json
from dataclasses import dataclass
from typing import Any

import yaml

import app
from operations.aws.config import PROJECT


@dataclass(frozen=True)
class Deployed:
    """A function and its event source mapping."""

    batch_size: int
    window_seconds: int
    parallelization: int
    memory_mb: int


def deployed(function: str) -> Deployed:
    """As `chalice deploy` and the step mappings would have it."""
    source: Any = next(each for each in app.app.event_sources if each.name == function)
    config = json.loads((PROJECT / ".chalice" / "config.json").read_text())
    own = config["lambda_functions"].get(function, {})
    template = yaml.safe_load((PROJECT / "infrastructure" / "mappings.yaml").read_text())
    (event,) = template["Resources"][function]["Properties"]["Events"].values()
    return Deployed(
        batch_size=source.batch_size,
        window_seconds=source.maximum_batching_window_in_seconds,
        parallelization=event["Properties"]["ParallelizationFactor"],
        memory_mb=own.get("lambda_memory_size", config["lambda_memory_size"]),
    )

"""What is deployed, read from where it is set: app.py, .chalice/config.json, the templates."""

import ast
import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

import app
from benchmarks.results import PROJECT

LOG_ONE = "from chalicelib import telemetry; telemetry.log_payloads([''])"


@dataclass(frozen=True)
class Deployed:
    """A function and its event source mapping."""

    batch_size: int
    window_seconds: int
    parallelization: int
    memory_mb: int
    timeout_seconds: int


@dataclass(frozen=True)
class Alarm:
    """An alarm by its name without the stage's, what it means, and of how many metrics it is.

    A composite alarm is of two others, and of no metric.
    """

    name: str
    description: str
    metrics: int


def deployed(function: str) -> Deployed:
    """As `chalice deploy` and the step mappings would have it."""
    source: Any = next(each for each in app.app.event_sources if each.name == function)
    config = json.loads((PROJECT / ".chalice" / "config.json").read_text())
    settings = {**config, **config["lambda_functions"].get(function, {})}
    (event,) = _resources("mappings")[function]["Properties"]["Events"].values()
    return Deployed(
        batch_size=source.batch_size,
        window_seconds=source.maximum_batching_window_in_seconds,
        parallelization=event["Properties"]["ParallelizationFactor"],
        memory_mb=settings["lambda_memory_size"],
        timeout_seconds=settings["lambda_timeout"],
    )


def alarms() -> list[Alarm]:
    """All of the stack game-scores-monitoring, in its order."""
    return [
        Alarm(
            name=each["Properties"]["AlarmName"].partition("${Stage}-")[2],
            description=each["Properties"]["AlarmDescription"],
            metrics=str(each).count("'MetricName': "),
        )
        for each in _resources("monitoring").values()
        if "AlarmName" in each["Properties"]
    ]


def count_custom_metrics() -> int:
    """How many metrics the functions emit, each one's counted by itself."""
    tree = ast.parse((PROJECT / "chalicelib" / "telemetry.py").read_text())
    calls = (each for each in ast.walk(tree) if isinstance(each, ast.Call))
    return sum(len(call.keywords) for call in calls if ast.unparse(call.func) == "_emit")


@cache
def log_bytes_beside_payload() -> int:
    """How long a payload's line of log is without the payload."""
    written = subprocess.run(
        [sys.executable, "-c", LOG_ONE], cwd=PROJECT, env={}, capture_output=True, check=True
    )
    return len(written.stdout.strip())


def _resources(template: str) -> dict[str, Any]:
    text = (PROJECT / "infrastructure" / f"{template}.yaml").read_text()
    resources: dict[str, Any] = yaml.load(text, _Template)["Resources"]  # noqa: S506, a SafeLoader
    return resources


class _Template(yaml.SafeLoader):
    """Reads `!Sub a-${Stage}` as its text, and any other function as nothing."""


_Template.add_multi_constructor(
    "!", lambda _, __, node: node.value if isinstance(node, yaml.ScalarNode) else None
)

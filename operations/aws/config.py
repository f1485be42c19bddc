""".chalice/config.json: the stages, and the names recorded as their environment variables."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from operations.aws.errors import Misuse

PROJECT = Path(__file__).resolve().parents[2]

LOCAL = "local"
"""The stage of `make run` and `make up`: on an embedded AWS, never in an account."""


STAGE_PATTERN, LONGEST_STAGE = r"[a-z0-9]+(-[a-z0-9]+)*", 14
"""What infrastructure/data.yaml takes after the hyphen of its parameter Suffix."""


def require_stage(stage: str) -> dict[str, Any]:
    """The stage's settings.

    Raises Misuse where .chalice/config.json has no such stage, and where its resources could not be
    called by it.
    """
    stages: dict[str, dict[str, Any]] = json.loads(
        (PROJECT / ".chalice" / "config.json").read_text()
    )["stages"]
    if stage not in stages:
        known = ", ".join(sorted(stages))
        raise Misuse(f"There is no stage {stage!r} in .chalice/config.json, only {known}.")
    if len(stage) > LONGEST_STAGE or not re.fullmatch(STAGE_PATTERN, stage):
        raise Misuse(
            f"{stage!r} is no name for a stage: call it by small letters and digits, in words with "
            f"a hyphen between, {LONGEST_STAGE} characters at most."
        )
    return stages[stage]


def record_names(app_folder: Path, stage: str, names: Mapping[str, str]) -> None:
    """Record the names of the stage's resources as its environment variables.

    They go into .chalice/config.json, where `chalice deploy` reads them; the stage's other
    variables stay.
    """
    path = app_folder / ".chalice" / "config.json"
    config = json.loads(path.read_text())
    variables = config["stages"].setdefault(stage, {}).setdefault("environment_variables", {})
    variables.update(names)
    path.write_text(json.dumps(config, indent=2) + "\n")


def recorded_variables(app_folder: Path, stage: str) -> dict[str, str]:
    """The stage's own environment variables in .chalice/config.json."""
    config = json.loads((app_folder / ".chalice" / "config.json").read_text())
    variables: dict[str, str] = config["stages"].get(stage, {}).get("environment_variables", {})
    return variables


def forget_names(app_folder: Path, stage: str, names: Iterable[str]) -> None:
    """Remove these variables from the stage."""
    path = app_folder / ".chalice" / "config.json"
    config = json.loads(path.read_text())
    variables = config["stages"].get(stage, {}).get("environment_variables", {})
    for name in names:
        variables.pop(name, None)
    if not variables:
        config["stages"].get(stage, {}).pop("environment_variables", None)
    path.write_text(json.dumps(config, indent=2) + "\n")


def names_of(outputs: Mapping[str, str]) -> dict[str, str]:
    """The data stack's outputs as the environment variables that they are recorded as."""
    return {variable_name(output): value for output, value in outputs.items()}


def variable_name(output: str) -> str:
    """The environment variable that an output is recorded as: RejectsBucket, REJECTS_BUCKET."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", output).upper()

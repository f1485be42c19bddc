"""A clone of the project, where people with the policies of infrastructure/policies run verbs."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from operations.aws.config import PROJECT
from operations.aws.stage import Stage, with_names
from operations.local.server import EmbeddedAws
from tests.policies import DEPLOYER, OPERATOR, read_policy, user_with

CLONED = ("app.py", "chalicelib", ".chalice", "infrastructure", "operations", "requirements.txt")
LEFT_BEHIND = shutil.ignore_patterns("__pycache__", "deployed", "tmp")
DEPLOYING = ("deploy", "destroy", "package")


@dataclass(frozen=True)
class Clone:
    """A clone; `users` are the environments of the deployer and the operator."""

    folder: Path
    aws: EmbeddedAws
    users: Mapping[str, Mapping[str, str]]

    def run(
        self, verb: str, *arguments: str, more: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run the verb as who deploys or who operates, whichever it is for."""
        user = self.users[DEPLOYER if verb in DEPLOYING else OPERATOR]
        return subprocess.run(
            [sys.executable, "-m", "operations", verb, *arguments],
            cwd=self.folder,
            env={**os.environ, **user, "COLUMNS": "200", **(more or {})},
            capture_output=True,
            text=True,
            check=False,
        )

    def stage(self, stage: str) -> Stage:
        """The stage, with the names of its data stack, as the account's root sees it."""
        return with_names(Stage(stage, self.aws.session, {}))


def copy_project(folder: Path, parts: Sequence[str]) -> None:
    """Copy these parts of the project, and of what deployments left only the kept package."""
    for part in parts:
        if (PROJECT / part).is_dir():
            shutil.copytree(PROJECT / part, folder / part, ignore=LEFT_BEHIND)
        else:
            shutil.copy(PROJECT / part, folder / part)


def new_clone(aws: EmbeddedAws, folder: Path) -> Clone:
    """A clone in the folder, and the AWS, empty but for the two users."""
    aws.reset()
    copy_project(folder, CLONED)
    users = {name: user_with(aws, name, read_policy(name)) for name in (DEPLOYER, OPERATOR)}
    return Clone(folder, aws, users)

"""A clone of the project, where people with the policies of infrastructure/policies run verbs."""

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from operations.__main__ import run as run_command_line
from operations.aws.config import PROJECT
from operations.aws.stage import Stage, with_names
from operations.local.server import EmbeddedAws
from tests.policies import DEPLOYER, OPERATOR, read_policy, user_with

CLONED = ("app.py", "chalicelib", ".chalice", "infrastructure", "operations", "requirements.txt")
LEFT_BEHIND = shutil.ignore_patterns("__pycache__", "deployed", "tmp")
KNOW_THE_PROJECT = ("aws.config", "verbs.deploy", "verbs.destroy")
DEPLOYING = ("deploy", "destroy", "package")


@dataclass(frozen=True)
class Clone:
    """A clone; `users` are the environments of the deployer and the operator."""

    folder: Path
    aws: EmbeddedAws
    users: Mapping[str, Mapping[str, str]]

    def run(self, verb: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """What the verb does as who deploys or who operates, in this process: no start-up."""
        out, err = io.StringIO(), io.StringIO()
        with (
            as_project(self.folder, self.users[user_of(verb)]),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            status = run_command_line([verb, *arguments])
        return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())

    def start(
        self, verb: str, *arguments: str, more: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """The same by the clone's own modules, in a process of their own."""
        user = self.users[user_of(verb)]
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


def user_of(verb: str) -> str:
    """Who runs the verb."""
    return DEPLOYER if verb in DEPLOYING else OPERATOR


@contextmanager
def as_project(folder: Path, variables: Mapping[str, str]) -> Iterator[None]:
    """The verbs' environment, in which the clone in the folder is the project."""
    with pytest.MonkeyPatch.context() as patched:
        for module in KNOW_THE_PROJECT:
            patched.setattr(f"operations.{module}.PROJECT", folder)
        for name, value in {**variables, "COLUMNS": "200"}.items():
            patched.setenv(name, value)
        yield


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

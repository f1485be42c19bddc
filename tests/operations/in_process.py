"""A clone whose verbs run in this process, as the root of an embedded AWS: no start-up each."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from operations.__main__ import run as run_command_line
from operations.aws.session import AwsSession
from operations.aws.stage import Stage, with_names
from operations.local.server import ROOT, EmbeddedAws
from tests.operations.clone import as_project, copy_project

DEPLOYED = ("app.py", "chalicelib", ".chalice", "infrastructure", "requirements.txt")


@dataclass(frozen=True)
class Typed:
    """What a verb printed, and how it ended."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class InProcess:
    """A clone in the folder, and the stage that it deploys."""

    folder: Path
    aws: EmbeddedAws
    stage_name: str

    def __call__(self, *arguments: str) -> Typed:
        out, err = io.StringIO(), io.StringIO()
        clone = as_project(self.folder, self.aws.variables)
        with clone, redirect_stdout(out), redirect_stderr(err):
            status = run_command_line([*arguments, "--stage", self.stage_name])
        assert "Traceback" not in err.getvalue()
        return Typed(status, out.getvalue(), err.getvalue())

    def problems(self) -> list[str]:
        """What `status` finds wrong."""
        found: list[str] = json.loads(self("status", "--json").out)["problems"]
        return found

    def session(self, region: str | None = None) -> AwsSession:
        return AwsSession(
            self.aws.endpoint_url,
            aws_access_key_id=ROOT,
            aws_secret_access_key=ROOT,
            region_name=region or str(self.aws.session.region_name),
        )

    def stage(self, region: str | None = None) -> Stage:
        """The stage with the names of its data stack."""
        return with_names(Stage(self.stage_name, self.session(region), {}))


def new_in_process(aws: EmbeddedAws, folder: Path, stage_name: str) -> InProcess:
    """A clone in the folder, and the AWS, empty."""
    aws.reset()
    copy_project(folder, DEPLOYED)
    return InProcess(folder, aws, stage_name)

"""The app, deployed by Chalice: its copy, its stage's recorded variables, `chalice deploy`."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from operations.deploy.waiters import quick_waiters
from operations.errors import OperationFailed

APP_PARTS = ("app.py", "chalicelib", ".chalice", "requirements.txt")
CHALICE = "import sys; from chalice.cli import main; sys.exit(main())"
NOT_COPIED = shutil.ignore_patterns("__pycache__", "deployments", "deployed", "venv")


def copy_app(project: Path, folder: Path) -> Path:
    """A new copy, in the folder, of what Chalice deploys, without what earlier deployments left."""
    target = Path(tempfile.mkdtemp(prefix="app-", dir=folder))
    for part in APP_PARTS:
        source = project / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=NOT_COPIED)
        else:
            shutil.copy(source, target / part)
    return target


def chalice_deploy(app_folder: Path, stage: str, variables: Mapping[str, str]) -> str:
    """What `chalice deploy` of that stage prints; `variables` tell it which AWS.

    Raises OperationFailed with its last lines where it fails.
    """
    return run_chalice(app_folder, ["deploy", "--stage", stage], variables)


def run_chalice(app_folder: Path, arguments: Sequence[str], variables: Mapping[str, str]) -> str:
    """What a chalice command prints; raises OperationFailed with its last lines where it fails."""
    temporary = app_folder / ".chalice" / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = {
        **os.environ,
        **variables,
        "PYTHONDONTWRITEBYTECODE": "1",  # the package holds all files of chalicelib/
        "TMPDIR": str(temporary),
    }
    if variables.get("AWS_ENDPOINT_URL", "").startswith("http:"):  # an embedded AWS
        environment |= quick_waiters(temporary / "models")
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from chalice.cli import main; sys.exit(main())",
            *arguments,
        ],
        cwd=app_folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as chalice:
        try:
            output, _ = chalice.communicate()
        except BaseException:  # Ctrl-C included: pip, which Chalice starts, must end with it
            os.killpg(chalice.pid, signal.SIGKILL)
            raise
    if chalice.returncode != 0:
        last_lines = "\n".join(output.strip().splitlines()[-15:])
        raise OperationFailed(f"`chalice {' '.join(arguments)}` failed:\n{last_lines}")
    return output

"""The app, deployed by Chalice: its copy, its stage's recorded variables, `chalice deploy`."""

import contextlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from botocore.loaders import create_loader

from operations.aws.config import PROJECT
from operations.aws.errors import OperationFailed
from operations.aws.progress import Announce
from operations.aws.session import AwsSession, is_embedded
from operations.aws.stage import Stage
from operations.deploy.remembered import find_deployed, write_deployed

APP_PARTS = ("app.py", "chalicelib", ".chalice", "requirements.txt")
CHALICE = (
    "import sys; from chalice.cli import main; sys.dont_write_bytecode = True; sys.exit(main())"
)
"""Chalice is compiled once, but not the app that it imports: the package holds all its files."""

ACCOUNT_VARIABLE = "${aws:PrincipalAccount}"

ROLE_NOT_SEEN = "Please ensure the role can perform the GetRecords"
"""In what CreateEventSourceMapping answers until a role's policy is known everywhere. Chalice 1.34
waits for a role that cannot be assumed or does not have permissions, but not where it is said so:
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency"""

PROPAGATION_SECONDS = 120
PAUSE_SECONDS, COUNT_SECONDS = 15, 5
POLL_SECONDS = 0.1
WAITERS = "waiters-2"
LOOPBACK = {
    "NO_PROXY": "127.0.0.1,localhost,::1",
    "no_proxy": "127.0.0.1,localhost,::1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
"""What keeps Chalice to an embedded AWS: no proxy on the way there, though pip may need one, and no
profile."""

READABLE_BY_ALL = 0o022
"""The umask under which pip unpacks what the package takes along."""

NOT_COPIED = shutil.ignore_patterns("__pycache__", "deployments", "deployed", "venv")

PACKAGES = PROJECT / ".chalice" / "deployments"
"""Where Chalice keeps the newest package. Its name is a hash of the app and its requirements, so
until one of them changes, pip need not install what it holds once more."""


def copy_app(project: Path, folder: Path) -> Path:
    """Copies what Chalice deploys into a new folder, without leftovers of earlier deployments.

    Lambda may read all of it, whatever the modes in the project: the package keeps the copy's.
    """
    target = Path(tempfile.mkdtemp(prefix="app-", dir=folder))
    for part in APP_PARTS:
        source = project / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=NOT_COPIED)
        else:
            shutil.copy(source, target / part)
    for path in target.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target


def fill_in_account(app_folder: Path, account: str) -> None:
    """Write the account into the functions' policies, which AWS does itself wherever it reads them.

    An embedded AWS leaves policy variables as they stand.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    for policy in (app_folder / ".chalice").glob("policy-*.json"):
        policy.write_text(policy.read_text().replace(ACCOUNT_VARIABLE, account))


def chalice_deploy(stage: Stage, app_folder: Path, announce: Announce) -> str:
    """The output of `chalice deploy`, run again where a new role is not seen everywhere yet.

    What is deployed is read from the account before each try: Chalice writes nothing down when it
    fails, and would make a mapping of the failed try a second time. Raises OperationFailed with
    Chalice's last lines when it fails otherwise, or still does after two minutes.
    """
    variables = chalice_variables(stage.aws)
    give_up_at = math.inf
    while True:
        write_deployed(app_folder, stage.name, find_deployed(stage))
        try:
            return run_chalice(app_folder, ["deploy", "--stage", stage.name], variables)
        except OperationFailed as error:
            now = time.monotonic()
            give_up_at = min(give_up_at, now + PROPAGATION_SECONDS)
            is_waiting_in_vain = now + PAUSE_SECONDS > give_up_at
            if is_waiting_in_vain or ROLE_NOT_SEEN not in " ".join(str(error).split()):
                raise
        announce(
            "Lambda does not see yet that the new role may read its stream: trying again for "
            f"{give_up_at - now:.0f} seconds"
        )
        for left in range(PAUSE_SECONDS, 0, -COUNT_SECONDS):
            announce(f"Next try in {left} seconds")
            time.sleep(COUNT_SECONDS)


def chalice_variables(aws: AwsSession) -> dict[str, str]:
    """The environment in which Chalice speaks to the same AWS as the session's clients."""
    variables = {"AWS_DEFAULT_REGION": str(aws.region_name)}
    if aws.endpoint_url:
        variables["AWS_ENDPOINT_URL"] = aws.endpoint_url
    credentials = aws.get_credentials()
    if credentials:
        frozen = credentials.get_frozen_credentials()
        variables["AWS_ACCESS_KEY_ID"] = str(frozen.access_key)
        variables["AWS_SECRET_ACCESS_KEY"] = str(frozen.secret_key)
        variables["AWS_SESSION_TOKEN"] = frozen.token or ""
    return variables


def run_chalice(app_folder: Path, arguments: Sequence[str], variables: Mapping[str, str]) -> str:
    """A chalice command's output; raises OperationFailed with its last lines if it fails."""
    temporary, packages = (app_folder / ".chalice" / name for name in ("tmp", "deployments"))
    for folder in (temporary, packages):
        folder.mkdir(exist_ok=True)
    for kept in PACKAGES.glob("*.zip"):
        with contextlib.suppress(FileNotFoundError):  # another process has just made a newer one
            shutil.copy(kept, packages)
    environment = {**os.environ, **variables, "TMPDIR": str(temporary)}
    if is_embedded(variables.get("AWS_ENDPOINT_URL")):
        environment = {**without_aws(environment), **variables, **LOOPBACK}
        environment |= _quick_waiters(temporary / "models")
    with subprocess.Popen(
        [sys.executable, "-c", CHALICE, *arguments],
        cwd=app_folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        umask=READABLE_BY_ALL,
    ) as chalice:
        try:
            output, _ = chalice.communicate()
        except BaseException:  # Ctrl-C included: pip, which Chalice starts, must end with it
            os.killpg(chalice.pid, signal.SIGKILL)
            raise
    if chalice.returncode != 0:
        last_lines = "\n".join(output.strip().splitlines()[-15:])
        raise OperationFailed(f"`chalice {' '.join(arguments)}` failed:\n{last_lines}")
    _keep_package(packages)
    return output


def _keep_package(packages: Path) -> None:
    """Keep the package if Chalice made one, in place of others; whole, whoever else does so now."""
    for package in packages.glob("*.zip"):
        if (kept := PACKAGES / package.name).exists():
            continue
        PACKAGES.mkdir(exist_ok=True)
        others = [each for each in PACKAGES.glob("*.zip") if each != kept]
        copied = shutil.copy(package, PACKAGES / f"{package.name}.{os.getpid()}")
        Path(copied).replace(kept)
        for other in others:
            other.unlink(missing_ok=True)


def without_aws(environment: Mapping[str, str]) -> dict[str, str]:
    """What of an environment is not for AWS's SDKs and tools."""
    return {name: value for name, value in environment.items() if not name.startswith("AWS_")}


def _quick_waiters(folder: Path) -> dict[str, str]:
    """Variables that make botocore poll ten times a second until a function is ready.

    It looks every 5 seconds otherwise, twice for each function; the embedded AWS is ready after
    half a second. The folder gets botocore's own waiters with that one number changed.
    https://botocore.amazonaws.com/v1/documentation/api/latest/reference/loaders.html
    """
    loader = create_loader()
    waiters = loader.load_service_model("lambda", WAITERS)
    for waiter in waiters["waiters"].values():
        waiter["delay"] = POLL_SECONDS
    target = folder / "lambda" / loader.determine_latest_version("lambda", WAITERS)
    target.mkdir(parents=True, exist_ok=True)
    (target / f"{WAITERS}.json").write_text(json.dumps(waiters))
    paths = [str(folder), os.environ.get("AWS_DATA_PATH", "")]
    return {"AWS_DATA_PATH": os.pathsep.join(path for path in paths if path)}

"""The embedded AWS: MiniStack on a loopback port, in an environment and folders of its own."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from operations.aws.config import PROJECT
from operations.aws.errors import OperationFailed
from operations.aws.session import AwsSession

LOCAL_FOLDER = PROJECT / ".local"
SERVER = PROJECT / ".venv-embedded" / "bin" / "ministack"
REGION = "us-east-1"
ROOT = "test"
"""Both the name and the secret of MiniStack's root user."""

START_SECONDS = 120


DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Asks this machine, whatever proxy there is for others."""


@dataclass(frozen=True)
class EmbeddedAws:
    """A running embedded AWS, with a folder that is deleted when it ends."""

    endpoint_url: str
    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that make any AWS SDK or tool talk to it, as its root user."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": ROOT,
            "AWS_SECRET_ACCESS_KEY": ROOT,
            "AWS_DEFAULT_REGION": REGION,
        }

    @cached_property
    def session(self) -> AwsSession:
        """The session whose clients talk to it, as its root user."""
        return self.new_session()

    def new_session(self) -> AwsSession:
        """Another such session, for hooks of its own."""
        return AwsSession(
            self.endpoint_url,
            aws_access_key_id=ROOT,
            aws_secret_access_key=ROOT,
            region_name=REGION,
        )

    def reset(self) -> None:
        """Forget every resource, as if it had just been started."""
        request = urllib.request.Request(
            f"{self.endpoint_url}/_ministack/reset", method="POST", data=b""
        )
        DIRECT.open(request, timeout=30).close()


@contextlib.contextmanager
def embedded_aws() -> Iterator[EmbeddedAws]:
    """An embedded AWS with IAM enforced, for as long as the context lasts.

    It, its Lambda workers and its folder are gone afterwards, even if this process is killed.
    Raises OperationFailed where it is not installed or does not start.
    """
    if not SERVER.exists():
        raise OperationFailed("The embedded AWS is not installed yet: run `make ready` first.")
    LOCAL_FOLDER.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="aws-", dir=LOCAL_FOLDER))
    try:
        with _supervised_server(folder) as aws:
            yield aws
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _supervised_server(folder: Path) -> Iterator[EmbeddedAws]:
    for name in ("tmp", "state"):
        (folder / name).mkdir()
    port = free_port()
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "operations.local.supervisor", str(folder), str(SERVER)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        start_new_session=True,
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "AUTH": "true",
            "LAMBDA_EXECUTOR": "local",
            "MINISTACK_REGION": REGION,
            "TMPDIR": str(folder / "tmp"),
            "STATE_DIR": str(folder / "state"),
            "S3_DATA_DIR": str(folder / "state" / "s3"),
            "LOG_LEVEL": "WARNING",
        },
    )
    try:
        aws = EmbeddedAws(f"http://127.0.0.1:{port}", folder)
        _wait_until_ready(aws, supervisor)
        yield aws
    finally:
        supervisor.communicate()  # closes its standard input and waits for its end


def _wait_until_ready(aws: EmbeddedAws, supervisor: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and supervisor.poll() is None:
        try:
            DIRECT.open(f"{aws.endpoint_url}/_ministack/ready", timeout=1).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
        else:
            return
    log = aws.folder / "server.log"
    last_lines = log.read_text(errors="replace")[-500:] if log.exists() else ""
    raise OperationFailed(f"The embedded AWS did not start. Its last words: {last_lines}")


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as candidate:
        candidate.bind(("127.0.0.1", 0))
        port: int = candidate.getsockname()[1]
        return port

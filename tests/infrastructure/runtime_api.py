"""AWS's own Python runtime client on a package, served by a small Runtime API.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import queue
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path
from threading import Thread
from typing import Any

from tests.conftest import PATIENCE_SECONDS

BESIDE_THE_PACKAGE = (
    "awslambdaric",
    "simplejson",
    "snapshot-restore-py",
    "boto3",
    "botocore",
    "s3transfer",
    "jmespath",
    "python-dateutil",
    "six",
    "urllib3",
)
"""What Lambda's Python runtime holds: its client and boto3, each with what it requires."""

PREFIX = "/2018-06-01/runtime"


class RuntimeApi(ThreadingHTTPServer):
    """Hands out events, one after another, and takes the function's answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events: queue.Queue[bytes] = queue.Queue()
        self.answers: queue.Queue[tuple[str, Any]] = queue.Queue()

    def invoke(self, event: Mapping[str, Any]) -> tuple[str, Any]:
        """What the function made of the event: `("response", …)` or `("error", …)`."""
        self.events.put(json.dumps(event).encode())
        return self.answers.get(timeout=PATIENCE_SECONDS)


class _Handler(BaseHTTPRequestHandler):
    server: RuntimeApi

    def do_GET(self) -> None:
        body = self.server.events.get()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        self.send_header(
            "Lambda-Runtime-Deadline-Ms", str(int((time.time() + PATIENCE_SECONDS) * 1000))
        )
        self.send_header(
            "Lambda-Runtime-Invoked-Function-Arn",
            "arn:aws:lambda:us-east-1:000000000000:function:game-scores-prod-packaged",
        )
        self.send_header(
            "Lambda-Runtime-Trace-Id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0",
        )
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.answers.put((self.path.rsplit("/", 1)[-1], body))

    def log_message(self, *_: Any) -> None:
        """Keep the tests' output clean."""


def install_runtime(folder: Path) -> Path:
    """A folder with nothing but what Lambda's Python runtime holds beside a package."""
    folder.mkdir()
    for name in BESIDE_THE_PACKAGE:
        found = distribution(name)
        tops = {Path(str(file)).parts[0] for file in found.files or ()}
        for top in tops:
            source = Path(str(found.locate_file(top)))
            if top not in ("..", "__pycache__") and source.exists():
                (folder / top).symlink_to(source)
    return folder


@contextmanager
def running(
    handler: str, package: Path, runtime: Path, variables: Mapping[str, str]
) -> Iterator[RuntimeApi]:
    """The unpacked package's handler, run by awslambdaric for as long as the context lasts."""
    api = RuntimeApi()
    Thread(target=api.serve_forever, daemon=True).start()
    function = subprocess.Popen(
        [sys.executable, "-S", "-m", "awslambdaric", handler],
        cwd=package,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{package}{os.pathsep}{runtime}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_address[1]}",
            "AWS_LAMBDA_FUNCTION_NAME": "game-scores-prod-packaged",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "LAMBDA_TASK_ROOT": str(package),
            **variables,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
    )
    try:
        yield api
    finally:
        function.kill()
        function.wait()
        api.shutdown()
        api.server_close()

"""Faults on the wire: a proxy between the functions and the AWS that fails as AWS does.

Nothing in the functions is stubbed: their own clients, with their own time-outs and retries, meet
throttling, 500s, connections reset before the service saw the request and after it did its work,
answers that are cut, garbled or too late, and latency as measured for DynamoDB. The proxy is
microburst: https://github.com/pingedbrain/microburst
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from chalicelib.clients import Clients
from operations.aws.config import PROJECT
from operations.aws.errors import OperationFailed
from operations.local.server import LOCAL_FOLDER, EmbeddedAws, free_port
from tests.proofs.environment import Environment, Faults

START_SECONDS = 180
LATE_MILLISECONDS = 3_300
"""Later than the functions' clients wait (3 s): by then they have asked again, or given up."""

Rule = dict[str, Any]

DYNAMODB_FAULTS: dict[str, Rule] = {
    "throttled": {"error": {"code": "ProvisionedThroughputExceededException"}},
    "throttled, too": {"error": {"code": "ThrottlingException"}},
    "500": {"error": {"code": "InternalServerError", "status": 500}},
    "503": {"error": {"code": "ServiceUnavailable", "status": 503}},
    "reset before": {"reset": True},
    "reset after": {"response": {"abort_bytes": 0}},
    "cut": {"response": {"abort_frac": 0.5}},
    "truncated": {"response": {"truncate_frac": 0.5}},
    "garbled": {"response": {"corrupt_bytes": 4}},
}
RARE_DYNAMODB_FAULTS: dict[str, Rule] = {
    "late": {"latency": LATE_MILLISECONDS},
    "no answer": {"timeout_ms": LATE_MILLISECONDS},
}
"""They take seconds each, so they are a fifth as frequent."""

S3_FAULTS: dict[str, Rule] = {
    "SlowDown": {"error": {"code": "SlowDown", "status": 503}},
    "S3 500": {"error": {"code": "InternalError", "status": 500}},
    "S3 reset before": {"reset": True},
}
RARE_S3_FAULTS: dict[str, Rule] = {"S3 late": {"latency": LATE_MILLISECONDS}}
LATENCY: list[Rule] = [
    {"service": service, "latency": {"preset": service}} for service in ("dynamodb", "s3")
]


class WireFaults(Faults):
    """How often a request goes wrong on the wire: one in so many, by the proxy's seeded chance."""

    def __init__(self, proxy_url: str) -> None:
        self._control_url = f"{proxy_url}/_microburst"
        self._one_in = 0
        self._late_before = 0
        self.use([])

    @property
    def one_in(self) -> int:
        return self._one_in

    @one_in.setter
    def one_in(self, value: int) -> None:
        """Once there are to be none, no late request is on its way any more, either."""
        self._one_in = value
        self.use(rules(value) if value else [])
        late = self.injected["late"] + self.injected["S3 late"]
        if not value and late > self._late_before:
            time.sleep(LATE_MILLISECONDS / 1000)
            self._late_before = late

    @property
    def injected(self) -> Counter[str]:  # type: ignore[override]
        """How many faults of each kind there have been so far."""
        text = self._ask("metrics").decode()
        counted: Counter[str] = Counter()
        found = re.findall(r'faults_total\{service="(\w+)".*?action="([^"]+)"\} (\d+)', text)
        for service, action, count in found:
            if kind := _kind_of(service, action):
                counted[kind] += int(count)
        return counted

    def let_arrive(self, at_most: int | None = None) -> None:
        """What is late is on its way already: the proxy holds nothing back."""

    def use(self, wanted: Sequence[Rule]) -> None:
        """Let these be the rules of the proxy, whatever they were."""
        self._ask("rules", json.dumps([*wanted]).encode())

    def _ask(self, what: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"{self._control_url}/{what}", data=body)
        with urllib.request.urlopen(request, timeout=30) as answer:
            content: bytes = answer.read()
            return content


class WireEnvironment(Environment):
    """A Lambda execution environment whose clients are the functions' own, behind the proxy."""

    def __init__(self, proxy_url: str, aws: EmbeddedAws, faults: WireFaults) -> None:
        self.faults = faults
        self.calls = Counter()
        self._crashed = False
        self.clients = Clients()
        with mock.patch.dict(os.environ, {**aws.variables, "AWS_ENDPOINT_URL": proxy_url}):
            _ = self.clients.dynamodb, self.clients.s3


@contextlib.contextmanager
def environments_on_the_wire(
    aws: EmbeddedAws, count: int, seed: int
) -> Iterator[list[Environment]]:
    """So many environments behind one proxy, which is gone afterwards."""
    with proxy(aws.endpoint_url, seed) as url:
        faults = WireFaults(url)
        yield [WireEnvironment(url, aws, faults) for _ in range(count)]


@contextlib.contextmanager
def proxy(upstream: str, seed: int) -> Iterator[str]:
    """The proxy's URL, for as long as the context lasts, even if this process is killed."""
    folder = Path(tempfile.mkdtemp(prefix="wire-", dir=LOCAL_FOLDER))
    port = free_port()
    command = [sys.executable, "-m", "tests.proofs.wire_proxy", str(port), upstream, str(seed)]
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "operations.local.supervisor", str(folder), *command],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        start_new_session=True,
        env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(PROJECT)},
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, folder, supervisor)
        yield url
    finally:
        supervisor.communicate()  # closes its standard input and waits for its end


def rules(one_in: int) -> list[Rule]:
    """The proxy's rules for one fault in so many requests to each service.

    The first rule whose chance comes up is the request's fault, so each is as likely as the others
    only if the later ones get a greater share of what is left. All other requests are only as slow
    as the service.
    """
    dynamodb = [
        *((each, 1.0) for each in DYNAMODB_FAULTS.values()),
        *((each, 0.2) for each in RARE_DYNAMODB_FAULTS.values()),
    ]
    s3 = [
        *((each, 1.0) for each in S3_FAULTS.values()),
        *((each, 0.2) for each in RARE_S3_FAULTS.values()),
    ]
    return [*_shared("dynamodb", dynamodb, one_in), *_shared("s3", s3, one_in), *LATENCY]


def _shared(service: str, faults: Sequence[tuple[Rule, float]], one_in: int) -> Iterator[Rule]:
    total = sum(weight for _, weight in faults)
    left = 1.0
    for fault, weight in faults:
        share = weight / total / one_in
        yield {"service": service, "probability": share / left, **fault}
        left -= share


def _kind_of(service: str, action: str) -> str | None:
    """The fault's name, by how the proxy calls it; None for mere latency."""
    if action.startswith(f"latency:{service}:") or action == "match":  # one of 0 ms
        return None
    return KINDS[service, action]


KINDS = {
    ("dynamodb", "error:ProvisionedThroughputExceededException"): "throttled",
    ("dynamodb", "error:ThrottlingException"): "throttled, too",
    ("dynamodb", "error:InternalServerError"): "500",
    ("dynamodb", "error:ServiceUnavailable"): "503",
    ("dynamodb", "reset"): "reset before",
    ("dynamodb", "response:abort"): "reset after, or cut",
    ("dynamodb", "response:truncate"): "truncated",
    ("dynamodb", "response:corrupt:4B"): "garbled",
    ("dynamodb", f"latency:{LATE_MILLISECONDS}ms"): "late",
    ("dynamodb", f"timeout:{LATE_MILLISECONDS}ms"): "no answer",
    ("s3", "error:SlowDown"): "SlowDown",
    ("s3", "error:InternalError"): "S3 500",
    ("s3", "reset"): "S3 reset before",
    ("s3", f"latency:{LATE_MILLISECONDS}ms"): "S3 late",
}


def _wait_until_ready(url: str, folder: Path, supervisor: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and supervisor.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/_microburst/health", timeout=1).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    log = folder / "server.log"
    last_lines = log.read_text(errors="replace")[-500:] if log.exists() else ""
    raise OperationFailed(f"The proxy did not start. Its last words: {last_lines}")

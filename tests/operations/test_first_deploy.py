"""A first deployment, while IAM has not told Lambda yet what the new role may do."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from operations.aws.errors import OperationFailed
from operations.aws.mappings import find_mappings
from operations.aws.stage import FUNCTIONS, Stage
from operations.deploy.chalice import CHALICE, chalice_deploy
from operations.local.pipeline import deploy_locally
from operations.local.server import EmbeddedAws

REFUSAL = (
    b'{"Type": "User", "message": "Cannot access stream arn:aws:kinesis:us-east-1:000000000000:'
    b"stream/game-scores-local. Please ensure the role can perform the GetRecords, "
    b"GetShardIterator, DescribeStream, ListShards, and ListStreams Actions on your stream in IAM."
    b'"}'
)
"""As AWS words it: https://github.com/aws-samples/cross-account-amazon-dynamodb-replication/issues/11"""

CONFLICT = (
    b'{"Type": "User", "Message": "The event source arn and function provided mapping already '
    b'exists. Please update or delete the existing mapping."}'
)
"""As AWS answers where a function has such a mapping; the embedded AWS makes a second one."""

OWN = ("content-length", "transfer-encoding", "connection")
"""Headers that the proxy sends in its own name."""


NOT_SEEN = (
    "Lambda does not see yet that the new role may read its stream: trying again for {} seconds"
)
COUNT_DOWN = [f"Next try in {left} seconds" for left in (15, 10, 5)]


SHORT_PAUSES = "import time; time.sleep = lambda _, sleep=time.sleep: sleep(0.1)"


class Clock:
    """Stands in for the module time: its hours pass at once."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@contextmanager
def slow_iam(aws: EmbeddedAws) -> Iterator[tuple[EmbeddedAws, list[str]]]:
    """The AWS behind a proxy that refuses the first mapping of each function; those refused."""
    upstream = urlsplit(aws.endpoint_url).netloc
    refused: list[str] = []
    made: list[tuple[str, str]] = []

    class Proxy(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.command == "POST" and self.path.rstrip("/").endswith("event-source-mappings"):
                wanted = json.loads(content)
                function = wanted["FunctionName"].rsplit("-", 1)[1]
                if function not in refused:
                    refused.append(function)
                    return self.refuse(400, "InvalidParameterValueException", REFUSAL)
                if (function, wanted["EventSourceArn"]) in made:
                    return self.refuse(409, "ResourceConflictException", CONFLICT)
                made.append((function, wanted["EventSourceArn"]))
            with closing(HTTPConnection(upstream)) as connection:
                connection.request(self.command, self.path, content, dict(self.headers))
                answer = connection.getresponse()
                headers = [(name, value) for name, value in answer.getheaders() if name not in OWN]
                return self.answer(answer.status, headers, answer.read())

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):
                return self.pass_on
            raise AttributeError(name)

        def refuse(self, status: int, code: str, body: bytes) -> None:
            self.answer(status, [("x-amzn-ErrorType", code)], body)

        def answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Into no log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield replace(aws, endpoint_url=f"http://127.0.0.1:{server.server_port}"), refused
        server.shutdown()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time in which `chalice deploy` is tried again; Chalice's own pauses are short."""
    clock = Clock()
    monkeypatch.setattr("operations.deploy.chalice.CHALICE", f"{SHORT_PAUSES}; {CHALICE}")
    monkeypatch.setattr("operations.deploy.chalice.time", clock)
    return clock


def test_a_role_that_lambda_does_not_see_yet_is_waited_for_whichever_mapping_it_refuses(
    aws: EmbeddedAws, clock: Clock
) -> None:
    aws.reset()
    said: list[str] = []

    with slow_iam(aws) as (behind_proxy, refused):
        stage = deploy_locally(behind_proxy, said.append)
        mapped = [len(find_mappings(stage, function)) for function in FUNCTIONS]

    assert refused == list(FUNCTIONS)
    assert mapped == [1, 1]
    assert clock.now == 30
    waits = said[said.index("Deploying the app with chalice deploy") + 1 :]
    assert waits == [
        NOT_SEEN.format(120),
        *COUNT_DOWN,
        NOT_SEEN.format(105),
        *COUNT_DOWN,
    ]


def test_after_two_minutes_the_refusal_is_told(
    aws: EmbeddedAws, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.reset()
    tries: list[float] = []

    def refuse(*_: object) -> str:
        tries.append(clock.now)
        raise OperationFailed(f"`chalice deploy` failed:\n{REFUSAL.decode()}")

    monkeypatch.setattr("operations.deploy.chalice.run_chalice", refuse)
    stage = Stage("local", aws.session, {})

    with pytest.raises(OperationFailed, match="Cannot access stream"):
        chalice_deploy(stage, tmp_path, lambda _: None)

    assert tries == [0, 15, 30, 45, 60, 75, 90, 105, 120]


def test_another_failure_is_told_at_once(
    aws: EmbeddedAws, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise OperationFailed("the role has no name")

    monkeypatch.setattr("operations.deploy.chalice.run_chalice", fail)

    with pytest.raises(OperationFailed, match="the role has no name"):
        chalice_deploy(Stage("local", aws.session, {}), tmp_path, lambda _: None)

    assert clock.now == 0

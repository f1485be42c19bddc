"""A first deployment, while IAM has not told Lambda yet what the new role may do."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from operations.aws.errors import OperationFailed
from operations.aws.mappings import find_mappings
from operations.aws.stage import FUNCTIONS
from operations.local.pipeline import deploy_locally
from operations.local.server import EmbeddedAws, embedded_aws

REFUSAL = (
    b'{"Type": "User", "message": "Cannot access stream arn:aws:kinesis:us-east-1:000000000000:'
    b"stream/game-scores-local. Please ensure the role can perform the GetRecords, "
    b"GetShardIterator, DescribeStream, ListShards, and ListStreams Actions on your stream in IAM."
    b'"}'
)
"""As AWS words it: https://github.com/aws-samples/cross-account-amazon-dynamodb-replication/issues/11"""


OWN = ("content-length", "transfer-encoding", "connection")
"""Headers that the proxy sends in its own name."""


@contextmanager
def refusing_mappings(aws: EmbeddedAws, times: int) -> Iterator[tuple[EmbeddedAws, list[str]]]:
    """The AWS behind a proxy that refuses to make a mapping so many times; and the refusals."""
    upstream = urlsplit(aws.endpoint_url).netloc
    refused: list[str] = []

    class Proxy(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            makes_mapping = self.command == "POST" and "event-source-mappings" in self.path
            if makes_mapping and len(refused) < times:
                refused.append(self.path)
                kind = [("x-amzn-ErrorType", "InvalidParameterValueException")]
                return self.answer(400, kind, REFUSAL)
            with closing(HTTPConnection(upstream)) as connection:
                connection.request(self.command, self.path, content, dict(self.headers))
                answer = connection.getresponse()
                headers = [(name, value) for name, value in answer.getheaders() if name not in OWN]
                return self.answer(answer.status, headers, answer.read())

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):
                return self.pass_on
            raise AttributeError(name)

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
def new_aws() -> Iterator[EmbeddedAws]:
    with embedded_aws() as running:
        yield running


@pytest.fixture(autouse=True)
def _no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.deploy.chalice.PROPAGATION_SECONDS", 0)


@pytest.mark.slow
def test_a_role_that_lambda_does_not_see_yet_is_waited_for_once(new_aws: EmbeddedAws) -> None:
    said: list[str] = []

    with refusing_mappings(new_aws, 1) as (behind_proxy, refused):
        stage = deploy_locally(behind_proxy, said.append)
        mapped = [len(find_mappings(stage, function)) for function in FUNCTIONS]

    assert len(refused) == 1
    assert said[-1] == (
        "Lambda does not see yet that the new role may read the stream: once more in 0 seconds"
    )
    assert mapped == [1, 1]


@pytest.mark.slow
def test_a_role_that_may_not_read_the_stream_is_told_after_the_second_time(
    new_aws: EmbeddedAws,
) -> None:
    with (
        refusing_mappings(new_aws, 99) as (behind_proxy, refused),
        pytest.raises(OperationFailed, match="Cannot access stream"),
    ):
        deploy_locally(behind_proxy, lambda _: None)

    assert len(refused) == 2

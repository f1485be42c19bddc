"""The tables within the client's own process: botocore's requests are answered before being sent.

No network, no second process: the same figures on every run, for counting requests, units and
memory. Only the CPU of the HTTP client is missing here.
"""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

from botocore.awsrequest import AWSResponse

from dynamodb_model.tables import Tables

NOWHERE = "http://127.0.0.1:9"
"""An endpoint that no request reaches, as each is answered before."""


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


class Stub:
    """Answers requests from the tables; `cpu_seconds` is what that has taken so far."""

    def __init__(self, tables: Tables) -> None:
        self.cpu_seconds = 0.0
        self._tables = tables
        self._lock = threading.Lock()

    def answer(self, request: Any, event_name: str, **_: Any) -> AWSResponse:
        """A handler of botocore's event before-send."""
        with self._lock:
            cpu = time.thread_time()
            operation = event_name.rpartition(".")[2]
            status, body = self._tables.answer(operation, json.loads(request.body))
            headers: Any = {"x-amzn-RequestId": "1"}
            response = AWSResponse(request.url, status, headers, _Body(json.dumps(body).encode()))
            self.cpu_seconds += time.thread_time() - cpu
        return response


def answer_in_process(events: Any, tables: Tables) -> Stub:
    """Let the tables answer the DynamoDB requests of the client or session with these events."""
    stub = Stub(tables)
    events.register("before-send.dynamodb.*", stub.answer)
    return stub

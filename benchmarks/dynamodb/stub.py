"""The tables within the client's own process: botocore's requests are answered before being sent.

No network, no second process: the same figures on every run, for counting requests, units and
memory. Only the CPU of the HTTP client is missing here.
"""

import json
import threading
from collections.abc import Iterator
from typing import Any

from botocore.awsrequest import AWSResponse

from benchmarks.dynamodb.tables import Tables


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        """The answer, as urllib3 would hand it out."""
        yield self._content


def answer_in_process(events: Any, tables: Tables) -> None:
    """Let the tables answer the DynamoDB requests of the client or session with these events."""
    lock = threading.Lock()

    def answer(request: Any, event_name: str, **_: Any) -> AWSResponse:
        operation = event_name.rpartition(".")[2]
        with lock:
            status, body = tables.answer(operation, json.loads(request.body))
        headers: Any = {"x-amzn-RequestId": "1"}
        return AWSResponse(request.url, status, headers, _Body(json.dumps(body).encode()))

    events.register("before-send.dynamodb.*", answer)

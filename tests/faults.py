"""What the embedded AWS cannot do, as hooks into a botocore client.

Conflicts, throttling and refused permissions: a hook answers a request with the error in place of
the service, so the request is never sent. Lost connections: tests/proofs/wire.py.
"""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


def record_calls(client: Any) -> list[str]:
    """The operations that the client sends from now on, e.g. `["UpdateItem"]`; it grows."""
    calls: list[str] = []
    client.meta.events.register(
        "before-send.*.*", lambda event_name, **_: calls.append(event_name.split(".")[-1])
    )
    return calls


def answer_with_error(request: Any, code: str, status: int = 400, **body: Any) -> AWSResponse:
    """What a service answers that refuses the request with that error code."""
    content = json.dumps({"__type": code, "message": "stubbed", **body}).encode()
    headers: Any = {}
    return AWSResponse(request.url, status, headers, _Body(content))


def fail_requests(
    client: Any,
    operation: str,
    code: str,
    times: int = 1000,
    when: Callable[[str], bool] | None = None,
    **body: Any,
) -> Callable[[], None]:
    """Let the operation's next requests fail with the error; returns what ends it.

    `when` chooses by the request's body; `body` adds to the error's own fields.
    """
    remaining = itertools.repeat(None, times)

    def respond(request: Any, **_: Any) -> AWSResponse | None:
        if when and not when(request.body.decode()):
            return None
        if next(remaining, "done") == "done":
            return None
        return answer_with_error(request, code, **body)

    name = f"before-send.*.{operation}"
    client.meta.events.register(name, respond)
    return lambda: client.meta.events.unregister(name, respond)


def lose_next_answer(client: Any, operation: str) -> None:
    """Let the service do what the next request asks, but lose the answer: the SDK asks again."""
    event = f"before-send.*.{operation}"

    def send_and_lose(request: Any, **_: Any) -> AWSResponse:
        client.meta.events.unregister(event, send_and_lose)
        URLLib3Session().send(request)
        return answer_with_error(request, "InternalServerError", status=500)

    client.meta.events.register(event, send_and_lose)


@contextmanager
def failing(client: Any, operation: str, code: str) -> Iterator[None]:
    """All requests of the operation fail with the error code."""
    end = fail_requests(client, operation, code)
    try:
        yield
    finally:
        end()


def before_next(client: Any, operation: str, act: Callable[[], Any]) -> None:
    """Run `act` once, just before the client's next request of the operation is sent."""
    _act_once(client, f"before-send.*.{operation}", act)


def after_next(client: Any, operation: str, act: Callable[[], Any]) -> None:
    """Run `act` once, just after the client's next request of the operation was answered."""
    _act_once(client, f"after-call.*.{operation}", act)


def _act_once(client: Any, event: str, act: Callable[[], Any]) -> None:
    def act_once(**_: Any) -> None:
        client.meta.events.unregister(event, act_once)
        act()

    client.meta.events.register(event, act_once)

"""The tables behind HTTP on a loopback port, in a process of their own, with a service latency.

So the contenders' whole HTTP client is in their CPU time, and nothing of the service is. The
server ends when its standard input closes: it cannot outlive its owner.

Usage: python -m dynamodb_model.server
"""

import asyncio
import contextlib
import json
import pkgutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dynamodb_model.tables import Tables, Usage

PROJECT = Path(__file__).resolve().parent.parent
CONTROL = "/benchmark"


class DynamoDBServer:
    """A running server, seen from the process that measures."""

    def __init__(self, endpoint_url: str) -> None:
        self.endpoint_url = endpoint_url

    def usage(self) -> Usage:
        """What was asked of it so far."""
        return Usage(**self._control({}))

    def set_latency(self, milliseconds: float) -> None:
        """Delay every answer by this much from now on."""
        self._control({"latency_ms": milliseconds})

    def reset(self) -> None:
        """Forget all tables."""
        self._control({"reset": True})

    def seed(self, table: str, seed: str) -> None:
        """Let keys of the table begin with the items that `package.module:function` makes."""
        self._control({"seed": table, "by": seed})

    def _control(self, wish: dict[str, object]) -> dict[str, float]:
        request = urllib.request.Request(
            f"{self.endpoint_url}{CONTROL}", data=json.dumps(wish).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            figures: dict[str, float] = json.load(response)
        return figures


@contextlib.contextmanager
def dynamodb_server() -> Iterator[DynamoDBServer]:
    """A server for as long as the context lasts."""
    with subprocess.Popen(
        [sys.executable, "-m", "dynamodb_model.server"],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin  # noqa: S101 - both are pipes, see above
        assert process.stdout  # noqa: S101
        port = int(process.stdout.readline())
        try:
            yield DynamoDBServer(f"http://127.0.0.1:{port}")
        finally:
            process.stdin.close()


class _Connection(asyncio.Protocol):
    """One kept-alive HTTP/1.1 connection; requests come one after another."""

    def __init__(self, service: "_Service") -> None:
        self._service = service
        self._received = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101 - TCP gives no other
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        start, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        if headers.get("expect") and not body and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            headers.pop("expect")
        size = int(headers.get("content-length", "0"))
        if len(body) < size:
            return
        self._received = body[size:]
        latency, (status, answer) = self._service.answer(start.split(" ")[1], headers, body[:size])
        content = json.dumps(answer).encode() if answer is not None else b""
        response = b"HTTP/1.1 %d OK\r\nContent-Type: application/x-amz-json-1.0\r\n" % status
        response += b"x-amzn-RequestId: 1\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content)
        if latency:
            asyncio.get_running_loop().call_later(latency, self._write, response)
        else:
            self._write(response)

    def _write(self, response: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(response)


class _Service:
    def __init__(self) -> None:
        self._tables = Tables()
        self._latency_seconds = 0.0

    def answer(
        self, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[float, tuple[int, dict[str, Any] | None]]:
        """How long the answer takes, and the answer; what is no DynamoDB request is S3's."""
        if path == CONTROL:
            wish = json.loads(body)
            if wish.get("reset"):
                self._tables = Tables()
            if "seed" in wish:
                self._tables.seeds[wish["seed"]] = pkgutil.resolve_name(wish["by"])
            if "latency_ms" in wish:
                self._latency_seconds = wish["latency_ms"] / 1000
            return 0, (200, asdict(self._tables.usage))
        target = headers.get("x-amz-target")
        if target is None:
            return self._latency_seconds, (200, None)
        operation = target.rpartition(".")[2]
        return self._latency_seconds, self._tables.answer(operation, json.loads(body))


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    service = _Service()
    server = await loop.create_server(lambda: _Connection(service), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve())

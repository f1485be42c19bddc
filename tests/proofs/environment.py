"""Lambda execution environments whose API calls go wrong by a seeded chance."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NoReturn
from unittest import mock

from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from botocore.httpsession import URLLib3Session
from botocore.retries.quota import RetryQuota
from botocore.retries.standard import ExponentialBackoff

import app
from chalicelib import telemetry, totals
from chalicelib.clients import CLIENT_CONFIG, Clients
from chalicelib.connections import Connections
from chalicelib.settings import Settings
from operations.local.server import EmbeddedAws
from tests.faults import answer_with_error

Records = Sequence[dict[str, Any]]
Handler = Callable[[dict[str, Any], Any], Any]


class Crash(Exception):
    """The invocation died: time-out, out of memory, a lost machine."""


@dataclass
class Faults:
    """How often an API call of an invocation goes wrong, and how, by a seeded chance.

    Every try of a call is a chance of its own, so the SDK's next try may go wrong as well.
    """

    chance: random.Random
    one_in: int
    injected: Counter[str] = field(default_factory=Counter)
    late: list[Callable[[], Any]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    KINDS = (
        "crash before",
        "crash after",
        "request lost",
        "answer lost",
        "request late",
        "request late, crash",
        "throttled",
    )

    def choose(self) -> str | None:
        """The fault of the next try, if any."""
        with self._lock:
            if not self.one_in or self.chance.randrange(self.one_in):
                return None
            kind = self.chance.choice(self.KINDS)
            self.injected[kind] += 1
            return kind

    def hold_back(self, send: Callable[[], Any]) -> None:
        """Let a request be sent later, whatever becomes of its invocation."""
        with self._lock:
            self.late.append(send)

    def let_arrive(self, at_most: int | None = None) -> None:
        """Send requests that were held back, all of them by default."""
        with self._lock:
            self.chance.shuffle(self.late)
            arriving = self.late[:at_most]
            del self.late[: len(arriving)]
        for send in arriving:
            send()


class Environment:
    """A Lambda execution environment: clients of its own, whose calls the faults hit.

    So do they those of other clients that are made of its session. The clients have the retries of
    the deployed functions, so what gets no answer is sent again by the SDK. Once an invocation has
    crashed, none of its calls is sent any more.
    """

    def __init__(self, aws: EmbeddedAws, faults: Faults) -> None:
        self.faults = faults
        self.calls: Counter[str] = Counter()
        self._crashed = False
        self.session = aws.new_session()
        self.session.events.register("before-send.*.*", self._send)
        config = CLIENT_CONFIG.merge(Config(max_pool_connections=16))
        self.clients = Clients()
        self.clients.dynamodb = self.session.client("dynamodb", config=config)
        self.clients.s3 = self.session.client("s3", config=config)
        self._http = URLLib3Session(max_pool_connections=16)

    def invoke(self, handler: Handler, records: Records, context: Any = None) -> Any:
        """What the handler answers to the records in this environment; raises what it raises."""
        self.resume()
        token = current_environment.set(self)
        try:
            return handler({"Records": list(records)}, context)
        finally:
            current_environment.reset(token)

    def resume(self) -> None:
        """Let calls be sent again after a crash."""
        self._crashed = False

    def _send(self, request: Any, event_name: str, **_: Any) -> Any:
        """Stands in for each try of a call; None leaves it to the SDK."""
        if self._crashed:
            raise Crash
        operation = event_name.rsplit(".", maxsplit=1)[-1]
        self.calls[operation] += 1
        if self.faults.late and self.faults.one_in:
            self.faults.let_arrive(at_most=1)
        match self.faults.choose():
            case "crash before":
                self._crash()
            case "crash after":
                self._http.send(request)
                self._crash()
            case "request lost":
                raise ReadTimeoutError(endpoint_url="not sent")
            case "answer lost":
                self._http.send(request)
                raise ReadTimeoutError(endpoint_url="sent")
            case "request late":
                self.faults.hold_back(lambda: self._http.send(request))
                raise ReadTimeoutError(endpoint_url="late")
            case "request late, crash":
                self.faults.hold_back(lambda: self._http.send(request))
                self._crash()
            case "throttled":
                return answer_with_error(request, "ThrottlingException")
        return None

    def _crash(self) -> NoReturn:
        self._crashed = True
        raise Crash


current_environment: ContextVar[Environment] = ContextVar("current_environment")


class CurrentClients(Clients):
    """The clients of the environment that invokes the function."""

    @property
    def dynamodb(self) -> Any:
        return current_environment.get().clients.dynamodb

    @property
    def s3(self) -> Any:
        return current_environment.get().clients.s3


@contextmanager
def handlers_in_environments(variables: dict[str, str]) -> Iterator[None]:
    """Let the functions take their clients from the environment that invokes them.

    Powertools' metrics are made for one invocation at a time, as Lambda's processes are; here
    several share a process, so nothing is reported. The functions do not pause between attempts.
    """
    reports = ("log_payloads", "log_rejects", "report_ingestion", "report_aggregation")
    connections = Connections(Settings.from_environment(variables), CurrentClients())
    with (
        mock.patch.object(app, "connections", connections),
        mock.patch.multiple(telemetry, **dict.fromkeys(reports, mock.DEFAULT)),
        mock.patch.object(totals, "LONGEST_PAUSE_SECONDS", 0),
    ):
        yield


@contextmanager
def sdk_without_waiting() -> Iterator[None]:
    """Let the SDK retry at once, and without its quota of retries, which is meant for minutes."""
    with (
        mock.patch.object(ExponentialBackoff, "delay_amount", return_value=0),
        mock.patch.object(RetryQuota, "acquire", return_value=True),
    ):
        yield

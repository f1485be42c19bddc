"""A model of a table's stream and of how event source mappings deliver it, with faults.

It follows what AWS documents: the changes of one item stand in one shard, in order; a batch that
fails comes again whole or in halves; a mapping may start again from an older checkpoint, and two
invocations may have the same records at once. The oracle is the sum over the history that the
model wrote, never what the code under test says.
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

import base64
import json
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Literal, NoReturn
from unittest import mock

from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from botocore.httpsession import URLLib3Session
from botocore.retries.quota import RetryQuota
from botocore.retries.standard import ExponentialBackoff

import app
from chalicelib import telemetry, totals
from chalicelib.clients import CLIENT_CONFIG
from chalicelib.settings import Settings
from operations.local.server import EmbeddedAws
from tests.builders import TODAY, image, kinesis_record, stream_record
from tests.proofs.faults import answer_with_error

SERVICES: tuple[Literal["dynamodb", "s3"], ...] = ("dynamodb", "s3")

UNTIMED_ONE_IN = 97
"""Stream records without ApproximateCreationDateTime, which may be absent."""

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
        """Send requests that were held back: so many of them, by default all."""
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
        self.session = aws.session
        self.session.events.register("before-send.*.*", self._send)
        config = CLIENT_CONFIG.merge(Config(max_pool_connections=16))
        self.clients: dict[str, Any] = {
            service: self.session.client(service, config=config) for service in SERVICES
        }
        self._http = URLLib3Session(max_pool_connections=16)

    def invoke(self, handler: Handler, records: Records, context: Any = None) -> Any:
        """What the handler answers to the records in this environment; raises what it raises."""
        self._crashed = False
        token = current_environment.set(self)
        try:
            return handler({"Records": list(records)}, context)
        finally:
            current_environment.reset(token)

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


@dataclass
class Score:
    """A record as it stands in the model's table."""

    username: str
    score: Decimal


class History:
    """Writes to GameScoreRecords and the stream records they make, over several shards."""

    def __init__(self, shards: int, usernames: Sequence[str]) -> None:
        self.shards: list[list[dict[str, Any]]] = [[] for _ in range(shards)]
        self.usernames = usernames
        self.table: dict[int, Score] = {}
        self.archived: list[Score] = []
        self.poison: list[dict[str, Any]] = []
        self.now = TODAY
        self._next_id = self._emitted = 0

    def insert(self, username: str, score: Decimal) -> None:
        """A new record."""
        self._next_id += 1
        self.table[self._next_id] = Score(username, score)
        self._emit(self._next_id, new=self.table[self._next_id])

    def change(self, record_id: int, username: str, score: Decimal) -> None:
        """Another score, another user, or neither."""
        old = self.table[record_id]
        self.table[record_id] = Score(username, score)
        self._emit(record_id, new=self.table[record_id], old=old)

    def delete(self, record_id: int) -> None:
        """The record is gone, and its score with it."""
        self._emit(record_id, old=self.table.pop(record_id))

    def expire(self, record_id: int) -> None:
        """The record is gone, its score stays in the total."""
        score = self.table.pop(record_id)
        self.archived.append(score)
        self._emit(
            record_id,
            old=score,
            userIdentity={"type": "Service", "principalId": "dynamodb.amazonaws.com"},
        )

    def break_one(self, broken: dict[str, Any]) -> None:
        """A record that can never be counted stands in the stream."""
        self._next_id += 1
        self.shards[self._next_id % len(self.shards)].append(broken)
        self.poison.append(broken)

    def pass_time(self, seconds: int) -> None:
        """The next records are so much younger."""
        self.now += seconds

    def totals(self) -> dict[str, Decimal]:
        """What every total must be: the sum over the table and what expired from it."""
        totals: dict[str, Decimal] = defaultdict(Decimal)
        for score in (*self.table.values(), *self.archived):
            totals[score.username] += score.score
        return dict(totals)

    def write_at_random(self, chance: random.Random) -> None:
        """One write of any kind."""
        username = chance.choice(self.usernames)
        score = Decimal(chance.randint(-300, 1000)).scaleb(-1)
        if not self.table or chance.random() < 0.6:
            self.insert(username, score)
            return
        record_id = chance.choice(list(self.table))
        kind = chance.choice(["correct", "move", "touch", "delete", "expire"])
        if kind == "correct":
            self.change(record_id, self.table[record_id].username, score)
        elif kind == "move":
            self.change(record_id, username, self.table[record_id].score)
        elif kind == "touch":
            self.change(record_id, self.table[record_id].username, self.table[record_id].score)
        elif kind == "delete":
            self.delete(record_id)
        else:
            self.expire(record_id)

    def _emit(
        self, record_id: int, new: Score | None = None, old: Score | None = None, **parts: Any
    ) -> None:
        self._emitted += 1
        key = {"N": str(record_id)}
        record = stream_record(
            image(new.username, new.score, RecordID=key) if new else None,
            image(old.username, old.score, RecordID=key) if old else None,
            at=None if self._emitted % UNTIMED_ONE_IN == 0 else self.now,
            **parts,
        )
        self.shards[record_id % len(self.shards)].append(record)


class Producers:
    """Payloads on a Kinesis stream: retries under new sequence numbers, conflicts, broken ones."""

    def __init__(self, shards: int, first_id: int) -> None:
        self.shards: list[list[dict[str, Any]]] = [[] for _ in range(shards)]
        self.payloads: dict[int, set[bytes]] = {}
        self.poison: list[dict[str, Any]] = []
        self._next_id = first_id

    def send_at_random(self, chance: random.Random) -> None:
        """One record: mostly a new score, else a producer's retry, a conflict, or broken."""
        kind = chance.choice(["new"] * 6 + ["retry"] * 2 + ["conflict", "broken"])
        if kind == "broken":
            record = kinesis_record(chance.choice(BROKEN_PAYLOADS))
            self.poison.append(record)
        elif kind == "new" or not self.payloads:
            self._next_id += 1
            payload = self._payload(self._next_id, chance)
            self.payloads[self._next_id] = {payload}
            record = kinesis_record(payload)
        else:
            record_id = chance.choice(list(self.payloads))
            if kind == "conflict":
                self.payloads[record_id].add(self._payload(record_id, chance))
            record = kinesis_record(chance.choice(sorted(self.payloads[record_id])))
        chance.choice(self.shards).append(record)

    @staticmethod
    def _payload(record_id: int, chance: random.Random) -> bytes:
        score = chance.randint(0, 10**6)
        return b'{"RecordID": %d, "Username": "producer", "Score": %d}' % (record_id, score)


BROKEN_PAYLOADS = (
    b'{"RecordID": 1}',
    b'{"RecordID": 1, "Username": "", "Score": 1}',
    b'{"RecordID": 1, "Username": "Ann", "Score": NaN}',
    b'{"RecordID": 1, "Username": "\\ud800", "Score": 1}',
    b'{"RecordID": 1, "Username": "Ann", "Score": 1, "Deep": ' + b"[" * 50 + b"]" * 50 + b"}",
)


class Mapping:
    """An event source mapping: delivers a history's shards to a handler, at least once."""

    def __init__(
        self,
        history: History | Producers,
        handler: Handler,
        environments: Sequence[Environment],
    ) -> None:
        self.history = history
        self.checkpoints = [0] * len(history.shards)
        self.failures = 0
        self.faults = environments[0].faults
        self._handler = handler
        self._environments = environments
        self._pool = ThreadPoolExecutor(len(environments))

    def deliver(self, shard: int, start: int, end: int, *, environment: int = 0) -> bool:
        """Whether an invocation with that part of the shard succeeded."""
        records = self.history.shards[shard][start:end]
        if not records:
            return True
        try:
            self._environments[environment].invoke(self._handler, records)
        except Exception:  # noqa: BLE001 - Lambda does not ask which
            self.failures += 1
            return False
        return True

    def advance(self, shard: int, size: int, *, bisect: bool = False) -> bool:
        """Deliver the next batch; the checkpoint moves only past what succeeded."""
        start = self.checkpoints[shard]
        end = min(start + size, len(self.history.shards[shard]))
        if self.deliver(shard, start, end):
            self.checkpoints[shard] = end
            return True
        if bisect and end - start > 1:
            half = start + (end - start) // 2
            if self.deliver(shard, start, half):
                self.checkpoints[shard] = half
        return False

    def rewind(self, shard: int, records: int) -> None:
        """Start again from an older checkpoint."""
        self.checkpoints[shard] = max(0, self.checkpoints[shard] - records)

    def deliver_at_once(self, parts: Sequence[tuple[int, int, int]]) -> list[bool]:
        """Invocations side by side, each (shard, start, end) in an environment of its own."""
        futures = [
            self._pool.submit(self.deliver, *part, environment=number)
            for number, part in enumerate(parts)
        ]
        return [future.result() for future in futures]

    def drain(self, size: int = 100, most_attempts: int = 5) -> int:
        """Deliver all that is left, without faults; the number of shards that got stuck."""
        self.faults.one_in = 0
        self.faults.let_arrive()
        stuck = 0
        for shard in range(len(self.history.shards)):
            attempts = 0
            while self.checkpoints[shard] < len(self.history.shards[shard]):
                attempts = 0 if self.advance(shard, size) else attempts + 1
                if attempts == most_attempts:
                    stuck += 1
                    break
        return stuck


def correct(dynamodb: Any, table: str, record_id: str, score: Decimal) -> None:
    """Change a record's score in the table, as a person does."""
    dynamodb.update_item(
        TableName=table,
        Key={"RecordID": {"N": record_id}},
        UpdateExpression="SET Score = :score",
        ExpressionAttributeValues={":score": {"N": str(score)}},
    )


def ingestion_problems(
    producers: Producers,
    stored: dict[str, dict[str, Any]],
    rejects: Sequence[dict[str, Any]],
    corrected: dict[str, Decimal],
) -> list[str]:
    """What is wrong with the table and the rejects, given what was sent and corrected."""
    problems = []
    rejected = {reject["record"]["eventID"]: reject["record"] for reject in rejects}
    problems += [
        f"record {record_id} is not stored"
        for record_id in map(str, producers.payloads)
        if record_id not in stored
    ]
    for record_id, score in corrected.items():
        if Decimal(stored[record_id]["Score"]["N"]) != score:
            problems.append(f"the correction of record {record_id} was undone")
    for record in (each for shard in producers.shards for each in shard):
        payload = base64.b64decode(record["kinesis"]["data"])
        is_poison = record in producers.poison
        expected = is_poison or blake2b(payload, digest_size=16).digest() != _digest_of(
            stored, payload
        )
        if expected and rejected.get(record["eventID"]) != record:
            problems.append(f"{record['eventID']} is not among the rejects as it was: {payload!r}")
        if not expected and record["eventID"] in rejected:
            problems.append(f"{record['eventID']} is rejected although it is stored: {payload!r}")
    return problems


def aggregation_problems(
    history: History, found: dict[str, Decimal], rejects: Sequence[dict[str, Any]]
) -> list[str]:
    """Which totals are wrong and which broken records are lost."""
    expected = history.totals()
    rejected = [reject["record"] for reject in rejects]
    return [
        f"{name} has {found.get(name, Decimal(0))} instead of {expected.get(name, Decimal(0))}"
        for name in history.usernames
        if found.get(name, Decimal(0)) != expected.get(name, Decimal(0))
    ] + [
        f"a broken record is lost: {broken}" for broken in history.poison if broken not in rejected
    ]


@contextmanager
def handlers_in_environments(variables: dict[str, str]) -> Iterator[None]:
    """Let the functions take their clients from the environment that invokes them.

    Powertools' metrics are made for one invocation at a time, as Lambda's processes are; here
    several share a process, so nothing is reported. Nobody waits, neither the functions nor the
    SDK, whose quota of retries, meant for minutes, is not used up.
    """
    reports = ("log_payloads", "log_rejects", "report_ingestion", "report_aggregation")
    with (
        mock.patch.multiple(
            app,
            settings=Settings.from_environment(variables),
            dynamodb_client=lambda: current_environment.get().clients["dynamodb"],
            s3_client=lambda: current_environment.get().clients["s3"],
        ),
        mock.patch.multiple(telemetry, **dict.fromkeys(reports, mock.DEFAULT)),
        mock.patch.object(totals, "LONGEST_PAUSE_SECONDS", 0),
        mock.patch.object(ExponentialBackoff, "delay_amount", return_value=0),
        mock.patch.object(RetryQuota, "acquire", return_value=True),
    ):
        yield


def _digest_of(stored: dict[str, dict[str, Any]], payload: bytes) -> bytes | None:
    record_id = str(json.loads(payload)["RecordID"])
    digest: bytes = stored[record_id]["PayloadDigest"]["B"]
    return digest

"""Lambda events to measure with: batches of stream records and Kinesis records, made in advance."""

import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.simulation.players import zipf_players
from operations.scores.events import TODAY, event, image, kinesis_record, stream_record

START_SECONDS = TODAY
"""When the first batch's records were written; further batches are younger."""

DIGEST = {"B": "MTIzNDU2Nzg5MDEyMzQ1Ng=="}
"""A PayloadDigest, as the stream delivers it."""

Event = dict[str, Any]


@dataclass(frozen=True)
class LambdaContext:
    """What a handler may ask of the Lambda context."""

    function_name: str = "benchmark"
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"
    memory_limit_in_mb: int = 512

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@dataclass(frozen=True)
class Players:
    """Who plays: `users` of them take turns; None gives each record a new one.

    Of every batch, the share `hot` goes to one player. Scattered players come in no order; by
    Zipf's law a few of them play far more than the others.
    `batches_per_second` says how many batches they fill, and so how many records share a second.
    """

    users: int | None
    hot: float = 0.0
    scattered: bool = False
    by_zipf: bool = False
    batches_per_second: int = 1

    def names(self, prefix: str) -> Iterator[str]:
        """The players of an endless run of records."""
        chance = random.Random(1)
        for player in self._players(chance):
            yield f"{prefix}-{player:07d}" if chance.random() >= self.hot else f"{prefix}-hottest"

    def _players(self, chance: random.Random) -> Iterator[int]:
        if self.users is None:
            return itertools.count()
        if self.by_zipf:
            return zipf_players(self.users, chance)
        if self.scattered:
            return iter(partial(chance.randrange, self.users), None)
        return itertools.cycle(range(self.users))


def stream_events(players: Players, batch: int, prefix: str) -> Iterator[Event]:
    """Batches of insertions into GameScoreRecords."""
    names = players.names(prefix)
    for number in itertools.count():
        second = START_SECONDS + number // players.batches_per_second
        yield event(
            *(
                insertion(f"{prefix}-{number}-{index}", next(names), second, index)
                for index in range(batch)
            )
        )


def insertion(event_id: str, username: str, created_seconds: int, score: int) -> Event:
    """What Lambda delivers for a record inserted into GameScoreRecords."""
    number = int(f"{created_seconds}{score:05d}")
    new = image(username, f"{score}.25", RecordID={"N": str(number)}, PayloadDigest=DIGEST)
    return stream_record(new, at=created_seconds, number=number, eventID=event_id)


def kinesis_events(kind: str, payload_bytes: int, batch: int, prefix: int) -> Iterator[Event]:
    """Batches of Kinesis records of that kind: text, scores or a-tenth-malformed."""
    numbers = itertools.count(prefix)
    while True:
        yield event(
            *(
                kinesis_record(_payload(kind, number, payload_bytes), number=number)
                for number in itertools.islice(numbers, batch)
            )
        )


def _payload(kind: str, number: int, payload_bytes: int) -> bytes:
    if kind == "text":
        return f"Hello, this is test {number}. ".ljust(payload_bytes, "x").encode()
    score: dict[str, Any] = {"RecordID": number, "Username": f"player-{number % 500}"}
    if kind != "a-tenth-malformed" or number % 10:
        score["Score"] = number % 1000 + 0.25
    missing = payload_bytes - len(json.dumps({**score, "Note": ""}))
    return json.dumps({**score, "Note": "x" * max(0, missing)}).encode()

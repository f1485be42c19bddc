"""What is written: a table's history and its stream, and producers' payloads on a stream.

As AWS documents it, the changes of one item stand in one shard, in order. Both are repeatable by
the chance that they are given.
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.builders import TODAY, image, kinesis_record, stream_record

UNTIMED_ONE_IN = 97
"""Stream records without ApproximateCreationDateTime, which may be absent."""


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
        """Let the next records be younger by this."""
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


def correct(dynamodb: Any, table: str, record_id: str, score: Decimal) -> None:
    """Change a record's score in the table, as an operator does."""
    dynamodb.update_item(
        TableName=table,
        Key={"RecordID": {"N": record_id}},
        UpdateExpression="SET Score = :score",
        ExpressionAttributeValues={":score": {"N": str(score)}},
    )

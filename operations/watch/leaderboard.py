"""The best totals, and how the pipeline keeps up."""

import heapq
import time
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from chalicelib import words
from chalicelib.receipts import read_page_key, seconds_of
from operations.aws.items import Item, total_of, user_of
from operations.aws.iterator_age import iterator_ages
from operations.aws.stage import Stage
from operations.aws.table_stream import TableStream
from operations.aws.tables import scan

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

RATE_SECONDS = 10
"""The window over which records a second are averaged."""

SHARDS_EVERY_SECONDS = 60
"""A shard of the table's stream ends after some hours, and others begin."""

AGES_EVERY_SECONDS = 30
"""CloudWatch has new figures once a minute."""


@dataclass(frozen=True)
class Standings:
    """The best totals, best first, and the number of players they were picked from.

    `newest_counted` is when the newest record that stands in any total was written (seconds).
    """

    totals: dict[str, Decimal]
    players: int
    newest_counted: int


@dataclass(frozen=True)
class Doing:
    """How the pipeline keeps up; None where it is not known.

    `behind_seconds`: how much newer the table's newest record is than the newest one counted.
    `iterator_ages`: by function, CloudWatch's last IteratorAge in seconds.
    """

    records_a_second: float
    records_seen: int
    behind_seconds: int | None
    iterator_ages: dict[str, float]


def read_standings(dynamodb: "DynamoDBClient", table: str, top: int) -> Standings:
    """The best totals. Keeps only these in memory, whatever the table's size."""
    players = newest = 0
    best: list[tuple[Decimal, _Descending]] = []
    for item in scan(dynamodb, table):
        newest = max(newest, _newest_counted(item))
        total = total_of(item)
        if total is None:
            continue
        players += 1
        entry = (total, _Descending(item[words.USERNAME]["S"]))
        if len(best) < top:
            heapq.heappush(best, entry)
        else:
            heapq.heappushpop(best, entry)
    totals = {name.text: total for total, name in sorted(best, reverse=True)}
    return Standings(totals, players, newest)


class PipelineWatch:
    """Follows the table's stream and CloudWatch from one look to the next."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        arn = stage.names.records_stream_arn
        self._stream = TableStream(stage.aws.client("dynamodbstreams"), arn, "LATEST")
        self._stream.refresh()
        self._refreshed_at = time.monotonic()
        self._seen = 0
        self._newest = 0
        self._counts: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
        self._ages: dict[str, float] = {}
        self._ages_at = -float(AGES_EVERY_SECONDS)

    def look(self, standings: Standings) -> Doing:
        """How the pipeline keeps up now, given the standings read just before."""
        if time.monotonic() - self._refreshed_at > SHARDS_EVERY_SECONDS:
            self._stream.refresh()
            self._refreshed_at = time.monotonic()
        for record in self._stream.read():
            self._seen += 1
            created = record["dynamodb"].get("ApproximateCreationDateTime", 0)
            self._newest = max(self._newest, int(created))
        now = time.monotonic()
        self._counts.append((now, self._seen))
        while len(self._counts) > 2 and now - self._counts[0][0] > RATE_SECONDS:
            self._counts.popleft()
        if now - self._ages_at > AGES_EVERY_SECONDS:
            self._ages, self._ages_at = iterator_ages(self._stage), now
        since, seen_then = self._counts[0]
        behind = None
        if self._newest and standings.newest_counted:
            behind = max(0, self._newest - standings.newest_counted)
        return Doing(
            records_a_second=(self._seen - seen_then) / max(now - since, 0.001),
            records_seen=self._seen,
            behind_seconds=behind,
            iterator_ages=self._ages,
        )


class _Descending:
    """A name that sorts the other way round: of equal totals, the first name is the best."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __lt__(self, other: "_Descending") -> bool:
        return self.text > other.text


def _newest_counted(item: Item) -> int:
    user = user_of(item)
    archived = read_page_key(user.last_page)[0] if user.last_page else 0
    return max((archived, *map(seconds_of, user.receipts)))

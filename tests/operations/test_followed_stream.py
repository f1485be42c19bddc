"""The table's stream as an audit follows it: how long it waits, and what it takes for late.

The stream is a stub, since the embedded AWS shows each record at once, and forgets none.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.stream_records import decode_stream_batch
from operations.aws import table_stream
from operations.aws.table_stream import EMPTY_READS, Moment, as_delivered
from operations.totals import followed_stream
from operations.totals.book import AuditBook
from operations.totals.followed_stream import FollowedStream, StreamForgot
from tests.builders import TODAY, inserted

SETTLE_SECONDS = 3.0
READ_SECONDS = 0.5
EMPTY_READS_SECONDS = EMPTY_READS * READ_SECONDS


@dataclass
class Clock:
    """This machine's clock; reading takes half a second, and waiting as long as it takes."""

    seconds: float = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def record(number: int, user: str = "Ada") -> dict[str, Any]:
    """Written in that second."""
    found = inserted(user, number)
    change = {
        **found["dynamodb"],
        "ApproximateCreationDateTime": datetime.fromtimestamp(TODAY + number, UTC),
        "Keys": {"RecordID": {"N": str(number)}},
    }
    return {**found, "eventID": f"event-{number}", "dynamodb": change}


def receipt(shown: dict[str, Any]) -> bytes:
    return decode_stream_batch([as_delivered(shown)]).changes[0].receipt


class Streams:
    """One shard, which shows what it is told to, read by read, and then nothing."""

    def __init__(self, clock: Clock, *answers: list[dict[str, Any]]) -> None:
        self.answers = list(answers)
        self.reads = 0
        self._clock = clock

    def describe_stream(self, **_: Any) -> Any:
        shards = [{"ShardId": "a", "SequenceNumberRange": {"StartingSequenceNumber": "0"}}]
        return {"StreamDescription": {"Shards": shards}}

    def get_shard_iterator(self, **_: Any) -> Any:
        return {"ShardIterator": "on"}

    def get_records(self, **_: Any) -> Any:
        self.reads += 1
        self._clock.sleep(READ_SECONDS)
        return {"Records": self.answers.pop(0) if self.answers else [], "NextShardIterator": "on"}


class Following:
    """A followed stream with what it writes into and what it announces."""

    def __init__(self, book: AuditBook, clock: Clock, *answers: list[dict[str, Any]]) -> None:
        self.book = book
        self.clock = clock
        self.streams = Streams(clock, *answers)
        self.announced: list[str] = []
        stage: Any = self
        self.stream = FollowedStream(
            stage, book, lambda *_: None, self.announced.append, SETTLE_SECONDS
        )

    aws = names = property(lambda self: self)
    records_stream_arn = "arn"

    def client(self, _: str) -> Streams:
        return self.streams

    def now(self, seconds: int = 0) -> Moment:
        return Moment(TODAY + seconds, self.clock.seconds)

    def seconds(self, act: Callable[[], None]) -> float:
        """How long that takes."""
        started = self.clock.seconds
        act()
        return self.clock.seconds - started


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Following]]:
    clock = Clock()
    monkeypatch.setattr(table_stream, "time", clock)
    monkeypatch.setattr(table_stream, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(followed_stream, "time", clock)
    monkeypatch.setattr(followed_stream, "POLL_SECONDS", 0)
    with AuditBook() as book:
        yield lambda *answers: Following(book, clock, *answers)


def test_what_the_stream_shows_is_in_the_book(follow: Callable[..., Following]) -> None:
    following = follow([record(1)], [], [record(2)])

    following.stream.catch_up(following.now())

    assert following.book.expected("Ada") == 3


def test_a_quiet_stream_is_waited_for_as_long_as_it_may_lag(
    follow: Callable[..., Following],
) -> None:
    following = follow([record(1)])

    caught_up = following.seconds(lambda: following.stream.catch_up(following.now()))
    waited = following.seconds(lambda: following.stream.read_past(following.now()))

    assert caught_up == READ_SECONDS + EMPTY_READS_SECONDS
    assert waited == SETTLE_SECONDS + READ_SECONDS


def test_receipts_are_waited_for_until_they_are_shown(follow: Callable[..., Following]) -> None:
    awaited, rest = record(5), [record(6)]
    following = follow([], [record(1)], [awaited], rest)

    following.stream.wait_for({receipt(awaited)}, following.now(5))

    assert following.streams.answers == [rest]
    following.stream.wait_for(set(), following.now(5))
    assert following.streams.reads == 3


def test_a_receipt_without_a_record_is_waited_for_once(follow: Callable[..., Following]) -> None:
    following = follow()
    orphan = {receipt(record(5))}

    waits = [
        following.seconds(lambda: following.stream.wait_for(orphan, following.now()))
        for _ in range(2)
    ]

    assert waits == [SETTLE_SECONDS + READ_SECONDS, 0]


def test_settling_reads_on_until_the_time_has_passed(follow: Callable[..., Following]) -> None:
    following = follow([record(1)])

    assert following.seconds(lambda: following.stream.settle(following.clock.seconds)) >= (
        SETTLE_SECONDS
    )
    assert following.book.expected("Ada") == 1


@pytest.mark.parametrize(("written", "is_late"), [(6, False), (5, True), (4, True)])
def test_what_was_written_up_to_a_moment_that_counts_as_shown_is_late(
    follow: Callable[..., Following], written: int, *, is_late: bool
) -> None:
    following = follow()
    following.stream.read_past(following.now(5))
    following.streams.answers = [[record(written, "Ben")]]

    following.stream.catch_up(following.now(5))

    assert following.stream.late == ({"Ben"} if is_late else set())


def test_a_stream_that_is_slower_than_told_is_waited_for_longer(
    follow: Callable[..., Following],
) -> None:
    following = follow()
    following.stream.read_past(following.now(60))
    following.streams.answers = [[record(60)]]
    following.stream.catch_up(following.now(60))
    assert following.announced == []

    following.streams.answers = [[record(30)]]
    following.stream.catch_up(following.now(60))

    waited = following.seconds(lambda: following.stream.settle(following.clock.seconds))
    assert following.announced == [f"The stream shows what was written {waited:.0f} seconds ago"]
    assert waited > 30 > SETTLE_SECONDS


def test_a_stream_that_forgot_what_was_not_read_is_no_ground_for_a_verdict(
    follow: Callable[..., Following],
) -> None:
    following = follow([record(1)], [record(2)])
    following.stream._stream.has_gap = True

    with pytest.raises(StreamForgot):
        following.stream.catch_up(following.now())

"""The table's stream, read to its end in spite of empty answers, ended shards and lost places."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.scores import Place
from chalicelib.stream_records import decode_stream_record, is_expiry
from operations.aws.table_stream import (
    EMPTY_READS,
    GONE,
    TRIMMED,
    Moment,
    TableStream,
    as_delivered,
)
from operations.scores.events import TODAY, image, inserted


def record(number: int) -> dict[str, Any]:
    return {
        "eventID": f"event-{number}",
        "eventName": "INSERT",
        "dynamodb": {
            "ApproximateCreationDateTime": datetime.fromtimestamp(TODAY + number, UTC),
            "NewImage": image("Ann", number),
            "SequenceNumber": f"{number:021d}",
        },
    }


class Streams:
    """Shards as lists of answers; an iterator is the shard's name and a position."""

    def __init__(self, **shards: list[list[int] | str]) -> None:
        self.shards = shards
        self.closed: set[str] = set()
        self.gone: set[str] = set()
        self.forgotten: set[tuple[str, str]] = set()
        self.reads = 0
        self.asked: list[tuple[str, str]] = []

    def describe_stream(self, *, ExclusiveStartShardId: str = "", **_: str) -> Any:  # noqa: N803
        later = [name for name in sorted(self.shards) if name > ExclusiveStartShardId]
        ending = {"EndingSequenceNumber": "9"}
        shown = {
            "ShardId": later[0],
            "SequenceNumberRange": ending if later[0] in self.closed else {},
        }
        more = {"LastEvaluatedShardId": later[0]} if later[1:] else {}
        return {"StreamDescription": {"Shards": [shown], **more}}

    def get_shard_iterator(
        self,
        *,
        ShardId: str,  # noqa: N803
        ShardIteratorType: str,  # noqa: N803
        SequenceNumber: str = "",  # noqa: N803
        **_: str,
    ) -> Any:
        self.asked.append((ShardId, ShardIteratorType))
        if ShardId in self.gone or (ShardIteratorType, ShardId) in self.forgotten:
            code = GONE if ShardId in self.gone else TRIMMED
            raise ClientError({"Error": {"Code": code, "Message": ""}}, "GetShardIterator")
        position = 0
        if ShardIteratorType == "LATEST":
            position = len(self.shards[ShardId])
        while ShardIteratorType == "AFTER_SEQUENCE_NUMBER":
            answer = self.shards[ShardId][position]
            position += 1
            if isinstance(answer, list) and answer and answer[-1] == int(SequenceNumber):
                break
        return {"ShardIterator": f"{ShardId} {position}"}

    def get_records(self, *, ShardIterator: str) -> Any:  # noqa: N803
        self.reads += 1
        name, position = ShardIterator.split()
        answers = self.shards[name]
        answer = answers[int(position)] if int(position) < len(answers) else []
        if isinstance(answer, str):
            answers[int(position)] = []
            raise ClientError({"Error": {"Code": answer, "Message": ""}}, "GetRecords")
        place = min(int(position) + 1, len(answers))
        ended = name in self.closed and place == len(answers)
        following = {} if ended else {"NextShardIterator": f"{name} {place}"}
        return {"Records": [record(number) for number in answer], **following}


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.aws.table_stream.PAUSE_SECONDS", 0)


def now() -> Moment:
    """As if AWS had answered just now, long after the records here were made."""
    return Moment(TODAY + 10_000, time.monotonic())


def numbers(stream: TableStream) -> list[str]:
    """All that it shows."""
    return sorted(each.record["eventID"] for each in stream.read_past(now(), 0))


def test_all_shards_are_read_through_empty_answers_and_lost_places() -> None:
    streams = Streams(
        a=[[1], [], [], [2], "ExpiredIteratorException", [3]],
        b=["ExpiredIteratorException", [4, 5], []],
        c=[[6]],
    )
    streams.closed.add("c")
    stream = TableStream(streams, "arn", "TRIM_HORIZON")  # type: ignore[arg-type]

    everything = numbers(stream)
    nothing = numbers(stream)
    streams.shards["a"].append([7])
    streams.shards["d"] = [[8]]
    new = numbers(stream)

    assert everything == [f"event-{number}" for number in range(1, 7)]
    assert nothing == []
    assert new == ["event-7", "event-8"]
    assert ("a", "AFTER_SEQUENCE_NUMBER") in streams.asked


def test_latest_passes_over_what_was_there_but_not_over_new_shards() -> None:
    streams = Streams(a=[[1]], b=[[2]])
    streams.closed.add("a")
    stream = TableStream(streams, "arn", "LATEST")  # type: ignore[arg-type]
    stream.refresh()
    streams.shards["b"].append([3])
    streams.shards["c"] = [[4]]

    assert numbers(stream) == ["event-3", "event-4"]


def test_a_shard_that_is_gone_is_read() -> None:
    streams = Streams(a=[[1], GONE], b=[[2], TRIMMED], c=[[3]])
    streams.gone = {"a", "b", "d"}
    stream = TableStream(streams, "arn", "TRIM_HORIZON")  # type: ignore[arg-type]

    streams.gone = set()
    stream.refresh()
    streams.gone = {"a", "b", "d"}
    streams.shards["d"] = [[4]]

    assert numbers(stream) == ["event-1", "event-2", "event-3"]
    assert numbers(stream) == []


def test_what_a_shard_forgot_between_two_reads_is_a_gap() -> None:
    streams = Streams(a=[[1], "ExpiredIteratorException", [3]])
    streams.forgotten = {("AFTER_SEQUENCE_NUMBER", "a")}
    stream = TableStream(streams, "arn", "TRIM_HORIZON")  # type: ignore[arg-type]

    assert numbers(stream) == ["event-1", "event-1", "event-3"]
    assert stream.has_gap


def test_what_a_shard_forgot_before_it_was_read_is_no_gap() -> None:
    streams = Streams(a=[TRIMMED, [2]])
    stream = TableStream(streams, "arn", "TRIM_HORIZON")  # type: ignore[arg-type]

    assert numbers(stream) == ["event-2"]
    assert not stream.has_gap


def test_a_shard_that_shows_something_younger_is_read_past_a_moment() -> None:
    streams = Streams(a=[[1], [50], [60], [70]])
    stream = TableStream(streams, "arn", "TRIM_HORIZON")  # type: ignore[arg-type]

    shown = list(stream.read_past(Moment(TODAY + 45, time.monotonic()), 3600))

    assert [each.record["eventID"] for each in shown] == ["event-1", "event-50"]


def test_a_shard_of_that_very_second_is_not_read_past_it_yet() -> None:
    streams = Streams(a=[[1], [45], [46], [50]])
    stream = TableStream(streams, "arn", "TRIM_HORIZON")  # type: ignore[arg-type]

    shown = list(stream.read_past(Moment(TODAY + 45, time.monotonic()), 3600))

    assert [each.record["eventID"] for each in shown][-1] == "event-50"


def test_a_quiet_shard_is_read_when_the_settle_time_has_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    streams = Streams(a=[[1]])
    stream = TableStream(streams, "arn", "TRIM_HORIZON")  # type: ignore[arg-type]
    clock = iter(range(100))
    monkeypatch.setattr("operations.aws.table_stream.time.monotonic", lambda: float(next(clock)))

    list(stream.read_past(Moment(TODAY + 45, 0.0), 30))

    assert 30 <= streams.reads <= 32


def test_several_empty_answers_in_a_row_are_the_end_of_a_shard_at_any_settle_time() -> None:
    streams = Streams(a=[[1]])
    stream = TableStream(streams, "arn", "TRIM_HORIZON")  # type: ignore[arg-type]

    list(stream.read_past(now(), 0))

    assert streams.reads == 1 + EMPTY_READS


def test_reading_stops_when_it_is_enough() -> None:
    streams = Streams(a=[[1], [2], [3]])
    stream = TableStream(streams, "arn", "TRIM_HORIZON")  # type: ignore[arg-type]
    rounds = iter([False, False, True])

    shown = list(stream.read_past(now(), 3600, lambda: next(rounds)))

    assert [each.record["eventID"] for each in shown] == ["event-1", "event-2"]


def test_a_moment_is_told_by_the_clock_of_aws() -> None:
    answer = {"ResponseMetadata": {"HTTPHeaders": {"date": "Mon, 23 Nov 2026 06:00:00 GMT"}}}

    assert Moment.of(answer).aws_seconds == TODAY


def test_a_record_has_the_receipt_that_it_has_when_lambda_delivers_it() -> None:
    delivered = inserted("Ann", 5)
    created = datetime.fromtimestamp(delivered["dynamodb"]["ApproximateCreationDateTime"], UTC)
    read = {
        **delivered,
        "dynamodb": {**delivered["dynamodb"], "ApproximateCreationDateTime": created},
    }

    assert decode_stream_record(Place(0), as_delivered(read)) == decode_stream_record(
        Place(0), delivered
    )


def test_an_expired_record_is_known_as_such() -> None:
    identity = {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}

    assert is_expiry(as_delivered({**record(1), "eventName": "REMOVE", "userIdentity": identity}))

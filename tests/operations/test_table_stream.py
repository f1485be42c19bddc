"""The table's stream, read to its end in spite of empty answers, ended shards and lost places."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.scores import Place
from chalicelib.stream_records import decode_stream_record, is_expiry
from operations.aws.table_stream import TableStream, as_delivered
from operations.scores.events import image, inserted


def record(number: int) -> dict[str, Any]:
    return {
        "eventID": f"event-{number}",
        "eventName": "INSERT",
        "dynamodb": {
            "ApproximateCreationDateTime": datetime.fromtimestamp(1_795_413_600 + number, UTC),
            "NewImage": image("Ann", number),
            "SequenceNumber": f"{number:021d}",
        },
    }


class Streams:
    """Shards as lists of answers; an iterator is the shard's name and a position."""

    def __init__(self, **shards: list[list[int] | str]) -> None:
        self.shards = shards
        self.closed: set[str] = set()
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


def numbers(records: Iterator[dict[str, Any]]) -> list[str]:
    return sorted(each["eventID"] for each in records)


def test_all_shards_are_read_through_empty_answers_and_lost_places() -> None:
    streams = Streams(
        a=[[1], [], [], [2], "ExpiredIteratorException", [3]],
        b=["ExpiredIteratorException", [4, 5], []],
        c=[[6]],
    )
    streams.closed.add("c")
    stream = TableStream(streams, "arn", "TRIM_HORIZON")  # type: ignore[arg-type]

    everything = numbers(stream.read_until_quiet(0))
    nothing = numbers(stream.read_until_quiet(0))
    streams.shards["a"].append([7])
    streams.shards["d"] = [[8]]
    new = numbers(stream.read_until_quiet(0))

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

    assert numbers(stream.read_until_quiet(0)) == ["event-3", "event-4"]


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

"""A batch that Lambda gave up is read again in spite of lost places, and of what is gone."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from operations.aws.errors import Misuse, explain
from operations.rejects.given_up_batch import GivenUpBatch, read_batch
from operations.scores.events import image
from tests.recorded import KINESIS_ARN, TABLE_ARN

EXPIRED, TRIMMED = "ExpiredIteratorException", "TrimmedDataAccessException"
INVALID, GONE = "InvalidArgumentException", "ResourceNotFoundException"


def refusal(code: str, operation: str = "GetRecords") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "stubbed"}}, operation)


class Shard:
    """A shard of either kind of stream with these numbers left in it, which answers as AWS does.

    The embedded AWS has no limited memory and loses no place. `answers` are codes with which the
    next requests for records are refused, and 0 for an empty answer; `at_number` is how a place by
    number is refused where that record is gone.
    """

    def __init__(
        self, *left: int, answers: tuple[str | int, ...] = (), at_number: str = ""
    ) -> None:
        self.left = left
        self.answers = list(answers)
        self.at_number = at_number
        self.is_of_kinesis = False

    def get_shard_iterator(self, *, ShardIteratorType: str, **place: str) -> Any:  # noqa: N803
        if self.at_number == GONE:
            raise refusal(GONE, "GetShardIterator")
        if ShardIteratorType == "TRIM_HORIZON":
            return {"ShardIterator": "0"}
        first = int(place.get("StartingSequenceNumber") or place["SequenceNumber"])
        if self.at_number:
            raise refusal(self.at_number, "GetShardIterator")
        return {"ShardIterator": str(self.left.index(first))}

    def get_records(self, *, ShardIterator: str) -> Any:  # noqa: N803
        start = int(ShardIterator)
        if self.answers and (answer := self.answers.pop(0)):
            raise refusal(str(answer))
        end = start if self.answers else start + 2
        return {
            "Records": [self.record(number) for number in self.left[start:end]],
            "NextShardIterator": str(min(end, len(self.left))),
        }

    def record(self, number: int) -> dict[str, Any]:
        at = datetime(2026, 11, 24, tzinfo=UTC)
        if self.is_of_kinesis:
            return {
                "SequenceNumber": str(number),
                "PartitionKey": "1",
                "Data": b"{}",
                "ApproximateArrivalTimestamp": at,
            }
        change = {
            "SequenceNumber": str(number),
            "ApproximateCreationDateTime": at,
            "NewImage": image("Ann", number, Photo={"B": b"x"}),
        }
        return {"eventID": f"event-{number}", "eventName": "INSERT", "dynamodb": change}


def numbers_of(shard: Shard, arn: str) -> list[int]:
    batch = GivenUpBatch(arn, "shard", "3", "6", 4)
    shard.is_of_kinesis = batch.is_of_kinesis
    records = read_batch(batch, shard, shard)  # type: ignore[arg-type]
    if batch.is_of_kinesis:
        return [int(each["kinesis"]["sequenceNumber"]) for each in records]
    return [int(each["dynamodb"]["SequenceNumber"]) for each in records]


both_kinds = pytest.mark.parametrize("arn", [KINESIS_ARN, TABLE_ARN])


@both_kinds
@pytest.mark.parametrize("answers", [(), (0, 0, 0), (EXPIRED,), (0, EXPIRED, 0, TRIMMED)])
def test_a_batch_is_read_whole_through_empty_answers_and_lost_places(
    arn: str, answers: tuple[str | int, ...]
) -> None:
    shard = Shard(1, 2, 3, 4, 5, 6, 7, 8, answers=answers)

    assert numbers_of(shard, arn) == [3, 4, 5, 6]


@both_kinds
@pytest.mark.parametrize("code", [TRIMMED, INVALID])
def test_what_is_left_of_a_batch_whose_beginning_is_gone_is_read(arn: str, code: str) -> None:
    assert numbers_of(Shard(5, 6, 7, at_number=code), arn) == [5, 6]
    assert numbers_of(Shard(7, 8, at_number=code), arn) == []


@both_kinds
def test_a_batch_whose_shard_is_gone_is_gone(arn: str) -> None:
    assert numbers_of(Shard(at_number=GONE), arn) == []
    assert numbers_of(Shard(3, 4, answers=(TRIMMED,) * 9), arn) == []


@both_kinds
def test_what_else_goes_wrong_rises(arn: str) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        numbers_of(Shard(3, answers=("AccessDeniedException",)), arn)


def test_where_kinesis_says_that_more_is_to_come_it_is_read_on() -> None:
    class Sparse(Shard):
        def get_records(self, **arguments: Any) -> Any:
            return {**super().get_records(**arguments), "MillisBehindLatest": len(self.answers)}

    assert numbers_of(Sparse(3, 6, answers=(0,) * 20), KINESIS_ARN) == [3, 6]


@pytest.mark.parametrize("code", [EXPIRED, TRIMMED, GONE])
@pytest.mark.parametrize("operation", ["GetRecords", "GetShardIterator"])
def test_a_shard_that_is_gone_is_no_wrong_stage(code: str, operation: str) -> None:
    told = explain(refusal(code, operation))

    assert not isinstance(told, Misuse)
    assert "run this again" in str(told)
    assert "--stage" not in str(told)


def test_a_stream_that_is_not_there_may_be_a_wrong_stage() -> None:
    assert "Check --stage" in str(explain(refusal(GONE, "DescribeStream")))

"""Reads the stream of GameScoreRecords beside the aggregator.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

Start = Literal["TRIM_HORIZON", "LATEST"]

TABLE_STREAM_SECONDS = 24 * 3600
"""How long DynamoDB keeps a table's stream, always."""

EMPTY_READS = 5
"""Empty answers in a row after which a shard counts as read to its end.

The service does not mark the end, and an answer in the middle may be empty, too.
"""

PAUSE_SECONDS = 0.25
"""A shard answers five requests a second, Lambda's own four among them."""

CLOCK_SECONDS = 2
"""How far AWS's clocks may be apart: records tell their time in whole seconds, so do answers."""

EXPIRED, TRIMMED, GONE = (
    "ExpiredIteratorException",  # after 15 minutes
    "TrimmedDataAccessException",
    "ResourceNotFoundException",
)


class Moment(NamedTuple):
    """A moment: by AWS's clock, which records tell their time by, and by this machine's."""

    aws_seconds: int
    monotonic: float

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Moment":
        """When AWS gave that answer, which has come just now."""
        date = answer["ResponseMetadata"]["HTTPHeaders"]["date"]
        return cls(int(parsedate_to_datetime(date).timestamp()), time.monotonic())


class ShardRecord(NamedTuple):
    """A record as Lambda would deliver it, and the name of its shard."""

    shard: str
    record: dict[str, Any]


@dataclass
class _Shard:
    start: Start
    iterator: str | None = None
    last_sequence_number: str | None = None
    last_seconds: float = 0.0
    empty_reads: int = 0
    asked_at: float = 0.0
    is_read: bool = False

    def is_past(self, moment: Moment, settle_seconds: float) -> bool:
        """Whether it has shown all that was written up to then."""
        return (
            self.is_read
            or self.last_seconds > moment.aws_seconds + CLOCK_SECONDS
            or (
                self.empty_reads >= EMPTY_READS
                and self.asked_at - moment.monotonic >= settle_seconds
            )
        )


class TableStream:
    """Reads all shards side by side, each record once.

    `start` says where: TRIM_HORIZON is all that the stream still keeps (24 hours), LATEST what
    comes from the first read on. A shard that is gone counts as read. `has_gap`: of a shard that
    was read in part the stream forgot more, before it was read.
    """

    def __init__(self, streams: "DynamoDBStreamsClient", arn: str, start: Start) -> None:
        self._streams = streams
        self._arn = arn
        self._start = start
        self._shards: dict[str, _Shard] = {}
        self.has_gap = False

    def refresh(self) -> None:
        """List the shards again; those that are new since the first time are read whole."""
        start: Start = "TRIM_HORIZON" if self._shards else self._start
        arguments: dict[str, Any] = {"StreamArn": self._arn}
        while True:
            description = self._streams.describe_stream(**arguments)["StreamDescription"]
            for shard in description["Shards"]:
                closed = "EndingSequenceNumber" in shard["SequenceNumberRange"]
                if start == "LATEST" and closed:
                    self._shards.setdefault(shard["ShardId"], _Shard(start, is_read=True))
                self._shards.setdefault(shard["ShardId"], _Shard(start))
            if "LastEvaluatedShardId" not in description:
                break
            arguments["ExclusiveStartShardId"] = description["LastEvaluatedShardId"]
        for name, known in self._shards.items():
            if not known.iterator and not known.is_read:
                self._begin(name, known)

    def read(self) -> Iterator[dict[str, Any]]:
        """Each shard's next records, as Lambda would deliver them."""
        for found in self.read_with_shards():
            yield found.record

    def read_with_shards(self) -> Iterator[ShardRecord]:
        """The same, each with its shard."""
        if not self._shards:
            self.refresh()
        for name, shard in self._shards.items():
            if shard.iterator:
                yield from self._read_shard(name, shard, shard.iterator)

    def read_past(
        self,
        moment: Moment,
        settle_seconds: float,
        is_enough: Callable[[], bool] = lambda: False,
    ) -> Iterator[ShardRecord]:
        """All that was written up to that moment, and what comes with it.

        A shard has shown that when it shows a younger record, or nothing any more when the settle
        time has passed since. Between reads `is_enough` is asked whether to stop before.
        """
        for shard in self._shards.values():
            shard.empty_reads = 0
        while not is_enough():
            self.refresh()
            if self._shards and all(
                shard.is_past(moment, settle_seconds) for shard in self._shards.values()
            ):
                return
            is_quiet = True
            for found in self.read_with_shards():
                is_quiet = False
                yield found
            if is_quiet:
                time.sleep(PAUSE_SECONDS)

    def _read_shard(self, name: str, shard: _Shard, iterator: str) -> Iterator[ShardRecord]:
        shard.asked_at = time.monotonic()
        try:
            answer = self._streams.get_records(ShardIterator=iterator)
        except ClientError as error:
            if error.response["Error"]["Code"] not in (EXPIRED, TRIMMED, GONE):
                raise
            self._begin(name, shard)
            return
        shard.empty_reads = 0 if answer["Records"] else shard.empty_reads + 1
        for record in answer["Records"]:
            shard.last_sequence_number = record["dynamodb"]["SequenceNumber"]
            delivered = as_delivered(record)
            shard.last_seconds = delivered["dynamodb"].get("ApproximateCreationDateTime", 0.0)
            yield ShardRecord(name, delivered)
        shard.iterator = answer.get("NextShardIterator")
        shard.is_read = shard.iterator is None

    def _begin(self, name: str, shard: _Shard) -> None:
        """Go on after the last record read; where the stream has forgotten that, with what it has.

        Where it has forgotten the shard, that is read.
        """
        if shard.last_sequence_number:
            after = {
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                "SequenceNumber": shard.last_sequence_number,
            }
            shard.iterator = self._iterator(name, after)
            if shard.iterator:
                return
            self.has_gap = True
            shard.start = "TRIM_HORIZON"
        shard.iterator = self._iterator(name, {"ShardIteratorType": shard.start})
        shard.is_read = shard.iterator is None

    def _iterator(self, name: str, place: Any) -> str | None:
        """Reads from that place on; None where the stream has forgotten it."""
        try:
            return self._streams.get_shard_iterator(StreamArn=self._arn, ShardId=name, **place)[
                "ShardIterator"
            ]
        except ClientError as error:
            if error.response["Error"]["Code"] not in (TRIMMED, GONE):
                raise
            return None


def as_delivered(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record as Lambda delivers it: its time a number, the identity in small letters."""
    change = dict(record["dynamodb"])
    if "ApproximateCreationDateTime" in change:
        change["ApproximateCreationDateTime"] = change["ApproximateCreationDateTime"].timestamp()
    delivered = {**record, "dynamodb": change}
    if identity := record.get("userIdentity"):
        delivered["userIdentity"] = {
            "principalId": identity.get("PrincipalId"),
            "type": identity.get("Type"),
        }
    return delivered

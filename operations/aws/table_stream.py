"""Reads the stream of GameScoreRecords beside the aggregator.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

Start = Literal["TRIM_HORIZON", "LATEST"]

EMPTY_READS = 5
"""Empty answers in a row after which a shard counts as read to its end.

The service does not mark the end, and an answer in the middle may be empty, too.
"""

PAUSE_SECONDS = 0.25
"""A shard answers five requests a second, Lambda's own four among them."""


@dataclass
class _Shard:
    start: Start
    iterator: str | None = None
    last_sequence_number: str | None = None
    is_read: bool = False


class TableStream:
    """Reads all shards side by side, each record once.

    `start` says where: TRIM_HORIZON is all that the stream still keeps (24 hours), LATEST what
    comes from the first read on.
    """

    def __init__(self, streams: "DynamoDBStreamsClient", arn: str, start: Start) -> None:
        self._streams = streams
        self._arn = arn
        self._start = start
        self._shards: dict[str, _Shard] = {}

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
                known.iterator = self._iterator(name, known)

    def read(self) -> Iterator[dict[str, Any]]:
        """Each shard's next records, as Lambda would deliver them."""
        if not self._shards:
            self.refresh()
        for name, shard in self._shards.items():
            if shard.iterator:
                yield from self._read_shard(name, shard, shard.iterator)

    def read_until_quiet(self, quiet_seconds: float) -> Iterator[dict[str, Any]]:
        """All records, until several reads of every shard have found none for `quiet_seconds`."""
        empty_reads, quiet_since = 0, time.monotonic()
        while empty_reads < EMPTY_READS or time.monotonic() - quiet_since < quiet_seconds:
            self.refresh()
            found = False
            for record in self.read():
                found = True
                yield record
            if found:
                empty_reads, quiet_since = 0, time.monotonic()
            else:
                empty_reads += 1
                time.sleep(PAUSE_SECONDS)

    def _read_shard(self, name: str, shard: _Shard, iterator: str) -> Iterator[dict[str, Any]]:
        try:
            answer = self._streams.get_records(ShardIterator=iterator)
        except ClientError as error:
            if error.response["Error"]["Code"] not in (
                "ExpiredIteratorException",  # after 15 minutes
                "TrimmedDataAccessException",
            ):
                raise
            shard.iterator = self._iterator(name, shard)
            return
        for record in answer["Records"]:
            shard.last_sequence_number = record["dynamodb"]["SequenceNumber"]
            yield as_delivered(record)
        shard.iterator = answer.get("NextShardIterator")
        shard.is_read = shard.iterator is None

    def _iterator(self, name: str, shard: _Shard) -> str:
        if shard.last_sequence_number:
            try:
                return self._streams.get_shard_iterator(
                    StreamArn=self._arn,
                    ShardId=name,
                    ShardIteratorType="AFTER_SEQUENCE_NUMBER",
                    SequenceNumber=shard.last_sequence_number,
                )["ShardIterator"]
            except ClientError as error:
                if error.response["Error"]["Code"] != "TrimmedDataAccessException":
                    raise
            shard.start = "TRIM_HORIZON"
        return self._streams.get_shard_iterator(
            StreamArn=self._arn, ShardId=name, ShardIteratorType=shard.start
        )["ShardIterator"]


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

"""A table's stream that forgets after a day, by a clock that jumps: no embedded AWS has either.

Its records are the embedded AWS's own, dealt out to several shards.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest import mock

from botocore.exceptions import ClientError

from operations.aws import table_stream
from operations.aws.table_stream import Moment, as_delivered

A_DAY_SECONDS = 24 * 3600 + 600


class Clock:
    """How far the clock of AWS has jumped ahead."""

    def __init__(self) -> None:
        self.ahead_seconds = 0

    @contextmanager
    def tells_moments(self) -> Iterator[None]:
        """Operations take AWS's time from this clock, and read streams without a pause."""
        moment_of = Moment.of

        def of(_: type[Moment], answer: Mapping[str, Any]) -> Moment:
            moment = moment_of(answer)
            return moment._replace(aws_seconds=moment.aws_seconds + self.ahead_seconds)

        with (
            mock.patch.object(Moment, "of", classmethod(of)),
            mock.patch.object(table_stream, "PAUSE_SECONDS", 0),
        ):
            yield


class ForgetfulStream:
    """Answers a client's requests of DynamoDB Streams; `shards` are all records as delivered."""

    def __init__(self, streams: Any, arn: str, count: int, clock: Clock) -> None:
        self.floors = [0] * count
        self._clock = clock
        self._streams = streams
        self._records: list[list[Any]] = [[] for _ in range(count)]
        self._lock = threading.Lock()
        described = streams.describe_stream(StreamArn=arn)["StreamDescription"]
        self._iterators = {
            shard["ShardId"]: streams.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            for shard in described["Shards"]
        }

    @property
    def shards(self) -> list[list[dict[str, Any]]]:
        self._read()
        return [list(map(as_delivered, records)) for records in self._records]

    def pass_a_day(self) -> list[int]:
        """Forget everything; up to which record of each shard."""
        self._read()
        self._clock.ahead_seconds += A_DAY_SECONDS
        self.floors = [len(records) for records in self._records]
        return self.floors

    def describe_stream(self, **_: Any) -> dict[str, Any]:
        shards = [
            {"ShardId": str(number), "SequenceNumberRange": {"StartingSequenceNumber": "0"}}
            for number in range(len(self.floors))
        ]
        return {"StreamDescription": {"Shards": shards}}

    def get_shard_iterator(self, **asked: Any) -> dict[str, str]:
        self._read()
        shard = int(asked["ShardId"])
        start = self.floors[shard]
        if asked["ShardIteratorType"] == "LATEST":
            start = len(self._records[shard])
        elif asked["ShardIteratorType"] == "AFTER_SEQUENCE_NUMBER":
            numbers = [each["dynamodb"]["SequenceNumber"] for each in self._records[shard]]
            start = numbers.index(asked["SequenceNumber"]) + 1
        return {"ShardIterator": f"{shard}/{start}"}

    def get_records(self, **asked: Any) -> dict[str, Any]:
        self._read()
        shard, start = map(int, asked["ShardIterator"].split("/"))
        if start < self.floors[shard]:
            error: Any = {
                "Error": {"Code": "TrimmedDataAccessException", "Message": "a day passed"}
            }
            raise ClientError(error, "GetRecords")
        found = self._records[shard][start : start + 100]
        return {"Records": found, "NextShardIterator": f"{shard}/{start + len(found)}"}

    def _read(self) -> None:
        """Take what the embedded AWS's stream shows."""
        with self._lock:
            for shard, iterator in self._iterators.items():
                answer = self._streams.get_records(ShardIterator=iterator)
                self._iterators[shard] = answer["NextShardIterator"]
                for record in answer["Records"]:
                    self._deal_out(record)

    def _deal_out(self, record: Any) -> None:
        change = record["dynamodb"]
        change["ApproximateCreationDateTime"] += timedelta(seconds=self._clock.ahead_seconds)
        shard = int(change["Keys"]["RecordID"]["N"]) % len(self._records)
        self._records[shard].append(record)

"""A batch that Lambda gave up without keeping its records, read again from its stream.

What Lambda tells of such a batch is where it stood: the stream, the shard, its first and last
sequence number and its size.
https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
"""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from operations.aws.table_stream import EMPTY_READS, as_delivered

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_kinesis import KinesisClient

GONE = ("ResourceNotFoundException", "TrimmedDataAccessException", "InvalidArgumentException")
"""What a stream answers that has no such shard any more, or nothing as old in it."""


@dataclass(frozen=True)
class GivenUpBatch:
    """So many records of a shard, from one sequence number to another, both included."""

    stream_arn: str
    shard: str
    first: str
    last: str
    size: int

    @property
    def is_of_kinesis(self) -> bool:
        """Whether they stand in a Kinesis stream; else in a table's stream."""
        return self.stream_arn.split(":")[2] == "kinesis"

    def __str__(self) -> str:
        return f"{self.size:,} records of {self.shard}, from {self.first} to {self.last}"


def decode_batch(content: Mapping[str, Any]) -> GivenUpBatch | None:
    """The batch that an on-failure object tells of, if it does.

    Raises LookupError where what it tells is incomplete.
    """
    told = content.get("KinesisBatchInfo") or content.get("DDBStreamBatchInfo")
    if told is None:
        return None
    return GivenUpBatch(
        stream_arn=told["streamArn"],
        shard=told["shardId"],
        first=told["startSequenceNumber"],
        last=told["endSequenceNumber"],
        size=int(told["batchSize"]),
    )


def read_batch(
    batch: GivenUpBatch, kinesis: "KinesisClient", streams: "DynamoDBStreamsClient"
) -> list[dict[str, Any]]:
    """Those of its records that the stream still has, as Lambda delivered them.

    A stream forgets the oldest first; where it has none of them the list is empty.
    """
    read = _read_kinesis(batch, kinesis) if batch.is_of_kinesis else _read_table(batch, streams)
    try:
        return list(read)
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise
        return []


def _read_kinesis(batch: GivenUpBatch, kinesis: "KinesisClient") -> Iterator[dict[str, Any]]:
    def answers() -> Iterator[Any]:
        iterator: str | None = kinesis.get_shard_iterator(
            StreamARN=batch.stream_arn,
            StreamName=batch.stream_arn.rpartition("/")[2],
            ShardId=batch.shard,
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            StartingSequenceNumber=batch.first,
        )["ShardIterator"]
        while iterator:
            answer = kinesis.get_records(ShardIterator=iterator)
            yield answer["Records"]
            iterator = answer.get("NextShardIterator")

    for record in _until_last(batch, answers(), lambda record: record["SequenceNumber"]):
        yield {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record["PartitionKey"],
                "sequenceNumber": record["SequenceNumber"],
                "data": base64.b64encode(record["Data"]).decode(),
                "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"].timestamp(),
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{batch.shard}:{record['SequenceNumber']}",
            "eventName": "aws:kinesis:record",
            "awsRegion": batch.stream_arn.split(":")[3],
            "eventSourceARN": batch.stream_arn,
        }


def _read_table(batch: GivenUpBatch, streams: "DynamoDBStreamsClient") -> Iterator[dict[str, Any]]:
    def answers() -> Iterator[Any]:
        iterator: str | None = streams.get_shard_iterator(
            StreamArn=batch.stream_arn,
            ShardId=batch.shard,
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=batch.first,
        )["ShardIterator"]
        while iterator:
            answer = streams.get_records(ShardIterator=iterator)
            yield answer["Records"]
            iterator = answer.get("NextShardIterator")

    for record in _until_last(
        batch, answers(), lambda record: record["dynamodb"]["SequenceNumber"]
    ):
        delivered = {**as_delivered(record), "eventSourceARN": batch.stream_arn}
        yield json.loads(json.dumps(delivered, default=_as_text))


def _until_last(
    batch: GivenUpBatch, answers: Iterator[Any], number_of: Any
) -> Iterator[Mapping[str, Any]]:
    """The records of the answers up to the batch's last, or to where nothing comes any more."""
    empty_reads = 0
    for records in answers:
        for record in records:
            if int(number_of(record)) > int(batch.last):
                return
            yield record
            if number_of(record) == batch.last:
                return
        empty_reads = 0 if records else empty_reads + 1
        if empty_reads == EMPTY_READS:
            return


def _as_text(value: object) -> str:
    """Binary values are base64 in JSON, as in what Lambda delivers."""
    if not isinstance(value, bytes):
        raise TypeError(f"{type(value).__name__} has no place in a stream record")
    return base64.b64encode(value).decode()

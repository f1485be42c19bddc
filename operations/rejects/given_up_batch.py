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

TOO_OLD = ("TrimmedDataAccessException", "InvalidArgumentException")
"""What a stream answers that has nothing as old in the shard any more."""

LOST_PLACE = ("ExpiredIteratorException", "TrimmedDataAccessException")
"""What a stream answers that has to be asked for the place once more."""

SHARD_GONE = "ResourceNotFoundException"


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
    if batch.is_of_kinesis:
        name = batch.stream_arn.rpartition("/")[2]
        shard = {"StreamARN": batch.stream_arn, "StreamName": name, "ShardId": batch.shard}
        start = {"StartingSequenceNumber": batch.first}
        return [_from_kinesis(batch, each) for each in _read(batch, kinesis, shard, start)]
    shard = {"StreamArn": batch.stream_arn, "ShardId": batch.shard}
    start = {"SequenceNumber": batch.first}
    return [_from_table(batch, each) for each in _read(batch, streams, shard, start)]


def _read(
    batch: GivenUpBatch, client: Any, shard: Mapping[str, str], start: Mapping[str, str]
) -> Iterator[Any]:
    """The batch's records in their order, up to its last or to where nothing comes any more."""
    read_to, last = int(batch.first) - 1, int(batch.last)
    empty_reads = 0
    iterator = _find_place(client, shard, start)
    while iterator and read_to < last and empty_reads < EMPTY_READS:
        try:
            answer = client.get_records(ShardIterator=iterator)
        except ClientError as error:
            if error.response["Error"]["Code"] not in LOST_PLACE:
                raise
            empty_reads += 1
            iterator = _find_place(client, shard, start)
            continue
        for record in answer["Records"]:
            number = _number_of(record)
            if number > last:
                return
            if number > read_to:
                read_to = number
                yield record
        is_on_the_way = answer["Records"] or answer.get("MillisBehindLatest")
        empty_reads = 0 if is_on_the_way else empty_reads + 1
        iterator = answer.get("NextShardIterator")


def _find_place(client: Any, shard: Mapping[str, str], start: Mapping[str, str]) -> str | None:
    """An iterator at the batch's first record, or at the oldest that the shard still has.

    None where the shard is gone.
    """
    for place in (
        {"ShardIteratorType": "AT_SEQUENCE_NUMBER", **start},
        {"ShardIteratorType": "TRIM_HORIZON"},
    ):
        try:
            iterator: str = client.get_shard_iterator(**shard, **place)["ShardIterator"]
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == SHARD_GONE:
                return None
            if code not in TOO_OLD:
                raise
        else:
            return iterator
    return None


def _number_of(record: Mapping[str, Any]) -> int:
    return int(
        record["dynamodb"]["SequenceNumber"] if "dynamodb" in record else record["SequenceNumber"]
    )


def _from_kinesis(batch: GivenUpBatch, record: Mapping[str, Any]) -> dict[str, Any]:
    return {
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


def _from_table(batch: GivenUpBatch, record: Mapping[str, Any]) -> dict[str, Any]:
    delivered = {**as_delivered(record), "eventSourceARN": batch.stream_arn}
    as_json: dict[str, Any] = json.loads(json.dumps(delivered, default=_as_text))
    return as_json


def _as_text(value: object) -> str:
    """Binary values are base64 in JSON, as in what Lambda delivers."""
    if not isinstance(value, bytes):
        raise TypeError(f"{type(value).__name__} has no place in a stream record")
    return base64.b64encode(value).decode()

"""Events and on-failure objects as Lambda itself makes them.

Which fields there are, and how their values look, follows what LocalStack's tests of event source
mappings recorded on AWS in November 2025:
https://github.com/localstack/localstack/tree/main/tests/aws/services/lambda_/event_source_mapping
An object of RetryAttemptsExhausted holds the event as `payload`; the message of RecordAgeExceeded
has neither that nor a responseContext, and tells of the batch only.
"""

import base64
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

ACCOUNT = "111111111111"
KINESIS_ARN = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/game-scores"
TABLE_ARN = (
    f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/GameScoreRecords/stream/2025-11-25T16:27:42.123"
)
SEQUENCE_NUMBER = 49669413459285137164273183218217396471839404393137758210
GIVEN_UP = datetime(2025, 11, 25, 16, 50, 20, tzinfo=UTC)


def recorded_kinesis_record(data: bytes, number: int = 0) -> dict[str, Any]:
    """A record of a Kinesis event."""
    sequence_number = str(SEQUENCE_NUMBER + number)
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "custom",
            "sequenceNumber": sequence_number,
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": GIVEN_UP.timestamp() - 29.125 + number,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{sequence_number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": f"arn:aws:iam::{ACCOUNT}:role/game-scores-prod",
        "awsRegion": "us-east-1",
        "eventSourceARN": KINESIS_ARN,
    }


def recorded_stream_record(
    new: dict[str, Any] | None, old: dict[str, Any] | None = None, number: int = 0
) -> dict[str, Any]:
    """A record of a table's stream: its time a number, binary values as base64 text."""
    change: dict[str, Any] = {
        "ApproximateCreationDateTime": float(int(GIVEN_UP.timestamp()) - 30 + number),
        "Keys": {"RecordID": (new or old or {})["RecordID"]},
        **({"NewImage": new} if new else {}),
        **({"OldImage": old} if old else {}),
        "SequenceNumber": f"{5490000000000000000000 + number}",
        "SizeBytes": 70,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    return {
        "eventID": uuid.uuid5(uuid.NAMESPACE_OID, f"event {number}").hex,
        "eventName": "REMOVE" if new is None else "MODIFY" if old else "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": change,
        "eventSourceARN": TABLE_ARN,
    }


def retries_exhausted(function: str, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The object in S3 of a batch whose retries are exhausted."""
    first, last = records[0], records[-1]
    if "kinesis" in first:
        batch = kinesis_batch(
            first["kinesis"]["sequenceNumber"], last["kinesis"]["sequenceNumber"], len(records)
        )
    else:
        batch = table_batch(
            first["dynamodb"]["SequenceNumber"], last["dynamodb"]["SequenceNumber"], len(records)
        )
    return {
        **_given_up(function, "RetryAttemptsExhausted", invocations=2),
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        **batch,
        "payload": {"Records": list(records)},
    }


def age_exceeded(function: str, batch: dict[str, Any]) -> dict[str, Any]:
    """What is told of a batch that became too old: no response, no payload."""
    return {**_given_up(function, "RecordAgeExceeded", invocations=8), **batch}


def kinesis_batch(
    first: str,
    last: str,
    size: int,
    *,
    arn: str = KINESIS_ARN,
    shard: str = "shardId-000000000000",
) -> dict[str, Any]:
    """Where a batch of a Kinesis stream stood."""
    arrival = "2025-11-25T16:49:50.875Z"
    info = _batch_info(first, last, size, arn=arn, shard=shard, arrival=arrival)
    return {"KinesisBatchInfo": info}


def table_batch(
    first: str,
    last: str,
    size: int,
    *,
    arn: str = TABLE_ARN,
    shard: str = "shardId-00000001764087262123-0a1b2c3d",
) -> dict[str, Any]:
    """Where a batch of a table's stream stood; its times have no fractions."""
    arrival = "2025-11-25T16:49:50Z"
    info = _batch_info(first, last, size, arn=arn, shard=shard, arrival=arrival)
    return {"DDBStreamBatchInfo": info}


def _batch_info(
    first: str, last: str, size: int, *, arn: str, shard: str, arrival: str
) -> dict[str, Any]:
    return {
        "shardId": shard,
        "startSequenceNumber": first,
        "endSequenceNumber": last,
        "approximateArrivalOfFirstRecord": arrival,
        "approximateArrivalOfLastRecord": arrival,
        "batchSize": size,
        "streamArn": arn,
    }


def on_failure_key(content: dict[str, Any]) -> str:
    """The key under which Lambda puts such an object."""
    batch = content.get("KinesisBatchInfo") or content["DDBStreamBatchInfo"]
    mapping = uuid.uuid5(uuid.NAMESPACE_OID, batch["streamArn"])
    when = GIVEN_UP.strftime("%Y/%m/%d/%Y-%m-%dT%H.%M.%S")
    end = uuid.uuid5(uuid.NAMESPACE_OID, batch["startSequenceNumber"])
    return f"aws/lambda/{mapping}/{batch['shardId']}/{when}-{end}"


def _given_up(function: str, condition: str, invocations: int) -> dict[str, Any]:
    return {
        "requestContext": {
            "requestId": str(uuid.uuid5(uuid.NAMESPACE_OID, function)),
            "functionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:game-scores-{function}",
            "condition": condition,
            "approximateInvokeCount": invocations,
        },
        "version": "1.0",
        "timestamp": GIVEN_UP.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }

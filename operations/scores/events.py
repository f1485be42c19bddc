"""Lambda events with readable ids that never repeat in a process.

Chalice's own generator repeats its ids for Kinesis and has nothing for DynamoDB.
"""

import base64
import itertools
import json
from decimal import Decimal
from typing import Any

from chalicelib import words

_numbers = itertools.count(1)

TODAY = 1_795_413_600
"""2026-11-23T06:00:00Z, in seconds."""


def kinesis_record(
    payload: bytes | dict[str, Any],
    *,
    at: float = TODAY + 0.25,
    number: int | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """A Kinesis record with the payload (a dict as JSON); `changes` replace top-level parts.

    Its ids are made from the number; by default from one that this process has not used yet.
    """
    number = next(_numbers) if number is None else number
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": f"partition-{number}",
            "sequenceNumber": f"{number:056d}",
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": at,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{number:056d}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::000000000000:role/game-scores-local",
        "awsRegion": "us-east-1",
        "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/game-scores",
        **changes,
    }


def stream_record(
    new: dict[str, Any] | None = None,
    old: dict[str, Any] | None = None,
    *,
    at: float | None = TODAY,
    number: int | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """A stream record of GameScoreRecords with these images; its name follows from them.

    `at` is its creation time (None: absent); its ids are made from the number, as those of
    kinesis_record; `changes` replace top-level parts.
    """
    number = next(_numbers) if number is None else number
    dynamodb = {
        "ApproximateCreationDateTime": at,
        "Keys": {words.RECORD_ID: (new or old or {}).get(words.RECORD_ID, {"N": str(number)})},
        "NewImage": new,
        "OldImage": old,
        "SequenceNumber": f"{number:021d}",
        "SizeBytes": 60,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    return {
        "eventID": f"event-{number}",
        "eventName": "REMOVE" if new is None else "INSERT" if old is None else "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {name: part for name, part in dynamodb.items() if part is not None},
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/GameScoreRecords/stream/1",
        **changes,
    }


def image(username: str, score: str | int | Decimal, **attributes: Any) -> dict[str, Any]:
    """A score record's image, in DynamoDB's attribute values."""
    return {
        words.RECORD_ID: {"N": "1"},
        words.USERNAME: {"S": username},
        words.SCORE: {"N": str(score)},
        **attributes,
    }


def inserted(username: str, score: str | int, *, at: float | None = TODAY) -> dict[str, Any]:
    return stream_record(image(username, score), at=at)


def event(*records: Any) -> dict[str, Any]:
    """The event that Lambda passes to a function."""
    return {"Records": list(records)}

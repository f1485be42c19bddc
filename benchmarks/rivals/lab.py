"""The lab's two functions in Python.

The decoder is the blueprint kinesis-process-record-python; the aggregator adds the new image's
Score to the Score of its Username. As the lab's, it adds twice on a redelivery, adds the whole
score on a correction, and crashes on a deletion.
"""

import base64
from decimal import Decimal
from typing import Any

from benchmarks.rivals.interface import Handler, RivalSession, RivalTables
from benchmarks.rivals.payloads import decode_item


def make_aggregator(aws: RivalSession, tables: RivalTables) -> Handler:
    table = aws.table(tables.totals)

    def aggregate(event: dict[str, Any], _: Any) -> str:
        for record in event["Records"]:
            image = record["dynamodb"]["NewImage"]
            table.update_item(
                Key={"Username": image["Username"]["S"]},
                UpdateExpression="ADD Score :s",
                ExpressionAttributeValues={":s": Decimal(image["Score"]["N"])},
            )
        return f"Successfully processed {len(event['Records'])} records."

    return aggregate


def make_decoder() -> Handler:
    """The lab's ProcessKinesisRecords: it only logs."""

    def decode(event: dict[str, Any], _: Any) -> str:
        for record in event["Records"]:
            payload = base64.b64decode(record["kinesis"]["data"]).decode("utf-8")
            print("Decoded payload: " + payload)
        return f"Successfully processed {len(event['Records'])} records."

    return decode


def make_ingester(aws: RivalSession, tables: RivalTables) -> Handler:
    """The lab's decoder with a plain put of each payload that is a JSON object."""
    table = aws.table(tables.records)

    def ingest(event: dict[str, Any], _: Any) -> str:
        for record in event["Records"]:
            payload = base64.b64decode(record["kinesis"]["data"]).decode("utf-8")
            print("Decoded payload: " + payload)
            item = decode_item(payload)
            if item is not None:
                table.put_item(Item=item)
        return f"Successfully processed {len(event['Records'])} records."

    return ingest

"""Powertools' batch processor around the lab's plain ADD and put.

https://docs.powertools.aws.dev/lambda/python/latest/utilities/batch/
"""

from decimal import Decimal
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.data_classes.kinesis_stream_event import KinesisStreamRecord

from benchmarks.rivals.interface import Handler, RivalSession, RivalTables
from benchmarks.rivals.payloads import decode_item

logger = Logger(service="rival")


def make_aggregator(aws: RivalSession, tables: RivalTables) -> Handler:
    """A handler that reports the records that failed as batchItemFailures."""
    table = aws.table(tables.totals)
    processor = BatchProcessor(event_type=EventType.DynamoDBStreams)

    def add_score(record: DynamoDBRecord) -> None:
        image = new_image(record)
        table.update_item(
            Key={"Username": image["Username"]},
            UpdateExpression="ADD Score :s",
            ExpressionAttributeValues={":s": Decimal(image["Score"])},
        )

    def aggregate(event: dict[str, Any], context: Any) -> Any:
        return process_partial_response(
            event=event, record_handler=add_score, processor=processor, context=context
        )

    return aggregate


def make_ingester(aws: RivalSession, tables: RivalTables) -> Handler:
    """The same for Kinesis."""
    table = aws.table(tables.records)
    processor = BatchProcessor(event_type=EventType.KinesisDataStreams)

    def store(record: KinesisStreamRecord) -> None:
        payload = record.kinesis.data_as_text()
        logger.info("Decoded payload: %s", payload)
        item = decode_item(payload)
        if item is not None:
            table.put_item(Item=item)

    def ingest(event: dict[str, Any], context: Any) -> Any:
        return process_partial_response(
            event=event, record_handler=store, processor=processor, context=context
        )

    return ingest


def new_image(record: DynamoDBRecord) -> dict[str, Any]:
    """The new image, deserialised by Powertools; a deletion has none and fails."""
    if record.dynamodb is None or not record.dynamodb.new_image:
        raise KeyError("NewImage")
    return record.dynamodb.new_image

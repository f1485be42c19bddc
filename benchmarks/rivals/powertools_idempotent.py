"""Powertools' batch processor with its DynamoDB idempotency layer around each record.

https://docs.powertools.aws.dev/lambda/python/latest/utilities/idempotency/#batch-integration
A record is marked as in progress, added, then marked as done: three writes. A crash between the
second and the third adds twice once the marker in progress has expired.
"""

from decimal import Decimal
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.data_classes.kinesis_stream_event import KinesisStreamRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

from benchmarks.rivals.interface import Handler, RivalSession, RivalTables
from benchmarks.rivals.payloads import decode_item
from benchmarks.rivals.powertools_batch import logger, new_image


def make_aggregator(aws: RivalSession, tables: RivalTables) -> Handler:
    """A handler that adds a record once, known by its eventID."""
    table = aws.table(tables.totals)
    processor = BatchProcessor(event_type=EventType.DynamoDBStreams)
    markers = DynamoDBPersistenceLayer(table_name=tables.markers, boto3_client=aws.client())
    config = IdempotencyConfig(event_key_jmespath="eventID")

    @idempotent_function(
        data_keyword_argument="record",
        config=config,
        persistence_store=markers,
        key_prefix="aggregate",
    )
    def add_score(record: DynamoDBRecord) -> None:
        image = new_image(record)
        table.update_item(
            Key={"Username": image["Username"]},
            UpdateExpression="ADD Score :s",
            ExpressionAttributeValues={":s": Decimal(image["Score"])},
        )

    def aggregate(event: dict[str, Any], context: Any) -> Any:
        config.register_lambda_context(context)
        return process_partial_response(
            event=event, record_handler=add_score, processor=processor, context=context
        )

    return aggregate


def make_ingester(aws: RivalSession, tables: RivalTables) -> Handler:
    """The same for Kinesis."""
    table = aws.table(tables.records)
    processor = BatchProcessor(event_type=EventType.KinesisDataStreams)
    markers = DynamoDBPersistenceLayer(table_name=tables.markers, boto3_client=aws.client())
    config = IdempotencyConfig(event_key_jmespath="eventID")

    @idempotent_function(
        data_keyword_argument="record",
        config=config,
        persistence_store=markers,
        key_prefix="ingest",
    )
    def store(record: KinesisStreamRecord) -> None:
        payload = record.kinesis.data_as_text()
        logger.info("Decoded payload: %s", payload)
        item = decode_item(payload)
        if item is not None:
            table.put_item(Item=item)

    def ingest(event: dict[str, Any], context: Any) -> Any:
        config.register_lambda_context(context)
        return process_partial_response(
            event=event, record_handler=store, processor=processor, context=context
        )

    return ingest

"""Game Scores: every player's total, exact.

Kinesis ─▶ ProcessKinesisRecords ─▶ GameScoreRecords ─▶ AggregateScoresByUser ─▶ GameScoresByUser
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalice.app import Chalice, DynamoDBEvent, KinesisEvent

from chalicelib import telemetry
from chalicelib.connections import Connections
from chalicelib.payloads import decode_kinesis_batch
from chalicelib.records import Insertions
from chalicelib.scores import EventRecord, Reject, ScoreChange, ScoreRecord, records_in
from chalicelib.settings import ENVIRONMENT, Settings
from chalicelib.stream_records import decode_stream_batch
from chalicelib.totals import Additions

app = Chalice(app_name="game-scores")
settings = Settings(ENVIRONMENT)
connections = Connections(settings)
_ = settings.rejects_others  # so that `chalice deploy` refuses a value that it cannot have


@app.on_kinesis_record(
    stream=settings.stream,
    name="ProcessKinesisRecords",
    batch_size=500,
    maximum_batching_window_in_seconds=1,
    starting_position="TRIM_HORIZON",
)
def process_kinesis_records(event: KinesisEvent) -> str:
    """Log every payload; insert those that are score records, once each."""
    event_records = records_in(event.to_dict(), "kinesis")
    batch = decode_kinesis_batch(event_records, reject_others=settings.rejects_others)
    telemetry.log_payloads(batch.payloads)
    insertions = insert(batch.records)
    rejects = (*batch.rejects, *insertions.rejects)
    keep_rejects("ProcessKinesisRecords", rejects, event_records)
    telemetry.report_ingestion(batch, insertions, rejected=len(rejects))
    return f"Successfully processed {len(event_records)} records."


@app.on_dynamodb_record(
    stream_arn=settings.records_stream_arn,
    name="AggregateScoresByUser",
    batch_size=1000,
    maximum_batching_window_in_seconds=1,
    starting_position="TRIM_HORIZON",
)
def aggregate_scores_by_user(event: DynamoDBEvent) -> str:
    """Add what changed in GameScoreRecords to the users' totals, each change once."""
    event_records = records_in(event.to_dict(), "dynamodb")
    batch = decode_stream_batch(event_records)
    additions = add(batch.changes)
    rejects = (*batch.rejects, *additions.rejects)
    keep_rejects("AggregateScoresByUser", rejects, event_records)
    telemetry.report_aggregation(len(event_records), batch, additions, rejected=len(rejects))
    return f"Successfully processed {len(event_records)} records."


def insert(records: Sequence[ScoreRecord]) -> Insertions:
    """Insert the records; where there are none, no client is made and no name is needed."""
    if not records:
        return Insertions()
    return connections.records.insert(records)


def add(changes: Sequence[ScoreChange]) -> Additions:
    """Add the changes to the totals; where there are none, the same."""
    if not changes:
        return Additions()
    return connections.totals.add(changes)


def keep_rejects(
    function: str, rejects: Sequence[Reject], event_records: Sequence[EventRecord]
) -> None:
    """Log the records that can never succeed and save them whole, if there are any."""
    if rejects:
        telemetry.log_rejects(rejects, event_records)
        connections.rejects.save(function, rejects, event_records)


if TYPE_CHECKING:
    # The calls that chalicelib makes, declared for Chalice's policy generator: it reads this file
    # only.
    import boto3

    dynamodb = boto3.client("dynamodb")
    dynamodb.put_item(TableName="GameScoreRecords", Item={})
    dynamodb.get_item(TableName="GameScoresByUser", Key={})
    dynamodb.update_item(TableName="GameScoresByUser", Key={})
    dynamodb.query(TableName="GameScoreReceipts")
    s3 = boto3.client("s3")
    s3.put_object(Bucket="rejects", Key="rejects/")
    s3.list_objects_v2(Bucket="rejects")  # by Lambda itself, to check its on-failure destination

"""Writes to GameScoreRecords, its real stream, and the totals that follow from it."""

import base64
import json
import time
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from operations.aws.table_stream import Moment, TableStream
from operations.rejects.given_up_batch import GivenUpBatch, read_batch
from tests.builders import kinesis_record
from tests.conformance.judged import JudgedAws
from tests.conftest import Invoke
from tests.data_stack import DataStack

RECORDS = "GameScoreRecords"


@pytest.fixture
def stream(aws: JudgedAws, data: DataStack) -> TableStream:
    arn = data.dynamodb.describe_table(TableName=RECORDS)["Table"]["LatestStreamArn"]
    streams: Any = aws.session.client("dynamodbstreams")
    return TableStream(streams, arn, "TRIM_HORIZON")


def delivered(stream: TableStream) -> list[dict[str, Any]]:
    """What has come since the last time, in JSON's types, as Lambda delivers it."""

    def as_text(value: object) -> str:
        assert isinstance(value, bytes)
        return base64.b64encode(value).decode()

    now = Moment(2**32, time.monotonic())  # later than all that it shows
    found = [each.record for each in stream.read_past(now, 0)]
    records: list[dict[str, Any]] = json.loads(json.dumps(found, default=as_text))
    return records


def send(ingest: Invoke, **scores: int | str) -> None:
    ingest(
        *(
            kinesis_record(
                b'{"RecordID": %d, "Username": "%s", "Score": %s}'
                % (number, name.encode(), str(score).encode())
            )
            for number, (name, score) in enumerate(scores.items(), start=1)
        )
    )


def set_attribute(data: DataStack, record_id: str, **attributes: dict[str, str]) -> None:
    for name, value in attributes.items():
        data.dynamodb.update_item(
            TableName=RECORDS,
            Key={"RecordID": {"N": record_id}},
            UpdateExpression=f"SET {name} = :value",
            ExpressionAttributeValues={":value": value},
        )


def test_insert_correct_move_delete_and_no_change_are_one_rule(
    ingest: Invoke, aggregate: Invoke, data: DataStack, stream: TableStream
) -> None:
    send(ingest, Ann=10, Ben="5.50", Cid="1E-130")
    inserted = delivered(stream)
    aggregate(*inserted)
    assert data.totals == {"Ann": 10, "Ben": Decimal("5.5"), "Cid": Decimal("1E-130")}

    set_attribute(data, "1", Score={"N": "12"})
    set_attribute(data, "2", Username={"S": "Ann"})
    set_attribute(data, "2", Note={"S": "neither user nor score"})
    data.dynamodb.delete_item(TableName=RECORDS, Key={"RecordID": {"N": "3"}})
    changed = delivered(stream)
    aggregate(*changed)

    assert [record["eventName"] for record in inserted] == ["INSERT"] * 3
    assert [record["eventName"] for record in changed] == ["MODIFY"] * 3 + ["REMOVE"]
    assert data.totals == {"Ann": Decimal("17.5"), "Ben": 0, "Cid": 0}
    assert data.rejects == []


def test_what_changes_nothing_is_not_in_the_stream(
    ingest: Invoke, data: DataStack, stream: TableStream
) -> None:
    send(ingest, Ann=10)
    send(ingest, Ann=10)
    set_attribute(data, "1", Score={"N": "10.0"})
    data.dynamodb.delete_item(TableName=RECORDS, Key={"RecordID": {"N": "99"}})

    assert [record["eventName"] for record in delivered(stream)] == ["INSERT"]


def test_the_real_stream_delivered_again_in_parts_counts_once(
    ingest: Invoke, aggregate: Invoke, data: DataStack, stream: TableStream
) -> None:
    players = {f"player{number}": number for number in range(1, 120)}
    send(ingest, **players)
    records = delivered(stream)

    aggregate(*records[:70])
    aggregate(*records[50:])
    aggregate(*records)

    assert data.totals == players


def test_a_batch_is_read_again_from_the_real_stream_by_its_sequence_numbers(
    aws: JudgedAws, ingest: Invoke, data: DataStack, stream: TableStream
) -> None:
    send(ingest, Ann=1, Ben=2, Cid=3, Dan=4)
    records = delivered(stream)
    arn = data.dynamodb.describe_table(TableName=RECORDS)["Table"]["LatestStreamArn"]
    streams: Any = aws.session.client("dynamodbstreams")
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    batch = GivenUpBatch(arn, shard["ShardId"], numbers[1], numbers[2], 2)
    kinesis: Any = None

    again = read_batch(batch, kinesis, streams)
    gone = read_batch(replace(batch, shard="shardId-00000000000000000000-gone"), kinesis, streams)

    assert again == [{**record, "eventSourceARN": arn} for record in records[1:3]]
    assert gone == []


def test_a_record_that_is_made_invalid_in_the_table_is_a_reject_with_its_real_images(
    ingest: Invoke, aggregate: Invoke, data: DataStack, stream: TableStream
) -> None:
    send(ingest, Ann=10)
    set_attribute(data, "1", Score={"S": "ten"})
    records = delivered(stream)

    aggregate(*records)

    assert data.totals == {"Ann": 0}
    assert [reject["record"] for reject in data.rejects] == [records[1]]

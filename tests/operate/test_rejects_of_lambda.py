"""rejects redrive on what Lambda itself leaves of batches that it gave up."""

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from operations.pipeline import Pipeline
from operations.sending import send_payloads
from tests.operate.conftest import Shell, records_of, totals, until
from tests.operate.test_rejects import insertion, keys, score, store
from tests.recorded import (
    age_exceeded,
    kinesis_batch,
    on_failure_key,
    retries_exhausted,
    table_batch,
)

pytestmark = pytest.mark.usefixtures("_empty_bucket")

NOW = time.time()


def leave(pipeline: Pipeline, content: dict[str, Any]) -> str:
    return store(pipeline, on_failure_key(content), content)


def function_of(pipeline: Pipeline, handler: str) -> str:
    return f"{pipeline.stage}-{handler}"


def pages(client: Any, iterator: str) -> Iterator[Any]:
    """The shard's records up to the first answer without any."""
    while records := (answer := client.get_records(ShardIterator=iterator))["Records"]:
        yield from records
        iterator = answer["NextShardIterator"]


def kinesis_place(pipeline: Pipeline, record_id: int) -> tuple[str, str]:
    """The shard and the sequence number of the payload with that id."""
    name = pipeline.variables["GAME_SCORES_STREAM"]
    for shard in pipeline.kinesis.list_shards(StreamName=name)["Shards"]:
        iterator = pipeline.kinesis.get_shard_iterator(
            StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        for record in pages(pipeline.kinesis, iterator):
            if json.loads(record["Data"]).get("RecordID") == record_id:
                return shard["ShardId"], record["SequenceNumber"]
    raise AssertionError(f"{record_id} is not in the stream")


def table_places(pipeline: Pipeline, user: str) -> Iterator[tuple[str, str]]:
    """The shard and the sequence number of each change of that user's records."""
    arn = pipeline.variables["GAME_SCORE_RECORDS_STREAM_ARN"]
    shards = pipeline.streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    for shard in shards:
        iterator = pipeline.streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        for record in pages(pipeline.streams, iterator):
            if record["dynamodb"].get("NewImage", {}).get("Username") == {"S": user}:
                yield shard["ShardId"], record["dynamodb"]["SequenceNumber"]


def kinesis_arn(pipeline: Pipeline) -> str:
    name = pipeline.variables["GAME_SCORES_STREAM"]
    arn: str = pipeline.kinesis.describe_stream_summary(StreamName=name)[
        "StreamDescriptionSummary"
    ]["StreamARN"]
    return arn


def test_batches_whose_retries_were_exhausted_are_redriven(
    shell: Shell, pipeline: Pipeline
) -> None:
    leave(
        pipeline,
        retries_exhausted(
            function_of(pipeline, "ProcessKinesisRecords"), [score(8001, "Ida"), score(8002, "Ida")]
        ),
    )
    leave(
        pipeline,
        retries_exhausted(function_of(pipeline, "AggregateScoresByUser"), [insertion("Ivo", "40")]),
    )

    listed = shell("rejects", "list", "--json")
    answer = shell("rejects", "redrive")
    until(lambda: totals(pipeline, "Ida", "Ivo"), {"Ida": Decimal(2), "Ivo": Decimal(40)})

    assert "Lambda gave up: RetryAttemptsExhausted" in listed.out
    assert (answer.status, keys(pipeline)) == (0, [])


def test_a_kinesis_batch_without_its_records_is_read_again_from_the_stream(
    shell: Shell, pipeline: Pipeline
) -> None:
    payload = b'{"RecordID": 8003, "Username": "Kai", "Score": 9}'
    send_payloads(pipeline.kinesis, pipeline.variables["GAME_SCORES_STREAM"], [payload])
    until(lambda: totals(pipeline, "Kai"), {"Kai": Decimal(9)})
    pipeline.dynamodb.delete_item(
        TableName=pipeline.variables["GAME_SCORE_RECORDS_TABLE"], Key={"RecordID": {"N": "8003"}}
    )
    until(lambda: totals(pipeline, "Kai"), {"Kai": Decimal(0)})
    shard, number = kinesis_place(pipeline, 8003)
    batch = kinesis_batch(number, number, 1, arn=kinesis_arn(pipeline), shard=shard)
    leave(pipeline, age_exceeded(function_of(pipeline, "ProcessKinesisRecords"), batch))

    listed = shell("rejects", "list", "--json")
    dry = shell("rejects", "redrive", "--dry-run", "--json")
    answer = shell("rejects", "redrive", "--json")

    assert f"1 records of {shard}, from {number} to {number}" in listed.json["problem"]
    assert (dry.json["outcome"], dry.json["records"]) == ("would redrive", 1)
    assert (answer.status, answer.json["outcome"], answer.json["done"]) == (0, "done", 1)
    assert list(records_of(pipeline, "Kai")) == ["8003"]
    assert keys(pipeline) == []
    until(lambda: totals(pipeline, "Kai"), {"Kai": Decimal(9)})


def test_a_tables_batch_without_its_records_is_read_again_from_the_stream(
    shell: Shell, pipeline: Pipeline
) -> None:
    for number in (8004, 8005):
        shell("insert", f'{{"RecordID": {number}, "Username": "Yul", "Score": 4}}')
    until(lambda: totals(pipeline, "Yul"), {"Yul": Decimal(8)})
    places = list(table_places(pipeline, "Yul"))
    (shard, first), (_, last) = places[0], places[-1]
    batch = table_batch(
        first,
        last,
        len(places),
        arn=pipeline.variables["GAME_SCORE_RECORDS_STREAM_ARN"],
        shard=shard,
    )
    content = age_exceeded(function_of(pipeline, "AggregateScoresByUser"), batch)

    leave(pipeline, content)
    counted_already = shell("rejects", "redrive", "--json")
    assert totals(pipeline, "Yul") == {"Yul": Decimal(8)}
    pipeline.dynamodb.delete_item(
        TableName=pipeline.variables["GAME_SCORES_BY_USER_TABLE"], Key={"Username": {"S": "Yul"}}
    )
    leave(pipeline, content)
    answer = shell("rejects", "redrive", "--json")

    assert (counted_already.json["outcome"], answer.json["outcome"]) == ("done", "done")
    assert answer.json["done"] == 2
    assert totals(pipeline, "Yul") == {"Yul": Decimal(8)}
    assert keys(pipeline) == []


def test_what_the_stream_has_no_more_is_told_and_the_rest_is_saved(
    shell: Shell, pipeline: Pipeline
) -> None:
    payload = b'{"RecordID": 8006, "Username": "Xia", "Score": 9}'
    send_payloads(pipeline.kinesis, pipeline.variables["GAME_SCORES_STREAM"], [payload])
    until(lambda: totals(pipeline, "Xia"), {"Xia": Decimal(9)})
    shard, number = kinesis_place(pipeline, 8006)
    batch = kinesis_batch(number, number, 3, arn=kinesis_arn(pipeline), shard=shard)
    key = leave(pipeline, age_exceeded(function_of(pipeline, "ProcessKinesisRecords"), batch))

    answer = shell("rejects", "redrive", "--json")

    assert answer.status == 1
    assert (answer.json["outcome"], answer.json["done"], answer.json["records"]) == (
        "partly gone",
        1,
        3,
    )
    assert answer.json["reason"] == "2 of its records are gone from their stream"
    assert keys(pipeline) == [key]


@pytest.mark.parametrize("handler", ["ProcessKinesisRecords", "AggregateScoresByUser"])
def test_a_batch_that_is_gone_from_its_stream_is_refused_and_stays(
    shell: Shell, pipeline: Pipeline, handler: str
) -> None:
    make_batch = kinesis_batch if handler == "ProcessKinesisRecords" else table_batch
    gone = make_batch("4900000000000000000001", "4900000000000000000009", 5)
    key = leave(pipeline, age_exceeded(function_of(pipeline, handler), gone))

    answer = shell("rejects", "redrive", "--json")

    assert (answer.status, answer.json["outcome"]) == (1, "refused")
    assert answer.json["reason"].startswith("all are gone from their stream: 5 records of shardId-")
    assert keys(pipeline) == [key]

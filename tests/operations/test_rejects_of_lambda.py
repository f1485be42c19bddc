"""rejects redrive on what Lambda itself leaves of batches that it gave up."""

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from operations.aws.stage import Stage
from operations.scores.send import send_payloads
from tests.operations.conftest import Shell, records_of, totals, until
from tests.operations.test_rejects import insertion, keys, score, store
from tests.recorded import (
    age_exceeded,
    kinesis_batch,
    on_failure_key,
    retries_exhausted,
    table_batch,
)

pytestmark = pytest.mark.usefixtures("_empty_bucket")

NOW = time.time()


def leave(stage: Stage, content: dict[str, Any]) -> str:
    return store(stage, on_failure_key(content), content)


def function_of(stage: Stage, handler: str) -> str:
    return f"{stage.name}-{handler}"


def pages(client: Any, iterator: str) -> Iterator[Any]:
    """The shard's records up to the first answer without any."""
    while records := (answer := client.get_records(ShardIterator=iterator))["Records"]:
        yield from records
        iterator = answer["NextShardIterator"]


def kinesis_place(stage: Stage, record_id: int) -> tuple[str, str]:
    """The shard and the sequence number of the payload with that id."""
    name = stage.names.stream
    for shard in stage.aws.client("kinesis").list_shards(StreamName=name)["Shards"]:
        iterator = stage.aws.client("kinesis").get_shard_iterator(
            StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        for record in pages(stage.aws.client("kinesis"), iterator):
            if b'"RecordID": %d,' % record_id in record["Data"]:
                return shard["ShardId"], record["SequenceNumber"]
    raise AssertionError(f"{record_id} is not in the stream")


def table_places(stage: Stage, user: str) -> Iterator[tuple[str, str]]:
    """The shard and the sequence number of each change of that user's records."""
    arn = stage.names.records_stream_arn
    shards = stage.aws.client("dynamodbstreams").describe_stream(StreamArn=arn)[
        "StreamDescription"
    ]["Shards"]
    for shard in shards:
        iterator = stage.aws.client("dynamodbstreams").get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        for record in pages(stage.aws.client("dynamodbstreams"), iterator):
            if record["dynamodb"].get("NewImage", {}).get("Username") == {"S": user}:
                yield shard["ShardId"], record["dynamodb"]["SequenceNumber"]


def kinesis_arn(stage: Stage) -> str:
    name = stage.names.stream
    arn: str = stage.aws.client("kinesis").describe_stream_summary(StreamName=name)[
        "StreamDescriptionSummary"
    ]["StreamARN"]
    return arn


def test_batches_whose_retries_were_exhausted_are_redriven(shell: Shell, stage: Stage) -> None:
    leave(
        stage,
        retries_exhausted(
            function_of(stage, "ProcessKinesisRecords"), [score(8001, "Ida"), score(8002, "Ida")]
        ),
    )
    leave(
        stage,
        retries_exhausted(function_of(stage, "AggregateScoresByUser"), [insertion("Ivo", "40")]),
    )

    listed = shell("rejects", "list", "--json")
    answer = shell("rejects", "redrive")
    until(lambda: totals(stage, "Ida", "Ivo"), {"Ida": Decimal(2), "Ivo": Decimal(40)})

    assert "Lambda gave up: RetryAttemptsExhausted" in listed.out
    assert (answer.status, keys(stage)) == (0, [])


def test_a_kinesis_batch_without_its_records_is_read_again_from_the_stream(
    shell: Shell, stage: Stage
) -> None:
    payload = b'{"RecordID": 8003, "Username": "Kai", "Score": 9}'
    send_payloads(stage.aws.client("kinesis"), stage.names.stream, [payload])
    until(lambda: totals(stage, "Kai"), {"Kai": Decimal(9)})
    stage.aws.client("dynamodb").delete_item(
        TableName=stage.names.records_table, Key={"RecordID": {"N": "8003"}}
    )
    until(lambda: totals(stage, "Kai"), {"Kai": Decimal(0)})
    shard, number = kinesis_place(stage, 8003)
    batch = kinesis_batch(number, number, 1, arn=kinesis_arn(stage), shard=shard)
    leave(stage, age_exceeded(function_of(stage, "ProcessKinesisRecords"), batch))

    listed = shell("rejects", "list", "--json")
    dry = shell("rejects", "redrive", "--dry-run", "--json")
    answer = shell("rejects", "redrive", "--json")

    assert f"1 records of {shard}, from {number} to {number}" in listed.json["problem"]
    assert (dry.json["outcome"], dry.json["records"]) == ("would redrive", 1)
    brought_back = "not in the table before, so what was deleted comes back: 8003"
    assert dry.json["reason"] == answer.json["reason"] == brought_back
    assert (answer.status, answer.json["outcome"], answer.json["done"]) == (0, "done", 1)
    assert list(records_of(stage, "Kai")) == ["8003"]
    assert keys(stage) == []
    until(lambda: totals(stage, "Kai"), {"Kai": Decimal(9)})


def test_a_tables_batch_without_its_records_is_read_again_from_the_stream(
    shell: Shell, stage: Stage
) -> None:
    for number in (8004, 8005):
        shell("insert", f'{{"RecordID": {number}, "Username": "Yul", "Score": 4}}')
    until(lambda: totals(stage, "Yul"), {"Yul": Decimal(8)})
    places = list(table_places(stage, "Yul"))
    (shard, first), (_, last) = places[0], places[-1]
    batch = table_batch(
        first,
        last,
        len(places),
        arn=stage.names.records_stream_arn,
        shard=shard,
    )
    content = age_exceeded(function_of(stage, "AggregateScoresByUser"), batch)

    leave(stage, content)
    counted_already = shell("rejects", "redrive", "--json")
    assert totals(stage, "Yul") == {"Yul": Decimal(8)}
    stage.aws.client("dynamodb").delete_item(
        TableName=stage.names.totals_table, Key={"Username": {"S": "Yul"}}
    )
    leave(stage, content)
    answer = shell("rejects", "redrive", "--json")

    assert (counted_already.json["outcome"], answer.json["outcome"]) == ("done", "done")
    assert answer.json["done"] == 2
    assert totals(stage, "Yul") == {"Yul": Decimal(8)}
    assert keys(stage) == []


def test_what_the_stream_has_no_more_is_told_and_the_rest_is_saved(
    shell: Shell, stage: Stage
) -> None:
    payload = b'{"RecordID": 8006, "Username": "Xenia", "Score": 9}'
    send_payloads(stage.aws.client("kinesis"), stage.names.stream, [payload])
    until(lambda: totals(stage, "Xenia"), {"Xenia": Decimal(9)})
    shard, number = kinesis_place(stage, 8006)
    batch = kinesis_batch(number, number, 3, arn=kinesis_arn(stage), shard=shard)
    key = leave(stage, age_exceeded(function_of(stage, "ProcessKinesisRecords"), batch))

    answer = shell("rejects", "redrive", "--json")

    assert answer.status == 1
    assert (answer.json["outcome"], answer.json["done"], answer.json["records"]) == (
        "partly gone",
        1,
        3,
    )
    assert answer.json["reason"] == "2 of its records are gone from their stream"  # one is stored
    assert keys(stage) == [key]


@pytest.mark.parametrize("handler", ["ProcessKinesisRecords", "AggregateScoresByUser"])
def test_a_batch_that_is_gone_from_its_stream_is_refused_and_stays(
    shell: Shell, stage: Stage, handler: str
) -> None:
    numbers = ("4900000000000000000001", "4900000000000000000009", 5)
    gone = (
        kinesis_batch(*numbers, arn=kinesis_arn(stage))
        if handler == "ProcessKinesisRecords"
        else table_batch(*numbers)
    )
    key = leave(stage, age_exceeded(function_of(stage, handler), gone))

    answer = shell("rejects", "redrive", "--json")

    assert (answer.status, answer.json["outcome"]) == (1, "refused")
    assert answer.json["reason"].startswith("all are gone from their stream: 5 records of shardId-")
    assert keys(stage) == [key]

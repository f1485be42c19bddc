"""What the tests of reconcile and rebuild do to the shared stage by hand."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from operations.aws.mappings import change_mapping, require_mapping
from operations.aws.stage import AGGREGATOR, Stage
from operations.aws.table_stream import TableStream
from tests.operations.conftest import Shell


def insert(shell: Shell, record_id: int, user: str, score: str) -> None:
    record = f'{{"RecordID": {record_id}, "Username": "{user}", "Score": {score}}}'
    assert shell("insert", record, "--replace").status == 0


def delete_record(stage: Stage, record_id: int) -> None:
    stage.aws.client("dynamodb").delete_item(
        TableName=stage.names.records_table, Key={"RecordID": {"N": str(record_id)}}
    )


def delete_total(stage: Stage, user: str) -> None:
    stage.aws.client("dynamodb").delete_item(
        TableName=stage.names.totals_table, Key={"Username": {"S": user}}
    )


def change_total(stage: Stage, user: str, **attributes: Any) -> None:
    stage.aws.client("dynamodb").update_item(
        TableName=stage.names.totals_table,
        Key={"Username": {"S": user}},
        UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in attributes),
        ExpressionAttributeValues={f":{name}": value for name, value in attributes.items()},
    )


def set_total(stage: Stage, user: str, total: str) -> None:
    change_total(stage, user, Score={"N": total})


def stream_records(stage: Stage) -> list[dict[str, Any]]:
    """All that the table's stream still keeps, as Lambda delivers it."""
    arn = stage.names.records_stream_arn
    stream = TableStream(stage.aws.client("dynamodbstreams"), arn, "TRIM_HORIZON")
    return list(_all(stream))


def _all(stream: TableStream) -> Iterator[dict[str, Any]]:
    while records := list(stream.read()):
        yield from records


def deliver(stage: Stage, records: list[dict[str, Any]]) -> None:
    """As a mapping does."""
    for start in range(0, len(records), 100):
        event = {"Records": records[start : start + 100]}
        answer = stage.aws.client("lambda").invoke(
            FunctionName=stage.function_name(AGGREGATOR),
            Payload=json.dumps(event, default=lambda data: base64.b64encode(data).decode()),
        )
        assert "FunctionError" not in answer, answer["Payload"].read()


def switch(stage: Stage, *, enabled: bool) -> None:
    """Switch the aggregator's mapping on or off, and wait until it is."""
    change_mapping(stage, require_mapping(stage, AGGREGATOR), Enabled=enabled)

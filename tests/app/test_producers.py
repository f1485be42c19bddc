"""What usual producers send, as docs/records.md tells: a test for each row of its table."""

import base64
import gzip
import json
import re
import zlib
from typing import Any

import pytest

from operations.aws.config import PROJECT
from tests.builders import aggregate, kinesis_record
from tests.conftest import Invoke
from tests.data_stack import DataStack

RECORD = {"RecordID": 1, "Username": "ada", "Score": 5}
OTHER = {**RECORD, "RecordID": 2}
LINE, OTHER_LINE = json.dumps(RECORD), json.dumps(OTHER)

STORED: dict[str, bytes] = {
    "Kinesis Producer Library": aggregate(RECORD, OTHER),
    "Kinesis Agent": f"{LINE}\n".encode(),
    "Fluent Bit": f"{LINE}\n".encode(),
    "Fluent Bit, `compression gzip` or `zlib`": gzip.compress(f"{LINE}\n".encode()),
    "Fluent Bit, `simple_aggregation`": f"{LINE}\n{OTHER_LINE}\n".encode(),
    "Fluentd": LINE.encode(),
    "Fluentd, `compression zlib`": zlib.compress(LINE.encode()),
    "Fluentd, `kinesis_streams_aggregated`": aggregate(RECORD, OTHER),
    "Firehose": f"{LINE}{OTHER_LINE}".encode(),
    "EventBridge Pipes, input template `<$.body>`": LINE.encode(),
    "EventBridge rules, input path `$.detail`": LINE.encode(),
    "IoT rules": LINE.encode(),
}

ATTRIBUTES = {"RecordID": {"N": "1"}, "Username": {"S": "ada"}, "Score": {"N": "5"}}
REJECTED: dict[str, tuple[Any, str]] = {
    "Kinesis Agent, `CSVTOJSON`": (
        {"RecordID": "1", "Username": "ada", "Score": "5"},
        "RecordID is a string, not a number",
    ),
    "Fluent Bit, no parser": ({"log": LINE}, "the score stands as text inside `log`"),
    "Fluent Bit, `compression zstd` or `snappy`": (
        b"\x28\xb5\x2f\xfd\x20\x2e",
        "zstd is not opened",
    ),
    "DMS": (
        {
            "data": RECORD,
            "metadata": {
                "timestamp": "2026-11-23T06:00:00.000000Z",
                "record-type": "data",
                "operation": "insert",
                "partition-key-type": "primary-key",
                "schema-name": "game",
                "table-name": "scores",
            },
        },
        "the score stands inside `data`",
    ),
    "EventBridge Pipes": (
        {"messageId": "1", "body": LINE, "eventSource": "aws:sqs", "awsRegion": "eu-west-1"},
        "the score stands as text inside `body`",
    ),
    "EventBridge rules": (
        {"version": "0", "id": "1", "detail-type": "score", "source": "game", "detail": RECORD},
        "the score stands inside `detail`",
    ),
    "IoT rules, `encode(*, 'base64')`": (
        {"data": base64.b64encode(LINE.encode()).decode()},
        "the score stands as base64 inside `data`",
    ),
    "DynamoDB's Kinesis stream": (
        {
            "awsRegion": "eu-west-1",
            "eventID": "1",
            "eventName": "INSERT",
            "recordFormat": "application/json",
            "tableName": "scores",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_795_413_600_000_000,
                "Keys": {"RecordID": ATTRIBUTES["RecordID"]},
                "NewImage": ATTRIBUTES,
                "SizeBytes": 60,
            },
            "eventSource": "aws:dynamodb",
        },
        "the score stands inside `dynamodb.NewImage`",
    ),
}

LOGS = "CloudWatch Logs"


def log_events(*messages: str) -> bytes:
    events = [
        {"id": str(number), "timestamp": 1_795_413_600_000, "message": message}
        for number, message in enumerate(messages)
    ]
    subscription = {
        "messageType": "DATA_MESSAGE",
        "owner": "000000000000",
        "logGroup": "game",
        "logStream": "one",
        "subscriptionFilters": ["all"],
        "logEvents": events,
    }
    return gzip.compress(json.dumps(subscription).encode())


@pytest.mark.parametrize("payload", STORED.values(), ids=STORED)
def test_what_the_producer_sends_is_stored(ingest: Invoke, data: DataStack, payload: bytes) -> None:
    ingest(kinesis_record(payload))

    assert data.rejects == []
    assert sorted(data.records) in (["1"], ["1", "2"])


@pytest.mark.parametrize(("payload", "reason"), REJECTED.values(), ids=REJECTED)
def test_what_the_producer_sends_is_a_reject_that_tells_why(
    ingest: Invoke, data: DataStack, payload: Any, reason: str
) -> None:
    ingest(kinesis_record(payload))

    assert data.records == {}
    (found,) = data.reasons
    assert found.startswith(reason)


def test_log_lines_are_logged_unless_one_mentions_a_score(ingest: Invoke, data: DataStack) -> None:
    mentions = kinesis_record(log_events("started", f"sent {LINE}"))

    ingest(kinesis_record(log_events("started", "stopped")), mentions)

    assert data.records == {}
    assert [reject["record"] for reject in data.rejects] == [mentions]
    assert data.reasons[0].startswith("the score stands as text inside `logEvents[1].message`")


def test_the_page_has_a_row_for_each_producer() -> None:
    page = (PROJECT / "docs" / "records.md").read_text()
    table = page.partition("## Your producer is …")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (?!Producer|---)(.+?) \| .+ \| (.+) \|$", table, re.MULTILINE)

    told = dict(rows)
    assert told.keys() == {*STORED, *REJECTED, LOGS}
    for producer, (_, reason) in REJECTED.items():
        assert told[producer].startswith("rejects: ")
        assert reason.split(",")[0] in told[producer] or "not opened" in told[producer]

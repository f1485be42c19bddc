"""Aggregated and compressed records through ProcessKinesisRecords, against real tables."""

import gzip
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.clients import WORKERS, Clients
from chalicelib.deaggregation import MAGIC
from chalicelib.opening import MOST_OPENED_BYTES
from chalicelib.records import LARGEST_PORTION
from tests.builders import aggregate, kinesis_record
from tests.chalicelib.test_opening import LOG_EVENTS
from tests.conftest import Invoke
from tests.data_stack import DataStack
from tests.faults import failing, record_calls

SCORES = [{"RecordID": number, "Username": "Ann", "Score": number} for number in range(5)]


def test_each_user_record_is_logged_stored_or_rejected_as_if_it_had_come_by_itself(
    ingest: Invoke, data: DataStack, caplog: pytest.LogCaptureFixture
) -> None:
    packed = kinesis_record(aggregate(SCORES[0], b"text", {"Score": 1}, SCORES[1]))

    answer = ingest(kinesis_record(SCORES[2]), packed)

    assert answer == "Successfully processed 2 records."
    assert sorted(data.records) == ["0", "1", "2"]
    assert data.rejects == [
        {"reason": "user record 2: the record has no RecordID and no Username", "record": packed}
    ]
    assert [message for message in caplog.messages if message.startswith("Decoded")] == [
        f"Decoded payload: {text}"
        for text in (
            json.dumps(SCORES[2]),
            json.dumps(SCORES[0]),
            "text",
            '{"Score": 1}',
            json.dumps(SCORES[1]),
        )
    ]


def test_the_metrics_count_user_records(ingest: Invoke, capsys: pytest.CaptureFixture[str]) -> None:
    ingest(kinesis_record(SCORES[0]))
    capsys.readouterr()

    ingest(
        kinesis_record(aggregate(*SCORES, b"text", {"Score": 1})),
        kinesis_record(gzip.compress(b"text")),
        kinesis_record(aggregate(*SCORES)[:-1]),
    )

    (metrics,) = (
        json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line
    )
    assert {name: value[0] for name, value in metrics.items() if isinstance(value, list)} == {
        "RecordsReceived": 9,
        "RecordsStored": 4,
        "RecordsAlreadyStored": 1,
        "RecordsIgnored": 2,
        "RecordsRejected": 2,
    }


def test_a_record_delivered_again_in_another_packing_is_the_same_record(
    ingest: Invoke, data: DataStack
) -> None:
    ingest(kinesis_record(SCORES[0]), kinesis_record(SCORES[1]))
    data.dynamodb.update_item(
        TableName="GameScoreRecords",
        Key={"RecordID": {"N": "1"}},
        UpdateExpression="SET Score = :score",
        ExpressionAttributeValues={":score": {"N": "100"}},
    )

    ingest(
        kinesis_record(aggregate(*SCORES)),
        kinesis_record(aggregate(*(gzip.compress(json.dumps(each).encode()) for each in SCORES))),
        kinesis_record(gzip.compress(aggregate(*SCORES))),
        *(kinesis_record(gzip.compress(json.dumps(each).encode())) for each in SCORES),
    )

    assert data.rejects == []
    assert {key: item["Score"]["N"] for key, item in data.records.items()} == {
        "0": "0",
        "1": "100",
        "2": "2",
        "3": "3",
        "4": "4",
    }


def test_of_two_records_with_one_id_in_an_aggregate_the_first_wins(
    ingest: Invoke, data: DataStack
) -> None:
    packed = kinesis_record(aggregate(*({**SCORES[0], "Score": score} for score in range(20))))

    ingest(packed)

    assert data.records["0"]["Score"] == {"N": "0"}
    (reject,) = data.rejects
    assert reject["record"] == packed
    assert reject["reason"].startswith("user record 1: RecordID 0 stands in the table with other")
    assert "user record 10: " in reject["reason"]
    assert reject["reason"].endswith("; 9 more")


def test_what_cannot_be_unpacked_is_kept_whole_and_nothing_of_it_is_stored(
    ingest: Invoke, data: DataStack
) -> None:
    broken = {
        "its checksum is wrong": aggregate(*SCORES)[:-1] + b"!",
        "its checksum is wrong, its message ends in the middle": aggregate(*SCORES)[:-20],
        "the gzip cannot be opened": gzip.compress(aggregate(*SCORES))[:-1],
        "gzip opens to more than 10,485,760 bytes": gzip.compress(bytes(MOST_OPENED_BYTES + 1)),
    }
    records = [kinesis_record(data) for data in broken.values()]

    answer = ingest(*records, kinesis_record({**SCORES[0], "RecordID": 7}))

    assert answer == "Successfully processed 5 records."
    assert list(data.records) == ["7"]
    assert [reject["record"] for reject in data.rejects] == records
    assert all(reason in found for reason, found in zip(broken, data.reasons, strict=True))


def test_a_user_record_that_cannot_be_opened_does_not_hold_up_the_others(
    ingest: Invoke, data: DataStack
) -> None:
    ingest(kinesis_record(aggregate(SCORES[0], gzip.compress(b"{}")[:-1], SCORES[1])))

    assert sorted(data.records) == ["0", "1"]
    assert data.reasons == [
        "user record 1: the gzip cannot be opened: "
        "Compressed file ended before the end-of-stream marker was reached"
    ]


def test_magic_bytes_alone_and_log_subscriptions_are_only_logged(
    ingest: Invoke, data: DataStack, caplog: pytest.LogCaptureFixture
) -> None:
    log_events = json.dumps(LOG_EVENTS)

    ingest(kinesis_record(MAGIC + b" and more"), kinesis_record(gzip.compress(log_events.encode())))

    assert caplog.messages == [
        "Decoded payload: \\xf3\\x89\\x9a\\xc2 and more",
        f"Decoded payload: {log_events}",
    ]
    assert data.records == {}
    assert data.rejects == []


def test_a_redelivered_aggregate_leaves_one_object_in_the_bucket(
    ingest: Invoke, data: DataStack
) -> None:
    packed: dict[str, Any] = kinesis_record(aggregate(*SCORES, {"Score": 1}))

    for _ in range(3):
        ingest(packed)

    assert len(data.records) == len(SCORES)
    assert len(data.rejects) == 1


def test_when_the_table_fails_no_more_of_an_aggregate_is_tried_than_one_a_worker(
    ingest: Invoke, clients: Clients, data: DataStack
) -> None:
    scores = [{**SCORES[0], "RecordID": number} for number in range(LARGEST_PORTION + 100)]
    packed = kinesis_record(aggregate(*scores))
    calls = record_calls(clients.dynamodb)

    with (
        failing(clients.dynamodb, "PutItem", "AccessDeniedException"),
        pytest.raises(ClientError, match="AccessDenied"),
    ):
        ingest(packed)
    tried = len(calls)
    ingest(packed)

    assert tried == WORKERS
    assert len(data.records) == len(scores)

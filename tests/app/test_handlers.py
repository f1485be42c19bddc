"""Both functions through Chalice's test client, against real tables."""

import json
from collections.abc import Callable
from decimal import Decimal
from threading import Event
from typing import Any

import pytest

import app
from chalicelib.clients import Clients
from chalicelib.scores import ForeignEvent
from tests.broken import BROKEN_KINESIS_RECORDS, BROKEN_STREAM_RECORDS, INVALID_PAYLOADS, MakeRecord
from tests.builders import event, image, inserted, kinesis_record, stream_record
from tests.conftest import Invoke
from tests.data_stack import DataStack

SCORE = {"RecordID": 7, "Username": "Ann", "Score": 5}


def test_the_labs_text_payload_is_logged_and_is_one_record(
    invoke: Invoke, data: DataStack, lab: Callable[[str], Any], caplog: pytest.LogCaptureFixture
) -> None:
    records = lab("kinesis-test-event.json")["Records"]

    answer = invoke("ProcessKinesisRecords", *records)

    assert answer == "Successfully processed 1 records."
    assert caplog.messages == ["Decoded payload: Hello, this is a test 123."]
    assert data.records == {}
    assert data.rejects == []


def test_the_labs_jane_doe_gets_100(
    invoke: Invoke, data: DataStack, lab: Callable[[str], Any]
) -> None:
    records = lab("dynamodb-test-event.json")["Records"]

    answer = invoke("AggregateScoresByUser", *records)

    assert answer == "Successfully processed 1 records."
    assert data.totals == {"Jane Doe": 100}


def test_the_labs_event_is_counted_once_however_often_it_is_delivered(
    invoke: Invoke, data: DataStack, lab: Callable[[str], Any]
) -> None:
    records = lab("dynamodb-test-event.json")["Records"]

    for _ in range(3):
        invoke("AggregateScoresByUser", *records)

    assert data.totals == {"Jane Doe": 100}


def test_a_score_record_is_stored_with_all_its_attributes_and_exact_numbers(
    ingest: Invoke, data: DataStack
) -> None:
    payload = (
        b'{"RecordID": 12345678901234567890123456789012345678, "Username": "J\xc3\xb6rg",'
        b' "Score": 0.1, "Nickname": null, "Level": {"World": [1, true, 1.50]}}'
    )

    answer = ingest(kinesis_record(payload))

    assert answer == "Successfully processed 1 records."
    item = data.records["12345678901234567890123456789012345678"]
    digest = item.pop("PayloadDigest")
    assert len(digest["B"]) == 16
    assert item["Username"] == {"S": "Jörg"}
    assert item["Score"] == {"N": "0.1"}
    assert item["Nickname"] == {"NULL": True}
    assert item["Level"]["M"]["World"]["L"][:2] == [{"N": "1"}, {"BOOL": True}]
    assert Decimal(item["Level"]["M"]["World"]["L"][2]["N"]) == Decimal("1.5")


def test_a_redelivered_score_record_is_stored_once(ingest: Invoke, data: DataStack) -> None:
    record = kinesis_record(SCORE)

    ingest(record)
    ingest(record, record)

    assert list(data.records) == ["7"]
    assert data.rejects == []


def test_a_producers_retry_under_a_new_sequence_number_is_no_conflict(
    ingest: Invoke, data: DataStack
) -> None:
    ingest(kinesis_record(SCORE))

    ingest(kinesis_record(SCORE))

    assert data.rejects == []


def test_a_redelivery_does_not_undo_a_correction(ingest: Invoke, data: DataStack) -> None:
    record = kinesis_record(SCORE)
    ingest(record)
    data.dynamodb.update_item(
        TableName="GameScoreRecords",
        Key={"RecordID": {"N": "7"}},
        UpdateExpression="SET Score = :score",
        ExpressionAttributeValues={":score": {"N": "6"}},
    )

    ingest(record)

    assert data.records["7"]["Score"] == {"N": "6"}
    assert data.rejects == []


def test_a_record_inserted_by_hand_may_be_sent_with_the_same_content(
    ingest: Invoke, data: DataStack
) -> None:
    put_by_hand(data)

    ingest(kinesis_record(SCORE))

    assert data.rejects == []


@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        ({"N": "1"}, b"1.0"),
        ({"N": "1.00"}, b"1E0"),
        ({"N": "0"}, b"-0.0"),
        ({"L": [{"N": "1.0"}, {"BOOL": True}]}, b"[1, true]"),
        ({"M": {"a": {"L": [{"M": {"b": {"N": "100"}}}]}}}, b'{"a": [{"b": 1E2}]}'),
        ({"NULL": True}, b"null"),
    ],
)
def test_numbers_are_the_same_content_however_they_are_written(
    ingest: Invoke, data: DataStack, stored: dict[str, Any], sent: bytes
) -> None:
    put_by_hand(data, Extra=stored)

    ingest(kinesis_record(b'{"RecordID": 7, "Username": "Ann", "Score": 5, "Extra": %s}' % sent))

    assert data.rejects == []


@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        ({"N": "1"}, b"true"),
        ({"BOOL": True}, b"1"),
        ({"BOOL": False}, b"0"),
        ({"L": [{"N": "1"}]}, b"[true]"),
        ({"M": {"a": {"L": [{"M": {"b": {"BOOL": False}}}]}}}, b'{"a": [{"b": 0.0}]}'),
        ({"NULL": True}, b"true"),
        ({"S": "1"}, b"1"),
        ({"NS": ["1"]}, b"[1]"),
        ({"NS": ["1"]}, b"[true]"),
        ({"SS": ["a"]}, b'["a"]'),
        ({"BS": [b"a"]}, b'["a"]'),
        ({"B": b"a"}, b'"a"'),
    ],
)
def test_values_of_different_types_are_other_content(
    ingest: Invoke, data: DataStack, stored: dict[str, Any], sent: bytes
) -> None:
    put_by_hand(data, Extra=stored)

    ingest(kinesis_record(b'{"RecordID": 7, "Username": "Ann", "Score": 5, "Extra": %s}' % sent))

    assert "RecordID 7 stands in the table with other content" in data.reasons[0]


def test_the_same_id_with_other_content_is_a_reject_and_changes_nothing(
    ingest: Invoke, data: DataStack
) -> None:
    ingest(kinesis_record(SCORE))
    other = kinesis_record({**SCORE, "Score": 6})

    answer = ingest(other)

    assert answer == "Successfully processed 1 records."
    assert data.records["7"]["Score"] == {"N": "5"}
    assert [reject["record"] for reject in data.rejects] == [other]
    assert "RecordID 7 stands in the table with other content" in data.reasons[0]


def test_of_two_records_with_one_id_in_a_batch_the_first_wins(
    ingest: Invoke, data: DataStack
) -> None:
    ingest(*(kinesis_record({**SCORE, "Score": score}) for score in range(20)))

    assert data.records["7"]["Score"] == {"N": "0"}
    assert len(data.rejects) == 19


def test_of_two_records_whose_id_is_written_differently_the_first_wins_however_slow(
    ingest: Invoke, clients: Clients, data: DataStack
) -> None:
    other_answered = Event()

    def hold_the_first(request: Any, **_: Any) -> None:
        if b"the first" in request.body:
            other_answered.wait(0.5)

    def tell(**_: Any) -> None:
        other_answered.set()

    events = clients.dynamodb.meta.events
    events.register("before-send.dynamodb.PutItem", hold_the_first)
    events.register("after-call.dynamodb.PutItem", tell)
    try:
        ingest(
            kinesis_record(b'{"RecordID": 1, "Username": "the first", "Score": 1}'),
            kinesis_record(b'{"RecordID": 1.0, "Username": "the second", "Score": 1}'),
        )
    finally:
        events.unregister("before-send.dynamodb.PutItem", hold_the_first)
        events.unregister("after-call.dynamodb.PutItem", tell)

    assert data.records["1"]["Username"] == {"S": "the first"}
    assert len(data.rejects) == 1


@pytest.mark.parametrize(
    ("payload", "reason"),
    INVALID_PAYLOADS,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_invalid_score_record_is_a_reject_with_its_reason(
    ingest: Invoke, data: DataStack, payload: bytes, reason: str
) -> None:
    broken = kinesis_record(payload)

    answer = ingest(kinesis_record({**SCORE, "RecordID": 6}), broken, kinesis_record(SCORE))

    assert answer == "Successfully processed 3 records."
    assert sorted(data.records) == ["6", "7"]
    assert [reject["record"] for reject in data.rejects] == [broken]
    assert reason in data.reasons[0]


@pytest.mark.parametrize(
    ("make_broken", "reason"),
    BROKEN_KINESIS_RECORDS,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_kinesis_record_is_a_reject_with_its_reason(
    ingest: Invoke, data: DataStack, make_broken: MakeRecord, reason: str
) -> None:
    broken = make_broken()

    answer = ingest(broken, kinesis_record(SCORE))

    assert answer == "Successfully processed 2 records."
    assert list(data.records) == ["7"]
    assert [reject["record"] for reject in data.rejects] == [broken]
    assert reason in data.reasons[0]


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff\xfe", b"not JSON", b'{"Other": 1', b"[1]", b'"text"', b"5", b'{"Other": 1}'],
)
def test_a_payload_that_is_no_score_record_is_only_logged(
    ingest: Invoke, data: DataStack, payload: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    answer = ingest(kinesis_record(payload))

    assert answer == "Successfully processed 1 records."
    assert caplog.messages == [f"Decoded payload: {payload.decode(errors='backslashreplace')}"]
    assert data.records == {}
    assert data.rejects == []


def test_numbers_at_the_edges_of_dynamodb_are_stored(ingest: Invoke, data: DataStack) -> None:
    edges = ["9.9999999999999999999999999999999999999E+125", "-1E-130", "0", "-0.0"]

    ingest(
        *(
            kinesis_record(f'{{"RecordID": {i}, "Username": "u", "Score": {edge}}}'.encode())
            for i, edge in enumerate(edges)
        )
    )

    assert data.rejects == []
    stored = {key: Decimal(item["Score"]["N"]) for key, item in data.records.items()}
    assert stored == {str(i): Decimal(edge) for i, edge in enumerate(edges)}


def test_insertion_correction_move_and_deletion_are_one_rule(
    aggregate: Invoke, data: DataStack
) -> None:
    aggregate(inserted("Ann", 10), inserted("Ben", 5), inserted("Cid", 1))

    answer = aggregate(
        stream_record(image("Ann", 12), image("Ann", 10)),
        stream_record(image("Ann", 5), image("Ben", 5)),
        stream_record(None, image("Cid", 1)),
    )

    assert answer == "Successfully processed 3 records."
    assert data.totals == {"Ann": 17, "Ben": 0, "Cid": 0}


def test_a_change_of_neither_user_nor_score_writes_nothing(
    aggregate: Invoke, data: DataStack
) -> None:
    aggregate(stream_record(image("Ann", "10.0"), image("Ann", 10, Note={"S": "x"})))

    assert data.totals == {}


def test_an_expired_record_keeps_its_score(aggregate: Invoke, data: DataStack) -> None:
    aggregate(inserted("Ann", 10))

    aggregate(
        stream_record(
            None,
            image("Ann", 10),
            userIdentity={"type": "Service", "principalId": "dynamodb.amazonaws.com"},
        )
    )

    assert data.totals == {"Ann": 10}


def test_a_batch_is_counted_once_whole_in_halves_or_twice_in_one(
    aggregate: Invoke, data: DataStack
) -> None:
    batch = [inserted(f"user-{i % 7}", i) for i in range(100)]
    expected = {f"user-{u}": sum(range(u, 100, 7)) for u in range(7)}

    aggregate(*batch)
    aggregate(*batch)
    aggregate(*batch[:50])
    aggregate(*batch[50:], *batch[50:])

    assert data.totals == expected


def test_records_without_time_or_in_milliseconds_or_with_other_types_count_once(
    aggregate: Invoke, data: DataStack
) -> None:
    records = [
        inserted("Ann", 1, at=None),
        inserted("Ann", 10, at=1_795_413_600_123),
        inserted("Ann", 100, at=1_795_413_600.75),
        stream_record(
            image("Ann", 1000, Blob={"B": "AAE="}, Tags={"SS": ["a"]}, Numbers={"NS": ["1"]})
        ),
    ]

    for _ in range(2):
        aggregate(*records)

    assert data.totals == {"Ann": 1111}


@pytest.mark.parametrize(
    ("make_broken", "reason"),
    BROKEN_STREAM_RECORDS,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_stream_record_is_a_reject_with_its_reason(
    aggregate: Invoke, data: DataStack, make_broken: MakeRecord, reason: str
) -> None:
    broken = make_broken()

    answer = aggregate(inserted("Ben", 1), broken, inserted("Ben", 2))

    assert answer == "Successfully processed 3 records."
    assert data.totals == {"Ben": 3}
    assert [reject["record"] for reject in data.rejects] == [broken]
    assert reason in data.reasons[0]


def test_a_record_made_valid_or_invalid_in_the_table_counts_as_long_as_it_is_valid(
    aggregate: Invoke, data: DataStack
) -> None:
    invalid = image("Ann", 1, Score={"S": "ten"})

    aggregate(stream_record(invalid), stream_record(image("Ann", 10), invalid))
    assert data.totals == {"Ann": 10}
    aggregate(stream_record(invalid, image("Ann", 10)), stream_record(None, invalid))

    assert data.totals == {"Ann": 0}
    assert data.reasons == ["Score is a string, not a number"] * 2


def test_an_update_that_dynamodb_refuses_rejects_that_users_records_only(
    aggregate: Invoke, data: DataStack
) -> None:
    data.dynamodb.put_item(
        TableName="GameScoresByUser", Item={"Username": {"S": "Ann"}, "Score": {"S": "damaged"}}
    )
    records = [inserted("Ann", 1), inserted("Ben", 2), inserted("Ann", 3)]

    answer = aggregate(*records)

    assert answer == "Successfully processed 3 records."
    assert [reject["record"] for reject in data.rejects] == [records[0], records[2]]
    assert "the total of 'Ann' is damaged: its Score is of DynamoDB's type S" in data.reasons[0]
    assert data.total_item("Ben")["Score"] == {"N": "2"}


def test_scores_that_cancel_out_count_however_many_digits_their_sum_would_have_between(
    aggregate: Invoke, data: DataStack
) -> None:
    aggregate(inserted("Ann", "1E+50"), inserted("Ann", "1E-50"), inserted("Ann", "-1E+50"))

    assert data.totals == {"Ann": Decimal("1E-50")}


def test_rejects_of_a_redelivered_batch_stand_in_the_bucket_once(
    ingest: Invoke, data: DataStack
) -> None:
    batch = [
        kinesis_record(b'{"Score": 1}'),
        kinesis_record(SCORE),
        kinesis_record(b'{"Score": 2}'),
    ]

    for _ in range(3):
        ingest(*batch)

    assert [reject["record"] for reject in data.rejects] == [batch[0], batch[2]]


def test_batches_that_share_a_first_reject_keep_all_of_theirs(
    ingest: Invoke, data: DataStack
) -> None:
    first, second, third = (kinesis_record(b'{"Score": %d}' % score) for score in range(3))

    ingest(first, second)
    ingest(first, third)
    ingest(first)

    kept = [reject["record"] for reject in data.rejects]
    assert all(record in kept for record in (first, second, third))


def test_each_function_reports_what_it_did_as_metrics(
    ingest: Invoke, aggregate: Invoke, capsys: pytest.CaptureFixture[str]
) -> None:
    record, score = kinesis_record(SCORE), inserted("Ann", 5)
    ingest(record, record, kinesis_record(b"text"), kinesis_record(b'{"Score": 1}'))
    aggregate(score)
    capsys.readouterr()

    ingest(record, kinesis_record({**SCORE, "RecordID": 8}), kinesis_record(b"text"))
    aggregate(score, inserted("Ben", 1), inserted("Ben", 2), stream_record({}))

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    ingestion, aggregation = (line for line in lines if "_aws" in line)
    assert {name: value[0] for name, value in ingestion.items() if isinstance(value, list)} == {
        "RecordsReceived": 3,
        "RecordsStored": 1,
        "RecordsAlreadyStored": 1,
        "RecordsIgnored": 1,
        "RecordsRejected": 0,
    }
    assert {name: value[0] for name, value in aggregation.items() if isinstance(value, list)} == {
        "RecordsReceived": 4,
        "RecordsIgnored": 0,
        "RecordsRejected": 1,
        "RecordsAlreadyCounted": 1,
        "UsersUpdated": 1,
        "ArchiveMoves": 0,
        "RoundsRepeated": 0,
    }


def test_an_unforeseen_exception_in_one_record_is_logged_with_its_traceback(
    aggregate: Invoke, data: DataStack, caplog: pytest.LogCaptureFixture
) -> None:
    aggregate("no record at all", inserted("Ben", 1))

    (error,) = caplog.records
    assert error.levelname == "ERROR"
    assert "Traceback (most recent call last)" in error.__dict__["traceback"]
    assert data.totals == {"Ben": 1}


def test_an_empty_batch_is_no_work(ingest: Invoke, aggregate: Invoke) -> None:
    assert ingest(*event()["Records"]) == "Successfully processed 0 records."
    assert aggregate() == "Successfully processed 0 records."


def put_by_hand(data: DataStack, **attributes: Any) -> None:
    """A record in the table that came from no payload: 7, Ann's, 5."""
    item = {"RecordID": {"N": "7"}, "Username": {"S": "Ann"}, "Score": {"N": "5.0"}}
    data.dynamodb.put_item(TableName="GameScoreRecords", Item={**item, **attributes})


@pytest.mark.parametrize(
    ("name", "source"),
    [("process_kinesis_records", "kinesis"), ("aggregate_scores_by_user", "dynamodb")],
)
@pytest.mark.parametrize(
    "foreign", [{"key1": "value1"}, [kinesis_record(SCORE)], {"Records": {}}, {}, None, "text"]
)
def test_an_event_that_is_no_batch_is_answered_with_what_to_send_instead(
    name: str, source: str, foreign: Any
) -> None:
    with pytest.raises(ForeignEvent, match=f"`python -m operations events {source}` prints"):
        getattr(app, name)(foreign, None)

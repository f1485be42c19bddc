"""The verb insert: a correction stands, and the payload that it corrects is still known."""

import json
from decimal import Decimal

import pytest

from chalicelib import words
from operations.aws.errors import OperationFailed
from operations.aws.stage import Stage
from operations.scores.insert import insert_record, parse_record
from tests.builders import kinesis_record
from tests.conftest import Invoke
from tests.data_stack import DataStack
from tests.faults import (
    after_next,
    before_next,
    fail_requests,
    lose_next_answer,
    record_calls,
)
from tests.operations.conftest import Shell, totals, until

SENT = kinesis_record(b'{"RecordID": 7, "Username": "Ann", "Score": 5, "Level": 3}')
SENT_ANEW = kinesis_record(b'{"RecordID": 7, "Username": "Ann", "Score": 50}')
CORRECTION = '{"RecordID": 7, "Username": "Ben", "Score": 6}'


def replace(data: DataStack) -> None:
    insert_record(data.dynamodb, "GameScoreRecords", parse_record(CORRECTION), replace=True)


def corrected(data: DataStack) -> bool:
    (item,) = data.records.values()
    without_digest = {name: value for name, value in item.items() if name != "PayloadDigest"}
    return without_digest == {
        "RecordID": {"N": "7"},
        "Username": {"S": "Ben"},
        "Score": {"N": "6"},
    }


def test_a_record_that_was_replaced_is_no_reject_when_it_is_delivered_again(
    ingest: Invoke, data: DataStack
) -> None:
    ingest(SENT)
    calls = record_calls(data.dynamodb)

    replace(data)
    assert calls == ["PutItem"] * 2
    ingest(SENT)

    assert corrected(data)
    assert data.rejects == []


def test_a_record_without_a_digest_is_replaced_by_one_request(data: DataStack) -> None:
    calls = record_calls(data.dynamodb)

    replace(data)
    replace(data)

    assert calls == ["PutItem"] * 2
    assert corrected(data)


def test_a_record_that_comes_just_before_it_is_replaced_is_known_as_well(
    ingest: Invoke, data: DataStack
) -> None:
    before_next(data.dynamodb, "PutItem", lambda: ingest(SENT))

    replace(data)
    ingest(SENT)

    assert corrected(data)
    assert data.rejects == []


def test_a_record_that_is_deleted_and_sent_anew_while_it_is_replaced_is_known_by_what_came_last(
    ingest: Invoke, data: DataStack
) -> None:
    ingest(SENT)

    def send_anew() -> None:
        data.dynamodb.delete_item(TableName="GameScoreRecords", Key={"RecordID": {"N": "7"}})
        ingest(SENT_ANEW)

    after_next(data.dynamodb, "PutItem", send_anew)
    replace(data)
    ingest(SENT_ANEW)

    assert corrected(data)
    assert data.rejects == []


def test_a_record_that_others_keep_sending_anew_is_left_alone(
    ingest: Invoke, data: DataStack
) -> None:
    ingest(SENT)
    item = data.records["7"]
    fail_requests(data.dynamodb, "PutItem", "ConditionalCheckFailedException")

    with pytest.raises(OperationFailed, match="RecordID 7 is being deleted and sent anew"):
        replace(data)

    assert data.records["7"] == item
    assert item["Score"] == {"N": "5"}


def test_a_record_is_inserted_as_in_the_lab_and_corrected_only_on_demand(
    shell: Shell, stage: Stage
) -> None:
    record = {"RecordID": 91, "Username": "Ines", "Score": 20}

    first = shell("insert", json.dumps(record))
    again = shell("insert", json.dumps({**record, "Score": 30}))
    corrected = shell("insert", json.dumps({**record, "Score": 30}), "--replace", "--json")

    assert (first.status, again.status, corrected.status) == (0, 1, 0)
    assert f"Ines's {words.SCORE.lower()} of 20 stands in GameScoreRecords-local." in first.out
    assert "correct it with --replace" in again.err
    assert corrected.json["score"] == "30"
    until(lambda: totals(stage, "Ines"), {"Ines": Decimal(30)})


@pytest.mark.parametrize("replaced", [True, False])
def test_a_record_whose_first_answer_is_lost_is_inserted(
    data: DataStack, *, replaced: bool
) -> None:
    lose_next_answer(data.dynamodb, "PutItem")
    calls = record_calls(data.dynamodb)

    insert_record(data.dynamodb, "GameScoreRecords", parse_record(CORRECTION), replace=replaced)

    assert calls == ["PutItem"] * 2
    assert corrected(data)


@pytest.mark.parametrize(
    "other",
    [
        '{"RecordID": 7, "Username": "Ben", "Score": 7}',
        '{"RecordID": 7, "Username": "ben", "Score": 6}',
        '{"RecordID": 7, "Username": "Ben", "Score": 6, "Level": 1}',
    ],
)
def test_a_record_that_stands_there_otherwise_is_not_inserted(data: DataStack, other: str) -> None:
    replace(data)

    with pytest.raises(OperationFailed, match="with other content: correct it with --replace"):
        insert_record(data.dynamodb, "GameScoreRecords", parse_record(other), replace=False)

    assert corrected(data)


def test_the_same_record_is_inserted_twice_without_harm(ingest: Invoke, data: DataStack) -> None:
    ingest(SENT)
    same = parse_record('{"Level": 3.0, "RecordID": 7, "Score": 5E0, "Username": "Ann"}')

    insert_record(data.dynamodb, "GameScoreRecords", same, replace=False)
    ingest(SENT)

    assert "PayloadDigest" in data.records["7"]
    assert data.rejects == []


@pytest.mark.parametrize("record", ["20", "{", '{"RecordID": 1}', '{"Game": "chess"}', "\udcff"])
def test_what_is_no_record_is_not_inserted(shell: Shell, record: str) -> None:
    answer = shell("insert", record)

    assert answer.status == 2
    assert f"is no {words.RECORD}" in answer.err

"""insert --replace: a correction stands, and the payload that it corrects is still known."""

import pytest

from operations.errors import OperationFailed
from operations.inserting import insert_record, parse_record
from tests.builders import kinesis_record
from tests.conftest import Invoke
from tests.faults import after_next, before_next, fail_requests, record_calls
from tests.stage import Stage

SENT = kinesis_record(b'{"RecordID": 7, "Username": "Ann", "Score": 5, "Level": 3}')
SENT_ANEW = kinesis_record(b'{"RecordID": 7, "Username": "Ann", "Score": 50}')
CORRECTION = '{"RecordID": 7, "Username": "Ben", "Score": 6}'


def replace(stage: Stage) -> None:
    insert_record(stage.dynamodb, "GameScoreRecords", parse_record(CORRECTION), replace=True)


def corrected(stage: Stage) -> bool:
    (item,) = stage.records.values()
    without_digest = {name: value for name, value in item.items() if name != "PayloadDigest"}
    return without_digest == {
        "RecordID": {"N": "7"},
        "Username": {"S": "Ben"},
        "Score": {"N": "6"},
    }


def test_a_record_that_was_replaced_is_no_reject_when_it_is_delivered_again(
    ingest: Invoke, stage: Stage
) -> None:
    ingest(SENT)
    calls = record_calls(stage.dynamodb)

    replace(stage)
    assert calls == ["PutItem"] * 2
    ingest(SENT)

    assert corrected(stage)
    assert stage.rejects == []


def test_a_record_without_a_digest_is_replaced_by_one_request(stage: Stage) -> None:
    calls = record_calls(stage.dynamodb)

    replace(stage)
    replace(stage)

    assert calls == ["PutItem"] * 2
    assert corrected(stage)


def test_a_record_that_comes_just_before_it_is_replaced_is_known_as_well(
    ingest: Invoke, stage: Stage
) -> None:
    before_next(stage.dynamodb, "PutItem", lambda: ingest(SENT))

    replace(stage)
    ingest(SENT)

    assert corrected(stage)
    assert stage.rejects == []


def test_a_record_that_is_deleted_and_sent_anew_while_it_is_replaced_is_known_by_what_came_last(
    ingest: Invoke, stage: Stage
) -> None:
    ingest(SENT)

    def send_anew() -> None:
        stage.dynamodb.delete_item(TableName="GameScoreRecords", Key={"RecordID": {"N": "7"}})
        ingest(SENT_ANEW)

    after_next(stage.dynamodb, "PutItem", send_anew)
    replace(stage)
    ingest(SENT_ANEW)

    assert corrected(stage)
    assert stage.rejects == []


def test_a_record_that_others_keep_sending_anew_is_left_alone(ingest: Invoke, stage: Stage) -> None:
    ingest(SENT)
    item = stage.records["7"]
    fail_requests(stage.dynamodb, "PutItem", "ConditionalCheckFailedException")

    with pytest.raises(OperationFailed, match="RecordID 7 is being deleted and sent anew"):
        replace(stage)

    assert stage.records["7"] == item
    assert item["Score"] == {"N": "5"}

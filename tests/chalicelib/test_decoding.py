"""Decoding: pure, so the whole value is compared."""

from decimal import Decimal
from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.decoding import (
    KinesisBatch,
    StreamBatch,
    decode_kinesis_batch,
    decode_stream_batch,
    text_to_log,
)
from chalicelib.receipts import make_receipt
from chalicelib.scores import Reject, ScoreChange, ScoreRecord
from tests.builders import TODAY, image, inserted, kinesis_record, stream_record

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def test_a_batch_is_decoded_record_by_record() -> None:
    payload = b'{"RecordID": 1, "Username": "Ann", "Score": 1.10}'

    batch = decode_kinesis_batch(
        [
            kinesis_record(b"text"),
            kinesis_record(payload),
            kinesis_record(b'{"Score": 1}'),
            kinesis_record(b"", kinesis={"data": "?"}),
        ]
    )

    assert batch == KinesisBatch(
        payloads=("text", payload.decode(), '{"Score": 1}'),
        records=(
            ScoreRecord(
                position=1,
                record_id=Decimal(1),
                username="Ann",
                score=Decimal("1.10"),
                attributes={
                    "RecordID": Decimal(1),
                    "Username": "Ann",
                    "Score": Decimal("1.10"),
                },
                payload_digest=blake2b(payload, digest_size=16).digest(),
            ),
        ),
        rejects=(
            Reject(2, "the record has no RecordID and no Username"),
            Reject(3, batch.rejects[1].reason),
        ),
        ignored=1,
    )


def test_a_byte_order_mark_does_not_hide_a_score() -> None:
    payload = b'\xef\xbb\xbf{"RecordID": 1, "Username": "Ann", "Score": 1}'

    batch = decode_kinesis_batch([kinesis_record(payload)])

    assert [record.username for record in batch.records] == ["Ann"]


def test_a_moved_score_is_two_changes_with_one_receipt() -> None:
    moved = stream_record(image("Ann", 7), image("Ben", "5.5"))
    receipt = make_receipt(moved["eventID"], moved["dynamodb"]["SequenceNumber"], TODAY)

    batch = decode_stream_batch([stream_record(None, image("Cid", 0)), moved])

    assert batch == StreamBatch(
        changes=(
            ScoreChange("Ann", Decimal(7), receipt, 1),
            ScoreChange("Ben", Decimal("-5.5"), receipt, 1),
        ),
        rejects=(),
        ignored=1,
    )


def test_a_difference_keeps_all_its_digits() -> None:
    record = stream_record(image("Ann", "1E+37"), image("Ann", "0.1"))

    (change,) = decode_stream_batch([record]).changes

    assert change.amount == Decimal("9" * 37 + ".9")


def test_a_new_user_with_zero_points_is_a_change() -> None:
    (change,) = decode_stream_batch([inserted("Ann", 0)]).changes

    assert (change.username, change.amount) == ("Ann", Decimal(0))


def test_receipts_tell_records_apart_and_deliveries_not() -> None:
    record, other = inserted("Ann", 1), inserted("Ann", 1)

    receipts = [decode_stream_batch([each]).changes[0].receipt for each in (record, other, record)]

    assert receipts[0] == receipts[2] != receipts[1]
    assert [len(receipt) for receipt in receipts] == [16, 16, 16]


def test_a_payload_is_logged_readably() -> None:
    assert text_to_log("Grüße".encode()) == "Grüße"
    assert text_to_log(b"\xff\x00") == "\\xff\x00"
    assert text_to_log(b"x" * 5000) == f"{'x' * 1000}… (5,000 bytes)"


@given(st.lists(json_values | st.fixed_dictionaries({"kinesis": json_values})))
def test_whatever_comes_from_kinesis_is_decoded_ignored_or_rejected(records: list[object]) -> None:
    batch = decode_kinesis_batch(records)  # type: ignore[arg-type]

    assert len(batch.records) + len(batch.rejects) + batch.ignored == len(records)


@given(
    st.lists(
        json_values
        | st.fixed_dictionaries(
            {
                "eventName": st.sampled_from(["INSERT", "MODIFY", "REMOVE"]) | json_values,
                "eventID": json_values,
                "dynamodb": json_values
                | st.fixed_dictionaries(
                    dict.fromkeys(("NewImage", "OldImage", "SequenceNumber"), json_values)
                ),
            }
        )
    )
)
def test_whatever_comes_from_a_table_is_counted_ignored_or_rejected(records: list[object]) -> None:
    batch = decode_stream_batch(records)  # type: ignore[arg-type]

    rejected = {reject.position for reject in batch.rejects}
    counted = {change.position for change in batch.changes}
    assert len(rejected | counted) + batch.ignored == len(records)

"""Decoding what the Kinesis stream delivers: pure, so the whole value is compared."""

from decimal import Decimal
from hashlib import blake2b
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.payloads import KinesisBatch, decode_kinesis_batch, text_to_log
from chalicelib.scores import Place, Reject, ScoreRecord
from tests.builders import json_values, kinesis_record


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
                place=Place(1),
                record_id=Decimal(1),
                username="Ann",
                score=Decimal("1.10"),
                item={
                    "RecordID": {"N": "1"},
                    "Username": {"S": "Ann"},
                    "Score": {"N": "1.10"},
                    "PayloadDigest": {"B": blake2b(payload, digest_size=16).digest()},
                },
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


def test_a_payload_is_logged_readably() -> None:
    assert text_to_log("Grüße".encode()) == "Grüße"
    assert text_to_log(b"\xff\x00") == "\\xff\x00"
    assert text_to_log(b"x" * 5000) == f"{'x' * 1000}… (5,000 bytes)"


@given(st.lists(json_values | st.fixed_dictionaries({"kinesis": json_values})))
def test_whatever_comes_from_kinesis_is_decoded_ignored_or_rejected(records: list[Any]) -> None:
    batch = decode_kinesis_batch(records)

    assert len(batch.records) + len(batch.rejects) + batch.ignored == len(records)

"""Decoding what the Kinesis stream delivers: pure, so the whole value is compared."""

import json
import zlib
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.payloads import KinesisBatch, decode_kinesis_batch, decode_payload, text_to_log
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


@pytest.mark.parametrize(
    "text",
    [
        '[2024-11-26 12:00:00] INFO "Username" is required',
        '{"name": "Caf\\u00e9", "x": ',
        "[WARN] Ren\\u00e9 logged in",
        '[ERROR] invalid "Score" in form',
        '{"user":"Ren\\u00e9"} trailing',
        '{"msg":"\\u001b[32mINFO"',
        '{x} "Score" text',
        '[1] "Score"',
        '{"said": "\\"Score\\": 5", ',
    ],
)
def test_a_text_with_other_words_of_a_score_is_only_logged(text: str) -> None:
    assert list(decode_payload(Place(0), text.encode())) == [None]


@pytest.mark.parametrize(
    "text", ['{"Username": "ada", "Sc', '{"\\u0053core": 5', '{"a":1}\n{"Score": 5, "b']
)
def test_a_damaged_object_with_a_key_of_a_score_is_a_reject(text: str) -> None:
    assert any(isinstance(each, Reject) for each in decode_payload(Place(0), text.encode()))


@pytest.mark.parametrize(
    "first", ["# c", "nul", "\\\\", "\\", '"', "]", "}", "---", "// RecordID", "{", "[WARN] x"]
)
def test_a_bad_first_line_takes_no_other_with_it(first: str) -> None:
    line = '{{"RecordID": {}, "Username": "ada", "Score": 5}}'
    lines = [first, line.format(1), line.format(2)]

    bad, *good = decode_payload(Place(0), "\n".join(lines).encode())

    assert isinstance(bad, Reject)
    assert [each.record_id for each in good if isinstance(each, ScoreRecord)] == [1, 2]


@pytest.mark.parametrize("wbits", range(9, 16))
def test_zlib_with_any_window_that_is_cut_off_is_a_reject(wbits: int) -> None:
    stream = zlib.compressobj(wbits=wbits)
    score = {"RecordID": 1, "Username": "ada", "Score": 5, "note": "x" * 20}
    data = stream.compress(json.dumps(score).encode()) + stream.flush()

    assert len(decode_kinesis_batch([kinesis_record(data[:-5])]).rejects) == 1

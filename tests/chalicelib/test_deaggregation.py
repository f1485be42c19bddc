"""Aggregates: whatever was packed comes out, and whatever is damaged is rejected whole."""

import base64
import time
import tracemalloc

import pytest
from aws_kinesis_agg.aggregator import AggRecord
from aws_kinesis_agg.deaggregator import deaggregate_records
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.deaggregation import (
    DATA,
    MAGIC,
    PARTITION_KEY_TABLE,
    RECORDS,
    TAGS,
    UserRecord,
    deaggregate,
)
from chalicelib.scores import InvalidRecord
from operations.aws.aggregation import (
    encode_aggregate,
    encode_field,
    encode_number,
    group_by_size,
    seal,
)
from tests.builders import kinesis_record

keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
hash_keys = st.integers(0, 2**128 - 1).map(str)
user_records = st.lists(
    st.builds(UserRecord, st.binary(max_size=300), keys, st.none() | hash_keys), min_size=1
)

ANN, BEN = UserRecord(b'{"Score": 1}', "Ann"), UserRecord(b'{"Score": 2}', "Ben", "7")
KEYS = encode_field(PARTITION_KEY_TABLE, b"Ann")
RECORD = b"\x08\x00" + encode_field(DATA, b"score")


@given(user_records)
def test_whatever_is_packed_comes_out(packed: list[UserRecord]) -> None:
    assert deaggregate(encode_aggregate(packed)) == tuple(packed)


@given(user_records)
def test_what_the_public_module_packs_comes_out(packed: list[UserRecord]) -> None:
    theirs = AggRecord()
    for record in packed:
        assert theirs.add_user_record(record.partition_key, record.data, record.explicit_hash_key)

    assert deaggregate(theirs.get_contents()[2]) == tuple(packed)


@given(user_records)
def test_the_public_module_reads_what_is_packed_here(packed: list[UserRecord]) -> None:
    theirs = deaggregate_records([kinesis_record(encode_aggregate(packed))])

    assert [base64.b64decode(each["kinesis"]["data"]) for each in theirs] == [
        record.data for record in packed
    ]
    assert [each["kinesis"]["partitionKey"] for each in theirs] == [
        record.partition_key for record in packed
    ]


@given(user_records, st.integers(60, 2000))
def test_groups_keep_order_and_size(packed: list[UserRecord], most_bytes: int) -> None:
    groups = list(group_by_size(packed, most_bytes))

    assert [record for group in groups for record in group] == packed
    for group in groups:
        assert len(group) == 1 or len(encode_aggregate(group)) <= most_bytes


def test_a_key_stands_in_its_table_once() -> None:
    aggregate = encode_aggregate([ANN, BEN, ANN, BEN])

    assert deaggregate(aggregate) == (ANN, BEN, ANN, BEN)
    assert aggregate.count(b"Ann") == 1


def test_the_formats_own_tags_are_passed_over() -> None:
    tagged = RECORD + encode_field(TAGS, b"\x0a\x01k")

    assert deaggregate(seal(KEYS + encode_field(RECORDS, tagged))) == (UserRecord(b"score", "Ann"),)


def test_tables_may_stand_behind_the_records() -> None:
    assert deaggregate(seal(encode_field(RECORDS, RECORD) + KEYS)) == (UserRecord(b"score", "Ann"),)


@pytest.mark.parametrize("change", [0x01, 0x10, 0x80, 0xFF])
def test_an_aggregate_with_any_one_byte_changed_is_rejected_whole(change: int) -> None:
    aggregate = encode_aggregate([ANN, BEN])

    for place in range(len(MAGIC), len(aggregate)):
        damaged = bytearray(aggregate)
        damaged[place] ^= change
        with pytest.raises(InvalidRecord, match="checksum is wrong"):
            deaggregate(bytes(damaged))


def test_an_aggregate_cut_off_anywhere_is_rejected_whole() -> None:
    aggregate = encode_aggregate([ANN, BEN])

    for size_bytes in range(len(MAGIC) + 1, len(aggregate)):
        with pytest.raises(InvalidRecord):
            deaggregate(aggregate[:size_bytes])


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "holds no user record"),
        (KEYS, "holds no user record"),
        (KEYS + b"\x22\x01x", r"unknown field \(key 0x22\)"),
        (KEYS + b"\x08\x01", r"unknown field \(key 0x08\)"),
        (KEYS + b"\x1a", "ends in the middle of a field"),
        (KEYS + b"\x1a\x80", "ends in the middle of a field"),
        (KEYS + b"\x1a\x05\x08\x00", "ends in the middle of a field"),
        (KEYS + b"\x1a" + b"\xff" * 10, "number of more than 64 bits"),
        (KEYS + b"\x1a" + b"\xff" * 9 + b"\x01", "ends in the middle of a field"),
        (encode_field(PARTITION_KEY_TABLE, b"\xff"), "not UTF-8"),
        (KEYS + encode_field(RECORDS, b""), "user record 0 has no partition key or no data"),
        (
            KEYS + encode_field(RECORDS, b"\x08\x00"),
            "user record 0 has no partition key or no data",
        ),
        (
            KEYS + encode_field(RECORDS, RECORD) + encode_field(RECORDS, encode_field(DATA, b"x")),
            "user record 1 has no partition key or no data",
        ),
        (encode_field(RECORDS, RECORD), "user record 0 names partition key 0 of 0"),
        (
            KEYS + encode_field(RECORDS, b"\x08" + encode_number(2**63) + RECORD[2:]),
            "names partition key 9223372036854775808 of 1",
        ),
        (KEYS + encode_field(RECORDS, RECORD + b"\x10\x00"), "names explicit hash key 0 of 0"),
        (KEYS + encode_field(RECORDS, RECORD + b"\x28\x00"), "unknown or repeated field"),
        (KEYS + encode_field(RECORDS, RECORD + RECORD[2:]), "unknown or repeated field"),
        (KEYS + encode_field(RECORDS, RECORD[:-1]) + KEYS, "has a field that goes beyond its end"),
        (KEYS + encode_field(RECORDS, b"\x08\x00\x1a"), "goes beyond the end of the message"),
    ],
)
def test_an_aggregate_that_breaks_its_format_is_rejected_whole(message: bytes, reason: str) -> None:
    with pytest.raises(InvalidRecord, match=reason):
        deaggregate(seal(message))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        MAGIC[:3],
        MAGIC,
        MAGIC + b" and then a text of any length, which is no message",
        MAGIC + bytes(1000),
        MAGIC + b"\xff" * 1000,
        b"x" + encode_aggregate([ANN]),
    ],
    ids=repr,
)
def test_the_magic_bytes_alone_make_no_aggregate(data: bytes) -> None:
    assert deaggregate(data) is None


@given(st.binary(), st.booleans(), st.booleans())
def test_whatever_follows_the_magic_bytes_is_decoded_left_or_rejected(
    data: bytes, magic: bool, sealed: bool
) -> None:
    try:
        decoded = deaggregate(seal(data) if sealed else MAGIC * magic + data)
    except InvalidRecord:
        return

    assert decoded is None or all(isinstance(record, UserRecord) for record in decoded)


def test_time_and_memory_grow_with_the_aggregate_only() -> None:
    small, large = (tiny_records(count) for count in (5_000, 40_000))

    seconds = [min(seconds_for(aggregate) for _ in range(3)) for aggregate in (small, large)]
    tracemalloc.start()
    decoded = deaggregate(large)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert decoded is not None
    assert len(decoded) == 40_000
    assert seconds[1] < 8 * 5 * seconds[0]  # it would be 64 times as much, if it grew by the square
    assert peak_bytes < 250 * 40_000


def tiny_records(count: int) -> bytes:
    record = encode_field(RECORDS, b"\x08\x00" + encode_field(DATA, b"{}"))
    return seal(KEYS + record * count)


def seconds_for(aggregate: bytes) -> float:
    started = time.process_time()
    assert deaggregate(aggregate)
    return time.process_time() - started

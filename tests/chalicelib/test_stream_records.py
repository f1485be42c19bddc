"""Decoding what the table's stream delivers: pure, so the whole value is compared."""

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.receipts import make_receipt
from chalicelib.scores import ScoreChange
from chalicelib.stream_records import StreamBatch, decode_seconds, decode_stream_batch
from tests.builders import TODAY, image, inserted, json_values, stream_record


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
def test_whatever_comes_from_a_table_is_counted_ignored_or_rejected(records: list[Any]) -> None:
    batch = decode_stream_batch(records)

    rejected = {reject.position for reject in batch.rejects}
    counted = {change.position for change in batch.changes}
    assert len(rejected | counted) + batch.ignored == len(records)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (0, 0),
        (1.9, 1),
        (1_795_413_600, 1_795_413_600),
        (1_795_413_600.5, 1_795_413_600),
        (1_795_413_600_999, 1_795_413_600),
        (1_795_413_600_999_999, 1_795_413_600),
        (1_795_413_600_999_999_000, 1_795_413_600),
        (2**32 - 1, 2**32 - 1),
        (2**32, 0),
        (10**11, 10**8),
        (10**30, 0),
        (-1, 0),
        (math.inf, 0),
        (math.nan, 0),
        (True, 0),
        ("1795413600", 0),
        (None, 0),
    ],
)
def test_a_time_is_read_in_whatever_unit_and_is_zero_where_it_is_none(
    told: object, seconds: int
) -> None:
    assert decode_seconds(told) == seconds

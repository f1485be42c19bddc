"""The JSON of the objects in the rejects bucket."""

import json
from datetime import UTC, datetime

import pytest

from chalicelib.rejects import (
    REJECTED_SINCE,
    RejectedRecord,
    decode_rejects,
    encode_rejects,
    join_rejects,
)
from chalicelib.scores import Reject

RECORD = {"eventID": "1", "dynamodb": {}}
REJECTED = (
    RejectedRecord("Username is empty", RECORD),
    RejectedRecord("again", RECORD, datetime(2026, 11, 26, tzinfo=UTC)),
)


def test_what_is_written_is_what_is_read() -> None:
    content = json.loads(encode_rejects("AggregateScoresByUser", REJECTED))

    assert content["function"] == "AggregateScoresByUser"
    assert decode_rejects(content) == ("AggregateScoresByUser", REJECTED)


def test_an_object_of_an_earlier_version_is_read() -> None:
    content = {"processor": "F", "rejects": [{"reason": "r", "record": RECORD}]}

    assert decode_rejects(content) == ("F", (RejectedRecord("r", RECORD),))


@pytest.mark.parametrize("content", [{}, [], None, {"function": "F"}, {"rejects": []}])
def test_anything_else_is_no_object_of_rejects(content: object) -> None:
    with pytest.raises((ValueError, LookupError, TypeError, AttributeError)):
        decode_rejects(content)


def test_a_record_stands_once_with_its_reasons_and_since_when() -> None:
    since = datetime(2026, 11, 26, tzinfo=UTC)
    batch = [RECORD, {**RECORD, REJECTED_SINCE: since.isoformat()}]
    rejects = [Reject(1, "late"), Reject(0, "first"), Reject(0, "second")]

    assert join_rejects(rejects, batch) == (
        RejectedRecord("first; second", RECORD),
        RejectedRecord("late", RECORD, since),
    )

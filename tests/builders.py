"""The builders of Lambda events that the tests use; `events` prints the same ones for people."""

import itertools
import json
from typing import Any

from hypothesis import strategies as st

from chalicelib.deaggregation import UserRecord
from operations.aws.aggregation import encode_aggregate
from operations.scores.events import TODAY, event, image, inserted, kinesis_record, stream_record

__all__ = [
    "TODAY",
    "aggregate",
    "event",
    "image",
    "inserted",
    "json_values",
    "kinesis_record",
    "stream_record",
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
"""Whatever a JSON document can hold."""

_numbers = itertools.count(1)


def aggregate(*payloads: bytes | dict[str, Any], hash_key: str | None = None) -> bytes:
    """An aggregate with the payloads (a dict as JSON), each under a partition key of its own."""
    return encode_aggregate(
        UserRecord(
            each if isinstance(each, bytes) else json.dumps(each).encode(),
            f"partition-{next(_numbers)}",
            hash_key,
        )
        for each in payloads
    )

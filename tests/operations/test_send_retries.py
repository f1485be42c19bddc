"""Payloads on their way to the stream."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.unpacking import unpack
from operations.scores.aggregation import AGGREGATE_BYTES
from operations.scores.send import BATCH_BYTES, BATCH_RECORDS, aggregate_payloads, put_batches


@given(st.lists(st.binary(max_size=200).map(lambda data: b"payload " + data)))
def test_aggregated_payloads_are_the_same_payloads_in_the_same_order(payloads: list[bytes]) -> None:
    records = list(aggregate_payloads(payloads, most_bytes=500))

    assert [each for record in records for each in unpack(record.data).user_records] == payloads
    assert sum(record.payloads for record in records) == len(payloads)


def test_a_payload_too_large_for_an_aggregate_is_sent_as_it_is() -> None:
    small, large = b"small", bytes(AGGREGATE_BYTES)

    records = list(aggregate_payloads([small, small, large, small]))

    assert [record.payloads for record in records] == [2, 1, 1]
    assert [record.data for record in records[1:]] == [large, small]


@given(st.lists(st.integers(1, 2_000_000), max_size=30))
def test_a_batch_is_what_one_request_takes(sizes_bytes: list[int]) -> None:
    records = [*aggregate_payloads(map(bytes, sizes_bytes), most_bytes=0)] * 40

    batches = list(put_batches(records))

    assert [record for batch in batches for record in batch] == records
    for batch in batches:
        assert 1 <= len(batch) <= BATCH_RECORDS
        assert sum(record.size_bytes for record in batch) <= BATCH_BYTES

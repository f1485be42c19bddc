"""What is fuzzed: whatever a Kinesis record holds is decoded, ignored or rejected, nothing else."""

import gzip
from collections.abc import Callable

from aws_kinesis_agg.aggregator import messages_pb2
from google.protobuf.message import DecodeError

from chalicelib.deaggregation import MAGIC, TAGS, UserRecord, deaggregate
from chalicelib.opening import unpack
from chalicelib.payloads import decode_kinesis_batch
from chalicelib.scores import InvalidRecord
from operations.aws.aggregation import encode_aggregate, seal
from tests.builders import kinesis_record

PACKINGS: list[Callable[[bytes], bytes]] = [
    lambda data: data,
    seal,
    lambda data: MAGIC + data,
    gzip.compress,
    lambda data: gzip.compress(seal(data)),
    lambda data: encode_aggregate([UserRecord(gzip.compress(data), "key")]),
]
"""An input's first byte chooses one: no fuzzer finds a checksum by chance."""


def decode_input(data: bytes) -> None:
    """Decode one input, and compare what comes out with what protobuf's own decoder says."""
    packing, content = PACKINGS[data[0] % len(PACKINGS) if data else 0], data[1:]
    packed = packing(content)

    batch = decode_kinesis_batch([kinesis_record(packed)])

    assert [reject.traceback for reject in batch.rejects if reject.traceback] == []
    assert len(batch.records) + len(batch.rejects) + batch.ignored == user_records_in(packed)
    if packing is seal:
        compare_with_protobuf(content)


def user_records_in(packed: bytes) -> int:
    """How many have to be accounted for; what cannot be unpacked is one."""
    try:
        return len(unpack(packed).user_records)
    except InvalidRecord:
        return 1


def compare_with_protobuf(message: bytes) -> None:
    """An aggregate that is decoded here is one to protobuf, too, with the same user records."""
    try:
        decoded = deaggregate(seal(message))
    except InvalidRecord:
        return
    assert decoded is not None
    theirs = messages_pb2.AggregatedRecord()
    try:
        theirs.ParseFromString(message)
    except DecodeError:
        assert TAGS in message  # what is in a tag is not looked at
        return
    keys, hash_keys = theirs.partition_key_table, theirs.explicit_hash_key_table
    assert list(decoded) == [
        UserRecord(
            each.data,
            keys[each.partition_key_index],
            hash_keys[each.explicit_hash_key_index]
            if each.HasField("explicit_hash_key_index")
            else None,
        )
        for each in theirs.records
    ]
    assert deaggregate(encode_aggregate(decoded)) == decoded

"""Many user records in one Kinesis record, as the Kinesis Producer Library writes them.

https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md
"""

import sys
from collections.abc import Iterable, Iterator
from hashlib import md5

from chalicelib.deaggregation import (
    DATA,
    EXPLICIT_HASH_KEY_INDEX,
    EXPLICIT_HASH_KEY_TABLE,
    MAGIC,
    PARTITION_KEY_INDEX,
    PARTITION_KEY_TABLE,
    RECORDS,
    UserRecord,
)
from operations.aws.batches import in_batches

AGGREGATE_BYTES = 51_200
"""The library's own default, AggregationMaxSize:
https://github.com/awslabs/amazon-kinesis-producer/blob/master/java/amazon-kinesis-producer-sample/default_config.properties"""

FRAME_BYTES = 20
"""Magic bytes and checksum."""

RECORD_BYTES = 40
"""What a user record needs at most beside its data and its keys."""


def encode_aggregate(user_records: Iterable[UserRecord]) -> bytes:
    """One Kinesis record's data with all these user records, each key in its table once."""
    partition_keys: dict[str, int] = {}
    hash_keys: dict[str, int] = {}
    records = bytearray()
    for user_record in user_records:
        index = partition_keys.setdefault(user_record.partition_key, len(partition_keys))
        record = bytes([PARTITION_KEY_INDEX]) + encode_number(index)
        if user_record.explicit_hash_key is not None:
            index = hash_keys.setdefault(user_record.explicit_hash_key, len(hash_keys))
            record += bytes([EXPLICIT_HASH_KEY_INDEX]) + encode_number(index)
        records += encode_field(RECORDS, record + encode_field(DATA, user_record.data))
    message = b"".join(
        (
            *(encode_field(PARTITION_KEY_TABLE, key.encode()) for key in partition_keys),
            *(encode_field(EXPLICIT_HASH_KEY_TABLE, key.encode()) for key in hash_keys),
            records,
        )
    )
    return seal(message)


def group_by_size(
    user_records: Iterable[UserRecord], most_bytes: int = AGGREGATE_BYTES
) -> Iterator[list[UserRecord]]:
    """The user records in order, in groups whose aggregate has at most `most_bytes`.

    One that is too large for any aggregate is a group of its own.
    """
    return in_batches(user_records, sys.maxsize, most_bytes - FRAME_BYTES, _most_bytes_of)


def seal(message: bytes) -> bytes:
    """The message between the magic bytes and its checksum."""
    return MAGIC + message + md5(message, usedforsecurity=False).digest()


def encode_field(key: int, value: bytes) -> bytes:
    return bytes([key]) + encode_number(len(value)) + value


def encode_number(number: int) -> bytes:
    """A number, seven bits a byte, the lowest first."""
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _most_bytes_of(user_record: UserRecord) -> int:
    keys = user_record.partition_key + (user_record.explicit_hash_key or "")
    return len(user_record.data) + len(keys.encode()) + RECORD_BYTES

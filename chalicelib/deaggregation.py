"""User records out of a Kinesis record that packs many of them. Pure.

Producers built on the Kinesis Producer Library (KPL), the Kinesis agent and Fluent Bit's
aggregation write four magic bytes, a protobuf message and the message's MD5:
https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md

Decoded here rather than by the public module (aws_kinesis_agg 1.2.3 with protobuf 7.36.2):

- lost records: the module ends an aggregate at the first user record whose key index is wrong,
  prints that, and the rest is gone; an aggregate with a wrong checksum it hands on as if it were
  one payload; fields that it does not know it passes over. Here an aggregate is decoded whole or
  rejected whole;
- package size: 2.8 MB unpacked, mostly protobuf, and six, which it imports but does not require;
- cold start: 16 ms and 59 modules more to import on a development machine, here 1 ms;
- speed and memory: `python -m benchmarks deaggregation` runs both; this one is about
  twice as fast, and a million tiny user records take 0.14 GB here, 0.71 GB there.
"""

from array import array
from collections.abc import Sequence
from hashlib import md5
from typing import NamedTuple

from chalicelib.scores import InvalidRecord

MAGIC = b"\xf3\x89\x9a\xc2"
CHECKSUM_BYTES = 16

# A field begins with its key: its number in the message and how its value is written, here as a
# number (…_INDEX) or as bytes after their length. https://protobuf.dev/programming-guides/encoding/
PARTITION_KEY_TABLE, EXPLICIT_HASH_KEY_TABLE, RECORDS = 0x0A, 0x12, 0x1A
FIELDS_OF_AGGREGATE = (PARTITION_KEY_TABLE, EXPLICIT_HASH_KEY_TABLE, RECORDS)
PARTITION_KEY_INDEX, EXPLICIT_HASH_KEY_INDEX, DATA, TAGS = 0x08, 0x10, 0x1A, 0x22

CUT_OFF = "its message ends in the middle of a field"


class UserRecord(NamedTuple):
    """One record as its producer meant it."""

    data: bytes
    partition_key: str
    explicit_hash_key: str | None = None


def deaggregate(data: bytes) -> tuple[UserRecord, ...] | None:
    """The user records that an aggregate packs, in its order; None if the data is no aggregate.

    The magic bytes alone do not make an aggregate. It is one if its checksum is right, too. With
    a wrong one it is a damaged aggregate if its first field is one of an aggregate's or, should
    that be where the damage is, its second; so an aggregate with any one byte changed, or cut
    off anywhere, is known as one. Else the data is something that begins with the same bytes: it
    is no text, therefore no score, and nothing is lost by taking it as it is.

    Raises InvalidRecord where an aggregate is damaged, has fields that its format does not, or
    names keys that it does not hold: all of it is decoded or nothing.
    """
    if not data.startswith(MAGIC):
        return None
    message, checksum = data[len(MAGIC) : -CHECKSUM_BYTES], data[-CHECKSUM_BYTES:]
    is_intact = md5(message, usedforsecurity=False).digest() == checksum
    if not is_intact and not _begins_as_aggregate(data[len(MAGIC) :]):
        return None
    try:
        user_records = _read_aggregate(message)
    except InvalidRecord as error:
        damage = "" if is_intact else "its checksum is wrong, "
        raise InvalidRecord(f"the aggregate cannot be read: {damage}{error}") from error
    if not is_intact:
        raise InvalidRecord("the aggregate cannot be relied on: its checksum is wrong")
    if not user_records:
        raise InvalidRecord("the aggregate holds no user record")
    return user_records


def _begins_as_aggregate(message: bytes) -> bool:
    try:
        if message[0] in FIELDS_OF_AGGREGATE:
            return True
        length, start = _read_number(message, 1)
        return message[start + length] in FIELDS_OF_AGGREGATE
    except (IndexError, InvalidRecord):
        return False


def _read_aggregate(message: bytes) -> tuple[UserRecord, ...]:
    partition_keys: list[str] = []
    hash_keys: list[str] = []
    starts, ends = array("Q"), array("Q")
    position = 0
    try:
        while position < len(message):
            key = message[position]
            if key not in FIELDS_OF_AGGREGATE:
                raise InvalidRecord(f"it has an unknown field (key {key:#04x})")
            length, start = _read_number(message, position + 1)
            position = start + length
            if position > len(message):
                raise InvalidRecord(CUT_OFF)
            if key == RECORDS:
                starts.append(start)
                ends.append(position)
            elif key == PARTITION_KEY_TABLE:
                partition_keys.append(message[start:position].decode())
            else:
                hash_keys.append(message[start:position].decode())
    except IndexError:
        raise InvalidRecord(CUT_OFF) from None
    except UnicodeDecodeError:
        raise InvalidRecord("a key in its tables is not UTF-8") from None
    user_records: list[UserRecord] = []
    try:
        for start, end in zip(starts, ends, strict=True):
            user_records.append(_read_user_record(message, start, end, partition_keys, hash_keys))
    except InvalidRecord as error:
        raise InvalidRecord(f"user record {len(user_records)} {error}") from error
    return tuple(user_records)


def _read_user_record(
    message: bytes, position: int, end: int, partition_keys: Sequence[str], hash_keys: Sequence[str]
) -> UserRecord:
    partition_key_index = hash_key_index = data = None
    try:
        while position < end:
            key = message[position]
            number, position = _read_number(message, position + 1)
            if key == PARTITION_KEY_INDEX and partition_key_index is None:
                partition_key_index = number
            elif key == DATA and data is None:
                data = message[position : position + number]
                position += number
            elif key == EXPLICIT_HASH_KEY_INDEX and hash_key_index is None:
                hash_key_index = number
            elif key == TAGS:  # in the format, but not implemented by any producer
                position += number
            else:
                raise InvalidRecord(f"has an unknown or repeated field (key {key:#04x})")
    except IndexError:
        raise InvalidRecord("goes beyond the end of the message") from None
    if position > end:
        raise InvalidRecord("has a field that goes beyond its end")
    if partition_key_index is None or data is None:
        raise InvalidRecord("has no partition key or no data")
    if partition_key_index >= len(partition_keys):
        raise InvalidRecord(f"names partition key {partition_key_index} of {len(partition_keys)}")
    if hash_key_index is None:
        return UserRecord(data, partition_keys[partition_key_index])
    if hash_key_index >= len(hash_keys):
        raise InvalidRecord(f"names explicit hash key {hash_key_index} of {len(hash_keys)}")
    return UserRecord(data, partition_keys[partition_key_index], hash_keys[hash_key_index])


def _read_number(message: bytes, position: int) -> tuple[int, int]:
    """The number that stands there, seven bits a byte, and the position after it.

    Raises IndexError where the message ends within it.
    """
    byte = message[position]
    if byte < 0x80:
        return byte, position + 1
    number = byte & 0x7F
    for shift in range(7, 64, 7):
        position += 1
        byte = message[position]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position + 1
    raise InvalidRecord("has a number of more than 64 bits")

"""Gzip around payloads, aggregates and user records."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.opening import MOST_OPENED_BYTES, Opener, unpack
from chalicelib.scores import InvalidRecord
from tests.builders import aggregate

LOG_EVENTS = {
    "messageType": "DATA_MESSAGE",
    "owner": "000000000000",
    "logGroup": "game",
    "logStream": "one",
    "subscriptionFilters": ["scores"],
    "logEvents": [{"id": "1", "timestamp": 1_795_413_600_000, "message": "a score"}],
}


def unpacked(data: bytes) -> list[bytes]:
    package = unpack(data)
    return [package.open(user_record) for user_record in package.user_records]


plain = st.binary(max_size=50).map(lambda data: b"payload " + data)


@given(st.lists(plain, min_size=1), st.booleans(), st.booleans())
def test_gzip_makes_no_difference_around_an_aggregate_or_in_it(
    payloads: list[bytes], around: bool, within: bool
) -> None:
    packed = aggregate(*(gzip.compress(each) if within else each for each in payloads))

    assert unpacked(gzip.compress(packed) if around else packed) == payloads


def test_a_log_subscriptions_payload_is_opened() -> None:
    payload = json.dumps(LOG_EVENTS).encode()

    assert unpacked(gzip.compress(payload)) == [payload]


def test_gzip_in_several_members_is_one_payload() -> None:
    assert unpacked(gzip.compress(b"one, ") + gzip.compress(b"two")) == [b"one, two"]


@pytest.mark.parametrize("size_bytes", [3, 10, 17, 25, -9, -1])
def test_gzip_that_is_cut_off_is_rejected(size_bytes: int) -> None:
    with pytest.raises(InvalidRecord, match="the gzip cannot be opened"):
        unpack(gzip.compress(b"a score of a player")[:size_bytes])


@pytest.mark.parametrize("place", [-8, -1, 12])
def test_gzip_with_a_changed_byte_is_rejected(place: int) -> None:
    damaged = bytearray(gzip.compress(b"a score of a player"))
    damaged[place] ^= 0xFF

    with pytest.raises(InvalidRecord, match="the gzip cannot be opened"):
        unpack(bytes(damaged))


def test_gzip_followed_by_something_else_is_rejected() -> None:
    with pytest.raises(InvalidRecord, match="the gzip cannot be opened"):
        unpack(gzip.compress(b"a score") + b"another")


def test_gzip_opens_up_to_the_bound_and_not_beyond() -> None:
    assert unpacked(gzip.compress(bytes(MOST_OPENED_BYTES))) == [bytes(MOST_OPENED_BYTES)]
    with pytest.raises(InvalidRecord, match="gzip opens to more than 10,485,760 bytes"):
        unpack(gzip.compress(bytes(MOST_OPENED_BYTES + 1)))


def test_the_bound_is_for_all_of_a_kinesis_record() -> None:
    opener = Opener(most_bytes=10)

    assert opener.open(gzip.compress(b"123456")) == b"123456"
    assert opener.open(gzip.compress(b"1234")) == b"1234"
    for _ in range(2):
        with pytest.raises(InvalidRecord, match="gzip opens to more"):
            opener.open(gzip.compress(b"1"))
    assert opener.open(b"not compressed, whatever its size") == b"not compressed, whatever its size"


def test_nothing_is_opened_any_more_once_the_bound_is_met() -> None:
    opener = Opener(most_bytes=10)

    for content in (b"12345678901", b"1"):
        with pytest.raises(InvalidRecord, match="gzip opens to more"):
            opener.open(gzip.compress(content))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (gzip.compress(gzip.compress(b"text")), "gzip inside gzip is not opened"),
        (aggregate(gzip.compress(gzip.compress(b"text"))), "gzip inside gzip is not opened"),
        (aggregate(aggregate(b"text")), "an aggregate inside an aggregate"),
        (aggregate(aggregate(b"text")[:-1]), "checksum is wrong"),
    ],
    ids=["gzip twice", "gzip twice in an aggregate", "aggregate twice", "damaged within"],
)
def test_what_nobody_writes_is_rejected(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidRecord, match=reason):
        unpacked(data)

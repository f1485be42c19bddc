"""Rejected records without a player: found in whatever form, others kept, doubts told."""

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.opening import unpack
from chalicelib.rejects import RejectedRecord
from operations.rejects.ownership import MAY_BE_THEIRS, NOT_READ, without_player
from operations.rejects.redaction import LEFT_OVER, Redacted, redact
from operations.rejects.texts import texts_in
from operations.scores.events import image, kinesis_record, stream_record
from tests.builders import TODAY, aggregate

NAMES = ["Erin", "René", "O'Neil", "AC/DC", "😀", 'a "b" \\c', "x", "日本 語", "line\nend"]

ERINS = b'{"RecordID": 1, "Username": "Erin", "Score": 1}'
BELAS = b'{"RecordID": 2, "Username": "Bela", "Score": 1}'

Pack = Callable[[bytes], bytes]

PACKS: dict[str, Pack] = {
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "base64": base64.b64encode,
    "base64 of URLs": base64.urlsafe_b64encode,
    "base64 in lines": base64.encodebytes,
    "aggregate": aggregate,
    "base64 inside": lambda data: json.dumps({"x": base64.b64encode(data).decode()}).encode(),
    "JSON inside": lambda data: json.dumps({"x": data.decode()}).encode(),
    "hexadecimal digits": lambda data: data.hex().encode(),
}


def score(player: str, *, ascii_only: bool = True) -> bytes:
    fields = {"RecordID": 1, "Username": player, "Score": 1}
    return json.dumps(fields, ensure_ascii=ascii_only).encode()


def rejected(record: Any, reason: str = "broken") -> RejectedRecord:
    return RejectedRecord(reason, record)


def is_text(data: bytes) -> bool:
    return "\ufffd" not in data.decode(errors="replace")


def slashes_escaped(payload: bytes) -> bytes:
    r"""As PHP writes JSON: `AC\/DC`."""
    return payload.replace(b"/", rb"\/")


def every_letter_escaped(player: str) -> bytes:
    units = player.encode("utf-16-be")
    escapes = "".join(f"\\u{units[at] * 256 + units[at + 1]:04X}" for at in range(0, len(units), 2))
    return f'{{"RecordID": 1, "Username": "{escapes}"}}'.encode()


@pytest.mark.parametrize("player", NAMES)
@pytest.mark.parametrize(
    "damage",
    [
        lambda payload: payload[:-1],
        lambda payload: payload[1:],
        lambda payload: payload + b"\xff",
        lambda payload: aggregate(payload)[:-1],
        lambda payload: aggregate(gzip.compress(payload))[:-1],
        lambda payload: base64.b64encode(payload[:-1]),
        lambda payload: gzip.compress(gzip.compress(payload[:-1])),
        lambda payload: aggregate(aggregate(payload[:-1])),
        lambda payload: payload[:-1] + b', "Deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        lambda payload: json.dumps({"message": payload[:-1].decode()}).encode(),
        lambda payload: json.dumps({"m": json.dumps(payload[:-1].decode())}).encode()[:-1],
        lambda payload: payload.decode().encode("utf-16")[:-4],
        lambda payload: payload[:-1].replace(b" ", b"%20").replace(b'"', b"%22"),
    ],
)
def test_a_name_in_what_cannot_be_decoded_is_told(player: str, damage: Pack) -> None:
    for payload in (
        score(player),
        score(player, ascii_only=False),
        slashes_escaped(score(player)),
        every_letter_escaped(player)[:-1] + b', "Score": 1}',
    ):
        damaged = damage(payload)

        assert without_player(damaged, player) == (damaged, MAY_BE_THEIRS)
        assert without_player(damaged, "Nobody") == (damaged, "")


def test_a_name_in_the_letters_of_western_windows_is_found() -> None:
    damaged = '{"Username": "René"'.encode("cp1252")

    assert without_player(damaged, "René").problem == MAY_BE_THEIRS


@given(st.sampled_from(NAMES), st.lists(st.sampled_from(sorted(PACKS)), max_size=5), st.booleans())
def test_a_name_is_found_however_it_is_packed(
    player: str, packs: list[str], ascii_only: bool
) -> None:
    data = score(player, ascii_only=ascii_only)
    for pack in packs:
        if pack != "JSON inside" or is_text(data):
            data = PACKS[pack](data)

    left = without_player(data, player)

    assert left.payload is None or left.problem
    assert any(player in text for text in texts_in(data).texts)


@given(st.binary(max_size=200) | st.text().map(str.encode), st.sampled_from(NAMES))
def test_whatever_it_is_something_is_told_of_it(data: bytes, player: str) -> None:
    left = without_player(data, player)

    assert left.payload in (data, None)


def test_a_short_name_is_no_part_of_a_word() -> None:
    assert without_player(b'{"exact": ', "x").problem == ""
    assert without_player(b'{"U": "x", ', "x").problem == MAY_BE_THEIRS


@pytest.mark.parametrize(
    "payload",
    [
        ERINS,
        b'{"recordid": 1, "username": "Erin"}',
        b'{"RecordID": 1, "Username": ["Erin"], "Score": 1}',
        b'{"RecordID": 1, "Username": "Erin", "Username": "Erin"}',
        b'{"detail": {"Username": "Erin"}}',
        b"[" + ERINS + b"," + ERINS + b"]",
        ERINS + b"\n" + ERINS + b"\n",
        json.dumps(ERINS.decode()).encode(),
        json.dumps({"message": ERINS.decode()}).encode(),
        json.dumps({"data": base64.b64encode(gzip.compress(ERINS)).decode()}).encode(),
        ERINS.decode().encode("utf-16"),
        '{"Username": "Erin", "Town": "Nîmes"}'.encode("cp1252"),
        base64.b64encode(ERINS),
        gzip.compress(gzip.compress(ERINS)),
        zlib.compress(ERINS),
        aggregate(gzip.compress(aggregate(ERINS)), ERINS),
    ],
)
def test_a_payload_that_is_only_the_players_goes(payload: bytes) -> None:
    assert without_player(payload, "Erin") == (None, "")
    assert redact(rejected(kinesis_record(payload)), "Erin") == Redacted(None)


@pytest.mark.parametrize(
    "payload",
    [
        BELAS,
        b"",
        b"hello",
        b'{"RecordID": 2, "Username": "Bela", "Rival": "Erin"}',
        b'{"RecordID": 2, "Username": "Bela", "Note": "championship of Erin"}',
        b'{"RecordID": 2, "Username": "Erin Too"}',
        b'{"RecordID": 2, "Username": 5}',
        b"[" + BELAS + b"]",
        b"[]",
        gzip.compress(BELAS),
        aggregate(BELAS),
        aggregate(BELAS)[:-1],
    ],
)
def test_a_payload_in_which_nothing_is_the_players_stays_the_very_same(payload: bytes) -> None:
    record = rejected(kinesis_record(payload))

    assert redact(record, "Erin") == (record, "")
    assert redact(record, "Erin").left is record


@pytest.mark.parametrize(
    ("payload", "left"),
    [
        (b"[" + ERINS + b", " + BELAS + b"]", BELAS),
        (BELAS + b"\n" + ERINS + b"\n" + BELAS, BELAS + b"\n" + BELAS),
        (ERINS + BELAS, BELAS),
        (gzip.compress(BELAS + ERINS), BELAS),
    ],
)
def test_of_a_payload_with_several_objects_those_of_others_stay(
    payload: bytes, left: bytes
) -> None:
    assert without_player(payload, "Erin") == (left, "")
    record = redact(rejected(kinesis_record(payload)), "Erin").left
    assert record is not None
    assert base64.b64decode(record.record["kinesis"]["data"]) == left


@pytest.mark.parametrize(
    "payload",
    [
        b'{"Username": "Erin", "Username": "Bela"}',
        b'{"Username": ["Erin", "Bela"]}',
        json.dumps({"a": ERINS.decode(), "b": BELAS.decode()}).encode(),
        aggregate(ERINS, BELAS),
        BELAS + b'{"Username": "Bela", "message": "{\\"Username\\": \\"Erin\\", "}',
    ],
)
def test_what_two_players_share_is_told(payload: bytes) -> None:
    assert without_player(payload, "Erin") == (payload, MAY_BE_THEIRS)


def test_of_an_aggregate_the_others_records_stay_under_a_key_of_theirs() -> None:
    packed = aggregate(ERINS, BELAS + ERINS, gzip.compress(BELAS), aggregate(ERINS))
    record = kinesis_record(packed)
    record["kinesis"]["partitionKey"] = "Erin"

    left, problem = redact(rejected(record), "Erin")

    assert left is not None
    assert problem == ""
    assert unpack(base64.b64decode(left.record["kinesis"]["data"])).user_records == [
        BELAS,
        gzip.compress(BELAS),
    ]
    assert left.record["kinesis"]["partitionKey"].startswith("partition-")
    assert left.reason == LEFT_OVER


def test_in_an_aggregate_each_doubt_is_told_and_the_rest_is_taken_out() -> None:
    packed = aggregate(ERINS, ERINS[:-1], BELAS)

    left, problem = redact(rejected(kinesis_record(packed)), "Erin")

    assert left is not None
    assert problem == MAY_BE_THEIRS
    assert unpack(base64.b64decode(left.record["kinesis"]["data"])).user_records == [
        ERINS[:-1],
        BELAS,
    ]


@pytest.mark.parametrize("form", [gzip.compress, zlib.compress])
def test_what_is_compressed_and_damaged_may_hold_anybody(form: Pack) -> None:
    text = json.dumps([{"Username": f"player {number}"} for number in range(100)]).encode()
    intact = form(text)
    middle = len(intact) // 2
    damaged = intact[:middle] + bytes([intact[middle] ^ 0xFF]) + intact[middle + 1 :]

    assert without_player(damaged, "Erin") == (damaged, NOT_READ)
    assert without_player(damaged, "player 1") == (damaged, MAY_BE_THEIRS)
    assert redact(rejected(kinesis_record(aggregate(damaged))), "Erin").problem == NOT_READ
    assert without_player(intact[:-1], "Erin") == (intact[:-1], NOT_READ)


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({"kinesis": {"data": "Erin?"}}, MAY_BE_THEIRS),
        ({"kinesis": {"data": "?"}}, ""),
        ({"kinesis": None}, ""),
        ({"dynamodb": None, "eventID": "Erin"}, MAY_BE_THEIRS),
        ("Erin", MAY_BE_THEIRS),
        ("no record", ""),
        (None, ""),
        (stream_record(image("Bela", 1, Username={"L": [{"S": "Erin"}]})), MAY_BE_THEIRS),
        (stream_record(image("Bela", 1, Username={"SS": ["Erin", "Bela"]})), MAY_BE_THEIRS),
        (stream_record(image("Bela", 1, USERNAME={"S": "Erin"})), MAY_BE_THEIRS),
        (stream_record(image("Bela", 1, Rival={"S": "Erin"})), ""),
        (stream_record(image("Erin Too", 1), image("Bela", 1)), ""),
    ],
)
def test_of_records_of_no_form_or_another_it_is_told_whether_they_may_be_theirs(
    record: Any, problem: str
) -> None:
    assert redact(rejected(record), "Erin") == (rejected(record), problem)


def test_a_key_that_is_the_name_is_told_where_the_data_says_nothing() -> None:
    record = kinesis_record(b'{"RecordID": 1, "Usern')
    record["kinesis"]["partitionKey"] = "Erin"

    assert redact(rejected(record), "Erin").problem == MAY_BE_THEIRS


@pytest.mark.parametrize(
    "record",
    [
        stream_record(image("Erin", 1)),
        stream_record(None, image("Erin", 1)),
        stream_record({"RecordID": {"N": "1"}}, image("Erin", 1)),
    ],
)
def test_a_change_that_is_only_the_players_goes(record: Any) -> None:
    assert redact(rejected(record), "Erin") == Redacted(None)


@pytest.mark.parametrize("player", NAMES)
def test_of_a_record_given_to_another_the_others_half_stays_without_the_name(player: str) -> None:
    given = stream_record(image("Bela", 1), image(player, 1), number=1)
    taken = stream_record(image(player, 1), image("Bela", 1), number=1)
    reason = f"the total of {player!r} cannot take it"

    to_bela = redact(rejected(given, reason), player)
    from_bela = redact(rejected(taken), player)

    inserted = stream_record(image("Bela", 1), number=1, at=TODAY)
    assert to_bela == (rejected(inserted, LEFT_OVER), "")
    assert from_bela == (rejected(stream_record(None, image("Bela", 1), number=1)), "")

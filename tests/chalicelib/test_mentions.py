"""Finding the name of a score's id, however it is written or packed."""

import base64
import gzip
import json
import random
import urllib.parse
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.mentions import Way, find_name

R = '{"RecordID": 1, "Username": "ada", "Score": 5}'
BYTES = R.encode()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def escape(form: str) -> bytes:
    return "".join(form.format(ord(letter)) for letter in "RecordID").encode()


LINES = base64.encodebytes(BYTES * 5).decode()
UTF_7 = b"+" + b64("RecordID".encode("utf-16-be")).rstrip("=").encode() + b"-"

HIDDEN: dict[str, tuple[bytes, Way]] = {
    "as it is": (BYTES, ()),
    "small letters": (BYTES.lower(), ()),
    "capital letters": (BYTES.upper(), ()),
    "Turkish small letters": ("recordıd".encode(), ()),
    "Turkish capital letters": ("RECORDİD".encode(), ()),
    "between other bytes": (b"\x83\xa8RecordID\x01\xa8Username", ()),
    "a form": (urllib.parse.quote(R).encode(), ()),
    "UTF-16": (R.encode("utf-16"), ("UTF-16 or UTF-32",)),
    "UTF-16 without a mark": (R.encode("utf-16-be"), ("UTF-16 or UTF-32",)),
    "UTF-32": (R.encode("utf-32-le"), ("UTF-16 or UTF-32",)),
    "UTF-7": (UTF_7, ("base64", "UTF-16 or UTF-32")),
    "EBCDIC": (R.encode("cp1140"), ("EBCDIC",)),
    "JSON's escapes": (escape("\\u{:04x}"), ("escapes",)),
    "JSON's escapes in capital letters": (escape("\\u{:04X}"), ("escapes",)),
    "JSON's escapes in JSON": (json.dumps(escape("\\u{:04x}").decode()).encode(), ("escapes",)),
    "percent-encoding": (escape("%{:02x}"), ("escapes",)),
    "percent-encoding twice": (escape("%25{:02x}"), ("escapes",)),
    "quoted-printable": (escape("={:02X}"), ("escapes",)),
    "XML's references": (escape("&#x{:x};"), ("escapes",)),
    "XML's decimal references": (escape("&#{:d};"), ("escapes",)),
    "hexadecimal digits": (BYTES.hex().encode(), ("hexadecimal digits",)),
    "base64": (b64(BYTES).encode(), ("base64",)),
    "base64 without its padding": (b64(b"RecordID=100").rstrip("=").encode(), ("base64",)),
    "base64 three times": (
        b64(b64(b64(BYTES).encode()).encode()).encode(),
        ("base64", "base64", "base64"),
    ),
    "base64 in lines": (LINES.encode(), ("base64",)),
    "base64 in lines in JSON": (json.dumps({"data": LINES}).encode(), ("base64",)),
    "base64 in lines in JSON in JSON": (
        json.dumps(json.dumps({"data": LINES})).encode(),
        ("base64",),
    ),
    "base64 with escaped slashes": (
        json.dumps({"data": b64(b"\xff\xff\xff" + BYTES)}).replace("/", "\\/").encode(),
        ("base64",),
    ),
    "a token": (b"eyJhbGciOiJIUzI1NiJ9." + b64(BYTES).encode() + b".c2lnbmF0dXJl", ("base64",)),
    "base64 of gzip": (
        json.dumps({"awslogs": {"data": b64(gzip.compress(BYTES))}}).encode(),
        ("base64", "gzip or zlib"),
    ),
    "gzip after a header": (b"\0\0\0\1" + gzip.compress(BYTES), ("gzip or zlib",)),
    "zlib that is cut off": (b"\0" + zlib.compress(BYTES)[:-6], ("gzip or zlib",)),
    "deflate": (zlib.compress(BYTES, wbits=-15), ("deflate",)),
}


@pytest.mark.parametrize(("data", "way"), HIDDEN.values(), ids=HIDDEN)
def test_the_name_is_found(data: bytes, way: Way) -> None:
    assert find_name(data) == way


@given(
    st.text(max_size=20),
    st.sampled_from(sorted(HIDDEN.keys() - {"deflate", "EBCDIC", "UTF-16"})),
    st.text(max_size=20),
)
def test_the_name_is_found_in_base64_wherever_it_begins(
    before: str, hidden: str, after: str
) -> None:
    data, _ = HIDDEN[hidden]

    whole = f"{before}, a score: ".encode() + data + after.encode()
    assert find_name(b64(whole).encode()) is not None


@pytest.mark.parametrize(
    "data",
    [
        b"Hello, this is a test 123.",
        b"",
        b"Record 5 has the ID 6",
        b"record_id=5",
        random.Random(1).randbytes(100_000),
        b64(random.Random(2).randbytes(100_000)).encode(),
        b"x^" * 1000,
        b"%25" * 1000,
        b"x" * 1000,
    ],
)
def test_what_does_not_have_it_is_left_alone(data: bytes) -> None:
    assert find_name(data) is None


def test_what_opens_to_too_much_is_looked_at_as_far_as_the_bound() -> None:
    bomb = gzip.compress(bytes(2**27))

    assert find_name(b"\0" + bomb * 20) is None

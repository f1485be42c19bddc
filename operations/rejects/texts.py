"""The texts that bytes may be read as, whatever they are packed in and however they are escaped.

Nothing has to be well formed: what is damaged is opened as far as it goes, and escapes are undone
wherever they stand. So a name is found in data that no decoder takes. Pure.
"""

import html
import re
import zlib
from base64 import b64decode
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from chalicelib.deaggregation import MAGIC
from chalicelib.opening import GZIP_HEADER, OTHER_HEADERS

MOST_OPENED_BYTES = 64 * 1024**2
"""What is opened of one piece of data, in all ways together."""

LARGEST_STREAM_BYTES = 16 * 1024**2
MOST_STREAMS = 1000
"""Places in one part that are tried as the beginning of compressed data."""

DEEPEST_ESCAPES = 6
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
OF_FORMS = re.compile(r"(?:%[0-9a-fA-F]{2})+")

BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{20,}")
HEXADECIMAL = re.compile(rb"[0-9a-fA-F]{40,}")
"""Shorter runs are words, or hold no score."""

LINE_ENDS = re.compile(rb"[\r\n]+")
OF_URLS = bytes.maketrans(b"-_", b"+/")

ZLIB = (b"x\x01", b"x\x9c", b"x\xda")
ZLIB_OR_TEXT = b"x^"
PACKED = (GZIP_HEADER, *ZLIB, ZLIB_OR_TEXT)

GZIP_OR_ZLIB, DEFLATE = 47, -15
"""What zlib calls them: https://docs.python.org/3/library/zlib.html#zlib.decompress"""

WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
WIDE_FROM = 0.05
"""The part of the bytes that are zero in a text of such an encoding, at least."""

PRINTED = bytes(range(0x20, 0x7F)) + b"\t\r\n"
PRINTED_FROM = 0.8


class Texts(NamedTuple):
    """All texts; not whole where something compressed is damaged, cut off, or too large to open."""

    texts: tuple[str, ...]
    is_whole: bool


class Opened(NamedTuple):
    """What compressed data hold as far as they go; not whole where they do not come to an end."""

    data: bytes
    is_whole: bool = True


def texts_in(data: bytes) -> Texts:
    """Every text that the data may be read as, those in what is packed in it among them."""
    texts: set[str] = set()
    parts = {data}
    waiting = deque(parts)
    is_whole, left_bytes = True, MOST_OPENED_BYTES
    while waiting and left_bytes >= 0:
        part = waiting.popleft()
        is_whole &= not any(part.startswith(begin, at) for at, begin, _ in OTHER_HEADERS)
        read = set(_read(part)) - texts
        texts |= read
        for opened in _open(part, read, is_sure=part is data):
            is_whole &= opened.is_whole
            if opened.data not in parts:
                left_bytes -= len(opened.data)
                parts.add(opened.data)
                waiting.append(opened.data)
    return Texts(tuple(sorted(texts)), is_whole and left_bytes >= 0)


def decompress(data: bytes) -> bytes | None:
    """What gzip or zlib around the data hold, whole; None where it is neither, or damaged."""
    opened = _decompress(data, GZIP_OR_ZLIB) if data.startswith(PACKED) else None
    return opened.data if opened and opened.is_whole else None


def decode_base64(text: bytes) -> bytes | None:
    """What the text is in base64, that of URLs included; None where it is none."""
    digits = b"".join(text.split()).rstrip(b"=")
    return _from_base64(digits) if BASE64.fullmatch(digits) and len(digits) % 4 != 1 else None


def _read(data: bytes) -> Iterator[str]:
    """The data in the encodings that it may have, with its escapes and without."""
    yield from _unescaped(data.decode(errors="replace"))
    if not data.isascii():
        yield from _unescaped(data.decode("cp1252", errors="replace"))
    if data.count(0) > WIDE_FROM * len(data):
        for encoding in WIDE:
            for start in (0, 1):
                yield from _unescaped(data[start:].decode(encoding, errors="replace"))


def _unescaped(text: str) -> Iterator[str]:
    """The text, and what becomes of it by undoing escapes, also of escapes."""
    of_forms = html.unescape(OF_FORMS.sub(_unescape_bytes, text).replace("+", " "))
    for each in {text, of_forms}:
        yield each
        unescaped = each
        for _ in range(DEEPEST_ESCAPES if "\\" in each else 0):
            unescaped = ESCAPE.sub(_unescape, unescaped)
            unescaped = unescaped.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            yield unescaped


def _unescape_bytes(found: re.Match[str]) -> str:
    return bytes.fromhex(found[0].replace("%", "")).decode(errors="replace")


def _unescape(found: re.Match[str]) -> str:
    escape = found[1]
    return chr(int(escape[1:], 16)) if len(escape) > 1 else CONTROLS.get(escape, escape)


def _open(data: bytes, texts: set[str], *, is_sure: bool) -> Iterator[Opened]:
    """What is packed in the data, or in one of the texts that it may be read as.

    `is_sure`: the data was not come upon by chance, so what begins as zlib does is that.
    """
    yield from _open_digits({text.encode() for text in texts})
    for text in texts:
        with suppress(UnicodeEncodeError):  # bytes that stand in a text as characters
            yield Opened(text.encode("latin-1"))
    if data.isascii():
        return
    for place in _beginnings(data):
        opened = _decompress(data[place:], GZIP_OR_ZLIB)
        is_packed = data.startswith(GZIP_HEADER, place)
        is_packed |= is_sure and place == 0 and data.startswith(ZLIB)
        yield opened if is_packed else Opened(opened.data)
    opened = _decompress(data, DEFLATE)
    if opened.is_whole:
        yield opened


def _open_digits(texts: set[bytes]) -> Iterator[Opened]:
    """What stands in the texts as base64 or as hexadecimal digits.

    What stands before it may be such digits, too: one of the places begins where it does.
    """
    texts = texts | {LINE_ENDS.sub(b"", text) for text in texts}
    for run in {run for text in texts for run in BASE64.findall(text)}:
        for start in range(4):
            if _may_be_read(decoded := _from_base64(run[start:])):
                yield Opened(decoded)
    for run in {run for text in texts for run in HEXADECIMAL.findall(text)}:
        for start in range(2):
            digits = run[start : len(run) - (len(run) - start) % 2]
            yield Opened(bytes.fromhex(digits.decode()))


def _from_base64(digits: bytes) -> bytes:
    """What the digits are, as far as they are whole bytes."""
    whole = digits[: len(digits) - (len(digits) % 4 == 1)].translate(OF_URLS)
    return b64decode(whole + b"=" * (-len(whole) % 4))


def _may_be_read(data: bytes) -> bool:
    """Whether a text or something packed is in the data, unlike in what words are in base64."""
    others = len(data.translate(None, PRINTED)) - data.count(0)
    if others <= (1 - PRINTED_FROM) * len(data) or data.startswith(PACKED):
        return True
    return GZIP_HEADER in data or MAGIC in data or _is_utf8(data)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _beginnings(data: bytes) -> list[int]:
    """The places at which compressed data may begin."""
    places: list[int] = []
    for begin in PACKED:
        place = data.find(begin)
        while place >= 0 and len(places) < MOST_STREAMS:
            places.append(place)
            place = data.find(begin, place + 1)
    return places


def _decompress(data: bytes, form: int) -> Opened:
    """What the data hold as far as they go; whole only where they tell their end."""
    opened, rest = b"", data
    while rest:
        opener = zlib.decompressobj(form)
        try:
            opened += opener.decompress(rest, LARGEST_STREAM_BYTES)
        except zlib.error:
            if opened:
                break  # what follows compressed data may be anything
            return Opened(_before_damage(data, form), is_whole=False)
        if not opener.eof:
            return Opened(opened, is_whole=False)
        rest = opener.unused_data
    return Opened(opened)


def _before_damage(data: bytes, form: int) -> bytes:
    opener, opened = zlib.decompressobj(form), bytearray()
    with suppress(zlib.error):
        for position in range(len(data)):
            opened += opener.decompress(data[position : position + 1])
    return bytes(opened)

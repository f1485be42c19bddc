"""Where the name of a score's id occurs in bytes, however it is written or packed. Pure.

It is looked for in any case, encoding and escaping, and inside what base64, gzip and the like hide.
Nothing needs to be well formed for that, so a damaged score is found like a sound one.
"""

import binascii
import zlib
from collections.abc import Iterator
from contextlib import suppress

from chalicelib import words

Way = tuple[str, ...]
"""What has to be opened or decoded before the name can be read, outermost first."""

BASE64, WIDE = "base64", "UTF-16 or UTF-32"

NAME = words.RECORD_ID.lower().encode()

DEEPEST = 5
MOST_BYTES = 48 * 1024**2
"""What is opened of one payload, in all ways together."""

SHORTEST_STREAM_BYTES = 16
LARGEST_STREAM_BYTES = 10 * 1024**2
MOST_STREAMS = 100
"""Places in one part that are tried as the beginning of compressed data."""

BEGINS_OF_STREAMS = (b"\x1f\x8b\x08", b"x\x01", b"x^", b"x\x9c", b"x\xda")
GZIP_OR_ZLIB, DEFLATE = 47, -15
"""What zlib calls them: https://docs.python.org/3/library/zlib.html#zlib.decompress"""

LETTERS = sorted({*words.RECORD_ID.lower(), *words.RECORD_ID.upper()})
ESCAPES = {
    begin: [
        (begin + code.encode() + end, letter.encode())
        for letter in LETTERS
        for code in sorted({f"{ord(letter):{base}}", f"{ord(letter):{base}}".upper()})
    ]
    for begin, base, end in (
        (b"\\u00", "x", b""),
        (b"\\x", "x", b""),
        (b"%", "x", b""),
        (b"=", "x", b""),
        (b"&#x", "x", b";"),
        (b"&#", "d", b";"),
    )
}
"""How JSON, programs, forms, mail and XML may write the name's letters, by how that begins."""

BEGINS_OF_ESCAPES = b"\\%=&"
ESCAPED_ESCAPES = ((b"\\\\", b"\\", 6), (b"%25", b"%", 3))
"""What escaping once more makes of an escape, and how often that is undone."""

BASE64_DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
HEXADECIMAL_DIGITS = b"0123456789abcdefABCDEF"
IS_BASE64, IS_HEXADECIMAL = (
    bytes(byte in digits for byte in range(256)) for digits in (BASE64_DIGITS, HEXADECIMAL_DIGITS)
)
NOT_BASE64, NOT_HEXADECIMAL = (
    bytes(byte for byte in range(256) if byte not in digits)
    for digits in (BASE64_DIGITS, HEXADECIMAL_DIGITS)
)
RUN = b"\1" * 16
"""Digits in a row; fewer are words."""

NOT_ASCII = bytes(range(128, 256))
OF_URLS = bytes.maketrans(b"-_", b"+/")

EBCDIC = bytes(range(256)).decode("cp037").lower().encode("latin-1")
TURKISH_I = (b"\xc4\xb0", b"\xc4\xb1")
"""With a dot and without: what Turkish makes of i and I in the other case."""


def find_name(data: bytes) -> Way | None:
    """How the name can be read in the data: empty if as it is, None if it does not occur."""
    parts: list[tuple[Way, bytes]] = [((), data)]
    left_bytes = MOST_BYTES
    for _ in range(DEEPEST):
        deeper: list[tuple[Way, bytes]] = []
        for way, part in parts:
            encoding = _find_encoding(part)
            if encoding is not None:
                return (*way, *encoding)
            for opening, opened in _open(part, is_payload=not way):
                left_bytes -= len(opened)
                if left_bytes >= 0:
                    deeper.append(((*way, opening), opened))
        parts = deeper
    return None


def _find_encoding(data: bytes) -> Way | None:
    lowered = data.lower()
    if NAME in lowered:
        return ()
    if b"\0" in lowered and NAME in lowered.replace(b"\0", b""):
        return (WIDE,)
    if data.isascii():
        return None
    if b"\xc4" in lowered:
        for letter in TURKISH_I:
            lowered = lowered.replace(letter, b"i")
        if NAME in lowered:
            return ()
    return ("EBCDIC",) if NAME in data.translate(EBCDIC) else None


def _open(data: bytes, *, is_payload: bool) -> Iterator[tuple[str, bytes]]:
    """What the data may be in another writing, each with the name of that."""
    if is_payload or _is_text(data):
        yield from _open_text(data)
    if data.isascii():
        return
    for place in _find_streams(data):
        if opened := _decompress(memoryview(data)[place:], GZIP_OR_ZLIB):
            yield "gzip or zlib", opened
    if is_payload and (opened := _decompress(memoryview(data), DEFLATE)):
        yield "deflate", opened


def _open_text(data: bytes) -> Iterator[tuple[str, bytes]]:
    plain = data
    if len(data.translate(None, BEGINS_OF_ESCAPES)) < len(data):
        for twice, once, times in ESCAPED_ESCAPES:
            for _ in range(times if twice in plain else 0):
                plain = plain.replace(twice, once)
        unescaped = plain
        for begin, letters in ESCAPES.items():
            for escaped, letter in letters if begin in unescaped else ():
                unescaped = unescaped.replace(escaped, letter)
        if unescaped != data:
            yield "escapes", unescaped
    if RUN not in data.translate(IS_BASE64):
        return
    lines = plain.replace(b"\\n", b"").replace(b"\\r", b"")
    digits = lines.translate(OF_URLS, NOT_BASE64) + b"AAA"  # instead of its padding
    for start in range(4):  # whatever stands before it, one of them begins where it does
        yield BASE64, binascii.a2b_base64(_whole(digits, start, 4))
    if RUN in data.translate(IS_HEXADECIMAL):
        digits = data.translate(None, NOT_HEXADECIMAL)
        for start in range(2):
            yield "hexadecimal digits", binascii.unhexlify(_whole(digits, start, 2))


def _whole(digits: bytes, start: int, size: int) -> bytes:
    """The digits from there on, as far as they are whole groups."""
    return digits[start : len(digits) - (len(digits) - start) % size]


def _is_text(data: bytes) -> bool:
    """Whether it is UTF-8 or mostly ASCII; of what was decoded from a wrong place half is."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return 4 * len(data.translate(None, NOT_ASCII)) >= 3 * len(data)
    return True


def _find_streams(data: bytes) -> list[int]:
    """Where compressed data may begin in the data."""
    # With a smaller window, zlib begins with bytes that are too common to look for anywhere else.
    header = int.from_bytes(data[:2], "big")
    places = [0] if header & 0x8F00 == 0x0800 and header % 31 == 0 else []
    for begin in BEGINS_OF_STREAMS:
        place = data.find(begin)
        while place >= 0 and len(places) < MOST_STREAMS:
            places.append(place)
            place = data.find(begin, place + 1)
    return places


def _decompress(data: memoryview, form: int) -> bytes:
    """What the data opens to, as far as it is sound; empty if it is not compressed so."""
    stream, opened = zlib.decompressobj(form), b""
    start, end = 0, SHORTEST_STREAM_BYTES
    with suppress(zlib.error):  # what was opened before the damage stays
        while start < len(data) and not stream.eof and len(opened) < LARGEST_STREAM_BYTES:
            opened += stream.decompress(data[start:end], LARGEST_STREAM_BYTES - len(opened))
            start, end = end, 2 * end
    return opened

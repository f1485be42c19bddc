"""What the data of a Kinesis record holds: one payload, or many in an aggregate, opened.

Pure. Gzip and zlib are opened around a payload, around an aggregate, and around each user record in
one, as CloudWatch Logs, Fluent Bit and Fluentd write them. Nobody compresses twice or puts
aggregates in aggregates: those are rejects. So is what begins as compressed data does and cannot be
opened, since no text begins so.
"""

import gzip
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.deaggregation import deaggregate
from chalicelib.scores import InvalidRecord

GZIP, ZLIB = "gzip", "zlib"

GZIP_HEADER = b"\x1f\x8b\x08"
"""How gzip with its only method of compression begins: https://www.rfc-editor.org/rfc/rfc1952"""

OTHER_HEADERS = (
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"\xff\x06\x00\x00sNaPpY", "snappy"),
    (0, b"\x04\x22\x4d\x18", "LZ4"),
    (0, b"\xfd7zXZ\x00", "xz"),
    (4, b"1AY&SY", "bzip2"),
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"\x1f\xef\xbf\xbd\x08", "gzip that was taken for text"),
    (0, b"\x1f\xc2\x8b\x08", "gzip that was taken for text"),
)
"""Where what is not opened has which bytes. No text has them, and whether it holds scores is
unknown."""

MOST_OPENED_BYTES = 10 * 1024**2
"""What compressed data may open to in one Kinesis record, all in all: as much as one holds
uncompressed. https://docs.aws.amazon.com/streams/latest/dev/large-records.html"""


class Opener:
    """Opens gzip and zlib, up to a number of bytes in all; beyond that it opens none any more."""

    def __init__(self, most_bytes: int = MOST_OPENED_BYTES) -> None:
        self._left_bytes = most_bytes

    def open(self, data: bytes) -> bytes:
        """The data, opened if it is compressed.

        Raises InvalidRecord where it is damaged, cut off, too large, compressed twice, or
        compressed in a way that is not opened.
        """
        method = _method_of(data)
        if method is None:
            return data
        try:
            opened = _decompress(method, data, self._left_bytes + 1)
        except (EOFError, OSError, zlib.error) as error:
            if method == ZLIB and not _is_certainly_zlib(data):
                return data
            raise InvalidRecord(f"the {method} cannot be opened: {error}") from error
        if len(opened) > self._left_bytes:
            self._left_bytes = 0
            raise InvalidRecord(f"{method} opens to more than {MOST_OPENED_BYTES:,} bytes in all")
        self._left_bytes -= len(opened)
        within = _method_of(opened)
        if within == GZIP or (within == ZLIB and _is_certainly_zlib(opened)):
            raise InvalidRecord(f"{within} inside {method} is not opened")
        return opened


@dataclass(frozen=True)
class Package:
    """The data of one Kinesis record, taken apart except for compression around user records."""

    user_records: Sequence[bytes]
    is_aggregate: bool
    opener: Opener

    def open(self, user_record: bytes) -> bytes:
        """The payload that one of the user records is.

        Raises InvalidRecord where it cannot be opened, or where it is an aggregate itself.
        """
        if not self.is_aggregate:
            return user_record
        payload = self.opener.open(user_record)
        if deaggregate(payload) is not None:
            raise InvalidRecord("an aggregate inside an aggregate is not taken apart")
        return payload


def unpack(data: bytes) -> Package:
    """What the data of a Kinesis record holds; raises InvalidRecord where all of it is damaged."""
    opener = Opener()
    opened = opener.open(data)
    user_records = deaggregate(opened)
    if user_records is None:
        return Package((opened,), is_aggregate=False, opener=opener)
    return Package([each.data for each in user_records], is_aggregate=True, opener=opener)


def _method_of(data: bytes) -> str | None:
    """How the data is compressed, as its header tells; raises InvalidRecord for other methods."""
    if data.startswith(b"{"):
        return None
    if data.startswith(GZIP_HEADER):
        return GZIP
    # https://www.rfc-editor.org/rfc/rfc1950#page-5: the method, and a multiple of 31.
    if len(data) > 1 and data[0] & 0x8F == 0x08 and int.from_bytes(data[:2], "big") % 31 == 0:
        return ZLIB
    for place, header, name in OTHER_HEADERS:
        if data.startswith(header, place):
            raise InvalidRecord(f"{name} is not opened: compress by gzip or zlib, or not at all")
    return None


def _decompress(method: str, data: bytes, most_bytes: int) -> bytes:
    if method == GZIP:
        with gzip.open(io.BytesIO(data)) as content:
            return content.read(most_bytes)
    stream = zlib.decompressobj()
    opened = stream.decompress(data, most_bytes)
    if len(opened) < most_bytes and not stream.eof:
        raise EOFError("it is cut off")
    if stream.unused_data:
        raise EOFError("something else follows it")
    return opened


def _is_certainly_zlib(data: bytes) -> bool:
    """Whether data with zlib's header is no text: texts begin with x^ too, and with other windows.

    With the usual window it begins with an x, and with a byte that no text has after it.
    """
    try:
        return data[0] == 0x78 and not data.decode()[:2].isprintable()
    except UnicodeDecodeError:
        return data[0] == 0x78

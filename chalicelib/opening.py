"""What the data of a Kinesis record holds: one payload, or many in an aggregate; gzip opened.

Pure. Gzip is opened around a payload, around an aggregate, and around each user record in one, as
CloudWatch Logs subscriptions and Fluent Bit write it. Nobody writes gzip in gzip or aggregates in
aggregates: those are rejects, and so is whatever begins as gzip does and cannot be opened, since no
text begins so.
"""

import gzip
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.deaggregation import deaggregate
from chalicelib.scores import InvalidRecord

GZIP = b"\x1f\x8b\x08"
"""How gzip with its only method of compression begins: https://www.rfc-editor.org/rfc/rfc1952"""

MOST_OPENED_BYTES = 10 * 1024**2
"""What gzip may open to in one Kinesis record, all in all: as much as one holds uncompressed.
https://docs.aws.amazon.com/streams/latest/dev/large-records.html"""


class Opener:
    """Opens gzip, up to a number of bytes in all; beyond that it opens none any more."""

    def __init__(self, most_bytes: int = MOST_OPENED_BYTES) -> None:
        self._left_bytes = most_bytes

    def open(self, data: bytes) -> bytes:
        """The data, opened if it is gzip.

        Raises InvalidRecord where it is damaged, cut off, too large, or gzip once more.
        """
        if not data.startswith(GZIP):
            return data
        try:
            with gzip.open(io.BytesIO(data)) as content:
                opened = content.read(self._left_bytes + 1)
        except (EOFError, OSError, zlib.error) as error:
            raise InvalidRecord(f"the gzip cannot be opened: {error}") from error
        if len(opened) > self._left_bytes:
            self._left_bytes = 0
            raise InvalidRecord(f"gzip opens to more than {MOST_OPENED_BYTES:,} bytes in all")
        self._left_bytes -= len(opened)
        if opened.startswith(GZIP):
            raise InvalidRecord("gzip inside gzip is not opened")
        return opened


@dataclass(frozen=True)
class Package:
    """The data of one Kinesis record, taken apart except for gzip around user records."""

    user_records: Sequence[bytes]
    is_aggregate: bool
    opener: Opener

    def open(self, user_record: bytes) -> bytes:
        """The payload that one of the user records is.

        Raises InvalidRecord where its gzip cannot be opened, or where it is an aggregate itself.
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

"""The domain: what a score is, what it changes, and why a record is not valid.

Pure: knows no AWS, no Chalice, no environment.
"""

import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, Inexact, InvalidOperation
from typing import Any, NamedTuple

from chalicelib import words

EventRecord = Mapping[str, Any]
"""A record of an event as Lambda delivers it, from JSON."""

RECORD_KEYS = (words.RECORD_ID, words.USERNAME, words.SCORE)

DIGEST_ATTRIBUTE = "PayloadDigest"
"""The attribute in which a stored record keeps the digest of the payload it came from."""

MAX_USERNAME_BYTES = 2048
"""A partition key's limit: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""

MAX_DIGITS = 38
SMALLEST_MAGNITUDE = Decimal("1E-130")
LARGEST_MAGNITUDE = Decimal("9.9999999999999999999999999999999999999E+125")
"""DynamoDB's numbers: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html"""

EXACT = Context(prec=400, Emax=999, Emin=-999, traps=[Inexact, InvalidOperation])
"""Adds DynamoDB's numbers without rounding: their digits lie between 1E+125 and 1E-167."""


class InvalidRecord(ValueError):
    """A record can never succeed; the message says why."""


class ForeignEvent(ValueError):
    """An event is no batch of records; whoever sent it must hear that nothing was done with it."""


class Reject(NamedTuple):
    """A record of the batch that can never succeed: its index in the batch, and why.

    `traceback` is there only where the reason is an exception that nobody foresaw.
    """

    position: int
    reason: str
    traceback: str = ""


LONGEST_REASON = 500
"""Characters of a reason that are kept: a producer's own names can stand in it."""


class Place(NamedTuple):
    """Where something is: the index of its record in the batch, in an aggregate, in a payload.

    User records are counted from 0, like KCL's subSequenceNumber, and so are a payload's objects.
    None: the record is no aggregate, the payload holds no more than one object.
    """

    position: int
    user_record: int | None = None
    object: int | None = None

    def reject(self, reason: str, traceback: str = "") -> Reject:
        """The reject of what is here, e.g. for `user record 17, object 2: Username is empty`."""
        parts = (("user record", self.user_record), ("object", self.object))
        place = ", ".join(f"{name} {index}" for name, index in parts if index is not None)
        reason = reason.encode(errors="backslashreplace").decode()
        if len(reason) > LONGEST_REASON:
            reason = f"{reason[:LONGEST_REASON]}…"
        return Reject(self.position, f"{place}: {reason}" if place else reason, traceback)


@dataclass(frozen=True)
class ScoreRecord:
    """A valid score record, as a producer sent it.

    `item` is all that it holds, in DynamoDB's attribute values, and the digest of its bytes, by
    which it is known again however it is packed.
    """

    place: Place
    record_id: Decimal
    username: str
    score: Decimal
    item: Mapping[str, Any]


class ScoreChange(NamedTuple):
    """What one stream record does to one user's total.

    `receipt` identifies the stream record (16 bytes, see totals.py) and `position` is its index
    in the batch. A record that moves a score to another user makes two changes, one receipt.
    """

    username: str
    amount: Decimal
    receipt: bytes
    position: int


def records_in(event: object, source: str) -> Sequence[EventRecord]:
    """The records of an event as Lambda delivers it; raises ForeignEvent if it is another event."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(records, list):
        raise ForeignEvent(
            f"The event is {kind_of(event)} without Records, no batch of a stream. This function "
            "takes what an event source mapping delivers; `python -m operations events "
            f"{source}` prints such an event for a test."
        )
    return records


def reject_of(place: Place, error: Exception) -> Reject:
    """The reject of what stands there, for its reason or for an exception that nobody foresaw.

    To be called while the exception is handled.
    """
    if isinstance(error, InvalidRecord):
        return place.reject(str(error))
    return place.reject(f"unforeseen {type(error).__name__}: {error}", traceback.format_exc())


def check_number(name: str, value: object) -> Decimal:
    """The value, if it is a number that DynamoDB holds exactly.

    Raises InvalidRecord for anything else: a boolean, a string, NaN, Infinity, more than 38
    digits, a magnitude out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise InvalidRecord(f"{name} is {kind_of(value)}, not a number")
    number = Decimal(value)
    if not number.is_finite():
        raise InvalidRecord(f"{name} is not a finite number")
    if not number:
        return Decimal(0)
    if not SMALLEST_MAGNITUDE <= number.copy_abs() <= LARGEST_MAGNITUDE:
        raise InvalidRecord(f"{name} is beyond DynamoDB's range, 1E-130 to 9.9E+125")
    if len(number.as_tuple().digits) > MAX_DIGITS:
        number = _without_trailing_zeros(number)
        if len(number.as_tuple().digits) > MAX_DIGITS:
            raise InvalidRecord(f"{name} has more than {MAX_DIGITS} significant digits")
    return number


def check_username(value: object) -> str:
    """The value, if it can be the key of a total; raises InvalidRecord if not."""
    if not isinstance(value, str):
        raise InvalidRecord(f"{words.USERNAME} is {kind_of(value)}, not a string")
    if not value:
        raise InvalidRecord(f"{words.USERNAME} is empty")
    size_bytes = len(check_text(words.USERNAME, value).encode())
    if size_bytes > MAX_USERNAME_BYTES:
        raise InvalidRecord(
            f"{words.USERNAME} has {size_bytes:,} bytes, at most {MAX_USERNAME_BYTES:,}"
        )
    return value


def check_text(name: str, value: str) -> str:
    """The value, if UTF-8 can hold it; JSON's escapes can also write half a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidRecord(f"{name} holds half a surrogate pair, which is no text") from None
    return value


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    """The sum of numbers that DynamoDB holds, unrounded: it may have more digits than they."""
    total = Decimal(0)
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def parse_number(text: str) -> Decimal:
    """The number that the text denotes; NaN where Python cannot hold it (an exponent too large)."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("NaN")


def kind_of(value: object) -> str:
    """How JSON calls the value's type, for a person: `a string`, `null`."""
    kinds = {bool: "a boolean", str: "a string", list: "a list", dict: "an object"}
    if value is None:
        return "null"
    return kinds.get(type(value), "a number")


def _without_trailing_zeros(number: Decimal) -> Decimal:
    digits = len(number.as_tuple().digits)
    return number.normalize(Context(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN))

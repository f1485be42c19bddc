"""What the table's stream delivers, decoded into changes of totals or rejects.

Pure. Each stream record is decoded by itself, so that a broken one is a reject of its own and the
batch goes on. The event as Lambda delivers it:
https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from chalicelib import words
from chalicelib.receipts import make_receipt
from chalicelib.scores import (
    EventRecord,
    InvalidRecord,
    Place,
    Reject,
    ScoreChange,
    check_number,
    check_username,
    exact_sum,
    parse_number,
    reject_of,
)

TTL_PRINCIPAL = "dynamodb.amazonaws.com"
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html"""

LATEST_SECONDS = 2**32 - 1
UNITS = (1, 10**3, 10**6, 10**9)
"""The parts of a second that a time may be told in."""

FINER_FROM = 10**11
"""So many of a unit are of the next finer one: as seconds they would lie in the year 5138."""


@dataclass(frozen=True)
class StreamBatch:
    """A decoded batch of DynamoDB stream records; `ignored` counts those that change no total."""

    changes: tuple[ScoreChange, ...]
    rejects: tuple[Reject, ...]
    ignored: int


class Score(NamedTuple):
    """What one image says."""

    username: str
    score: Decimal


@dataclass(frozen=True)
class StreamRecord:
    """What one stream record comes to: its changes, and why its new image counts for nothing."""

    changes: tuple[ScoreChange, ...]
    problem: str | None = None


def decode_stream_batch(records: Sequence[EventRecord]) -> StreamBatch:
    """The changes that the batch's stream records make, and the rejects, in the batch's order."""
    changes: list[ScoreChange] = []
    rejects: list[Reject] = []
    ignored = 0
    for position, record in enumerate(records):
        place = Place(position)
        try:
            decoded = decode_stream_record(place, record)
        except Exception as error:
            rejects.append(reject_of(place, error))
            continue
        changes += decoded.changes
        if decoded.problem:
            rejects.append(place.reject(decoded.problem))
        elif not decoded.changes:
            ignored += 1
    return StreamBatch(tuple(changes), tuple(rejects), ignored)


def decode_stream_record(place: Place, record: EventRecord) -> StreamRecord:
    """What the stream record changes: the new image's score is added, the old image's taken away.

    So insertion, correction, move to another user and deletion are one rule, and totals equal
    the sum over the table. An image that is no valid score counts for nothing: a new one is a
    problem to report, an old one was reported when it was new. A record expired by TTL is
    archived, not corrected: no change. Raises InvalidRecord where an image that the rule needs,
    or what identifies the record, is missing.
    """
    event_name = record.get("eventName")
    if event_name not in ("INSERT", "MODIFY", "REMOVE"):
        raise InvalidRecord(f"eventName is {event_name!r}, not INSERT, MODIFY or REMOVE")
    if is_expiry(record):
        return StreamRecord(())
    change = record.get("dynamodb")
    if not isinstance(change, Mapping):
        raise InvalidRecord("the stream record has no dynamodb part")
    receipt = _decode_receipt(record, change)
    added = taken = problem = None
    if event_name != "INSERT":
        old_image = _require_image(change, "OldImage")
        with contextlib.suppress(InvalidRecord):  # rejected when it was new, and never counted
            taken = _decode_score(old_image, "OldImage")
    if event_name != "REMOVE":
        new_image = _require_image(change, "NewImage")
        try:
            added = _decode_score(new_image, "NewImage")
        except InvalidRecord as error:
            problem = str(error)
    return StreamRecord(_plan_changes(place.position, receipt, added, taken), problem)


def is_expiry(record: EventRecord) -> bool:
    """Whether DynamoDB itself deleted the item because its time to live was over."""
    identity = record.get("userIdentity")
    return isinstance(identity, Mapping) and identity.get("principalId") == TTL_PRINCIPAL


def _plan_changes(
    position: int, receipt: bytes, added: Score | None, taken: Score | None
) -> tuple[ScoreChange, ...]:
    if added and taken and added.username == taken.username:
        difference = exact_sum((added.score, taken.score.copy_negate()))
        amounts = [(added.username, difference)] if difference else []
    else:
        amounts = [(added.username, added.score)] if added else []
        amounts += [(taken.username, taken.score.copy_negate())] if taken and taken.score else []
    return tuple(ScoreChange(username, amount, receipt, position) for username, amount in amounts)


def _decode_receipt(record: EventRecord, change: Mapping[str, Any]) -> bytes:
    event_id, sequence_number = record.get("eventID"), change.get("SequenceNumber")
    if not event_id or not sequence_number:
        raise InvalidRecord("the stream record has no eventID or no SequenceNumber to know it by")
    return make_receipt(str(event_id), str(sequence_number), created_seconds(record))


def decode_seconds(time: object) -> int:
    """The time of a record in whole seconds; 0, older than any page, where none can be relied on.

    The only place that reads such a time, in whatever unit. Zero is safe: a record that might be as
    old as the archive is looked up in all of it.
    """
    if isinstance(time, bool) or not isinstance(time, int | float) or not 0 <= time < math.inf:
        return 0
    unit = next((unit for unit in UNITS if time < unit * FINER_FROM), UNITS[-1])
    seconds = int(time / unit)
    return seconds if seconds <= LATEST_SECONDS else 0


def created_seconds(record: EventRecord) -> int:
    """When the stream record's change was made, in whole seconds; 0 where it tells no time."""
    change = record.get("dynamodb") if isinstance(record, Mapping) else None
    created = change.get("ApproximateCreationDateTime") if isinstance(change, Mapping) else None
    return decode_seconds(created)


def _require_image(change: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    image = change.get(name)
    if not isinstance(image, Mapping):
        raise InvalidRecord(
            f"the stream record has no {name}: set the stream's view to NEW_AND_OLD_IMAGES"
        )
    return image


def _decode_score(image: Mapping[str, Any], name: str) -> Score:
    """Whose score an image like `{"Username": {"S": "John"}, "Score": {"N": "20"}}` is."""
    username = _decode_attribute(image, name, words.USERNAME)
    score = _decode_attribute(image, name, words.SCORE)
    return Score(check_username(username), check_number(words.SCORE, score))


def _decode_attribute(image: Mapping[str, Any], name: str, key: str) -> object:
    attribute = image.get(key)
    if not isinstance(attribute, Mapping) or not attribute:
        raise InvalidRecord(f"the {name} has no {key}")
    kind, value = next(iter(attribute.items()))
    if kind == "N":
        return parse_number(value)
    if kind in ("S", "BOOL"):
        return value
    raise InvalidRecord(f"the {name}'s {key} is of DynamoDB's type {kind}")

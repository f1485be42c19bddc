"""What the streams deliver, decoded once into domain values or rejects.

Pure. Each record is decoded by itself, so that a broken one is a reject of its own and the batch
goes on.
"""

import base64
import binascii
import contextlib
import json
import math
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Any, NamedTuple, TypeVar

from chalicelib.receipts import make_receipt
from chalicelib.scores import (
    InvalidRecord,
    Place,
    Reject,
    ScoreChange,
    ScoreRecord,
    check_number,
    check_username,
    exact_sum,
    parse_number,
)
from chalicelib.unpacking import Package, unpack

RECORD_KEYS = ("RecordID", "Username", "Score")
DIGEST_ATTRIBUTE = "PayloadDigest"

LONGEST_LOGGED_TEXT = 1000
"""Characters of a payload that are logged; CloudWatch Logs bills every byte."""

TTL_PRINCIPAL = "dynamodb.amazonaws.com"
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html"""

LATEST_SECONDS = 2**32 - 1
MILLISECONDS_FROM = 10**11
"""A time from here on is in milliseconds: in seconds it would lie in the year 5138."""

# The events as Lambda delivers them (JSON): https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
# and https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
EventRecord = Mapping[str, Any]
Source = TypeVar("Source")
Decoded = TypeVar("Decoded")


@dataclass(frozen=True)
class KinesisBatch:
    """A decoded batch of Kinesis records.

    Its records are user records: those that an aggregate packs, or else a Kinesis record's only
    one. `payloads` are the texts to log, one a user record that could be unpacked; `ignored`
    counts those that are no score records. A Kinesis record that could not be unpacked is one
    reject, so records, rejects and ignored ones are together all that was received.
    """

    payloads: tuple[str, ...]
    records: tuple[ScoreRecord, ...]
    rejects: tuple[Reject, ...]
    ignored: int


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


def decode_kinesis_batch(records: Sequence[EventRecord]) -> KinesisBatch:
    """The batch's payloads, score records and rejects, each in the batch's order.

    One Kinesis record is unpacked at a time, and what it was unpacked to is not kept.
    """
    rejects: list[Reject] = []
    texts: list[str] = []

    def log_and_decode(place: Place, payload: bytes) -> ScoreRecord | None:
        texts.append(text_to_log(payload))
        return decode_score_record(place, payload)

    data = _decode_each(_with_places(records), _decode_data, rejects)
    payloads = _unpack_each(data, rejects)
    decoded = [record for _, record in _decode_each(payloads, log_and_decode, rejects)]
    return KinesisBatch(
        payloads=tuple(texts),
        records=tuple(record for record in decoded if record is not None),
        rejects=tuple(rejects),
        ignored=sum(record is None for record in decoded),
    )


def decode_score_record(place: Place, payload: bytes) -> ScoreRecord | None:
    """The score record that a payload holds, or None if it is something else.

    A payload is meant as a score record if it is a JSON object with any of the keys RecordID,
    Username and Score, e.g. `{"RecordID": 1, "Username": "John", "Score": 20}`. Raises
    InvalidRecord where such an object is not valid. Numbers never pass through a float.
    """
    fields = _decode_object(payload)
    if fields is None or not any(key in fields for key in RECORD_KEYS):
        return None
    missing = [key for key in RECORD_KEYS if key not in fields]
    if missing:
        raise InvalidRecord(f"the record has no {' and no '.join(missing)}")
    if DIGEST_ATTRIBUTE in fields:
        raise InvalidRecord(f"the attribute {DIGEST_ATTRIBUTE} is reserved for the pipeline")
    return ScoreRecord(
        position=place.position,
        record_id=check_number("RecordID", fields["RecordID"]),
        username=check_username(fields["Username"]),
        score=check_number("Score", fields["Score"]),
        attributes=fields,
        payload_digest=blake2b(payload, digest_size=16).digest(),
        user_record=place.user_record,
    )


def text_to_log(payload: bytes) -> str:
    """The payload for a person: what is not UTF-8 as backslash escapes, what is long cut."""
    text = payload[: 4 * LONGEST_LOGGED_TEXT + 4].decode(errors="backslashreplace")
    if len(text) <= LONGEST_LOGGED_TEXT:
        return text
    return f"{text[:LONGEST_LOGGED_TEXT]}… ({len(payload):,} bytes)"


def decode_stream_batch(records: Sequence[EventRecord]) -> StreamBatch:
    """The changes that the batch's stream records make, and the rejects, in the batch's order."""
    rejects: list[Reject] = []
    decoded = list(_decode_each(_with_places(records), decode_stream_record, rejects))
    rejects += [place.reject(record.problem) for place, record in decoded if record.problem]
    return StreamBatch(
        changes=tuple(change for _, record in decoded for change in record.changes),
        rejects=tuple(sorted(rejects)),
        ignored=sum(not record.changes and not record.problem for _, record in decoded),
    )


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


def _with_places(records: Iterable[EventRecord]) -> Iterator[tuple[Place, EventRecord]]:
    return ((Place(position), record) for position, record in enumerate(records))


def _unpack_each(
    data: Iterable[tuple[Place, bytes]], rejects: list[Reject]
) -> Iterator[tuple[Place, bytes]]:
    """Each payload in the data of Kinesis records; what cannot be unpacked goes to the rejects."""
    for place, package in _decode_each(data, lambda _, packed: unpack(packed), rejects):
        yield from _open_each(place, package, rejects)


def _open_each(
    place: Place, package: Package, rejects: list[Reject]
) -> Iterator[tuple[Place, bytes]]:
    user_records = (
        (Place(place.position, index) if package.is_aggregate else place, user_record)
        for index, user_record in enumerate(package.user_records)
    )
    return _decode_each(user_records, lambda _, packed: package.open(packed), rejects)


def _decode_each(
    placed: Iterable[tuple[Place, Source]],
    decode: Callable[[Place, Source], Decoded],
    rejects: list[Reject],
) -> Iterator[tuple[Place, Decoded]]:
    """Each item's decoded value with its place; what cannot be decoded goes to the rejects."""
    for place, source in placed:
        try:
            yield place, decode(place, source)
        except InvalidRecord as error:
            rejects.append(place.reject(str(error)))
        except Exception as error:  # whatever one record holds must not hold up the others
            reason = f"unforeseen {type(error).__name__}: {error}"
            rejects.append(place.reject(reason, traceback.format_exc()))


def _decode_data(_: Place, record: EventRecord) -> bytes:
    kinesis = record.get("kinesis")
    data = kinesis.get("data") if isinstance(kinesis, Mapping) else None
    if not isinstance(data, str):
        raise InvalidRecord("the Kinesis record has no data")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRecord(f"the data is not base64: {error}") from error


def _decode_object(payload: bytes) -> dict[str, object] | None:
    """The JSON object that the payload is, its numbers as Decimal; None if it is none."""
    try:
        fields = json.loads(
            payload.decode("utf-8-sig"),
            parse_int=parse_number,
            parse_float=parse_number,
            parse_constant=Decimal,
        )
    except ValueError:  # not UTF-8, or not JSON
        return None
    except RecursionError:
        raise InvalidRecord("the payload is nested too deeply for JSON") from None
    return fields if isinstance(fields, dict) else None


def _decode_receipt(record: EventRecord, change: Mapping[str, Any]) -> bytes:
    event_id, sequence_number = record.get("eventID"), change.get("SequenceNumber")
    if not event_id or not sequence_number:
        raise InvalidRecord("the stream record has no eventID or no SequenceNumber to know it by")
    created = change.get("ApproximateCreationDateTime")
    return make_receipt(str(event_id), str(sequence_number), _decode_seconds(created))


def _decode_seconds(created: object) -> int:
    """The time in whole seconds; 0, older than any page, where there is none to rely on.

    Zero is safe: a record that might be as old as the archive is looked up in all of it.
    """
    if not isinstance(created, int | float) or not 0 <= created < math.inf:
        return 0
    seconds = int(created / 1000 if created >= MILLISECONDS_FROM else created)
    return seconds if seconds <= LATEST_SECONDS else 0


def _require_image(change: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    image = change.get(name)
    if not isinstance(image, Mapping):
        raise InvalidRecord(
            f"the stream record has no {name}: set the stream's view to NEW_AND_OLD_IMAGES"
        )
    return image


def _decode_score(image: Mapping[str, Any], name: str) -> Score:
    """Whose score an image like `{"Username": {"S": "John"}, "Score": {"N": "20"}}` is."""
    fields: dict[str, object] = {}
    for key in ("Username", "Score"):
        attribute = image.get(key)
        if not isinstance(attribute, Mapping) or not attribute:
            raise InvalidRecord(f"the {name} has no {key}")
        kind, value = next(iter(attribute.items()))
        if kind == "N":
            fields[key] = parse_number(value)
        elif kind in ("S", "BOOL"):
            fields[key] = value
        else:
            raise InvalidRecord(f"the {name}'s {key} is of DynamoDB's type {kind}")
    return Score(check_username(fields["Username"]), check_number("Score", fields["Score"]))

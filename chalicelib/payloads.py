"""What the Kinesis stream delivers, decoded into score records or rejects.

A payload in which the name of a score's id occurs is stored or is a reject; it is never merely
logged. Pure. What is broken is a reject of its own, so that the batch goes on, and whether a record
is valid is decided here, down to the item that the table will hold. The event as Lambda delivers
it: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeGuard

from chalicelib import words
from chalicelib.documents import Document, read_document, read_documents, read_object
from chalicelib.items import LARGEST_ITEM_BYTES, check_size, to_item
from chalicelib.mentions import WIDE, find_name
from chalicelib.opening import unpack
from chalicelib.reasons import how_to_spell, is_utf8, reason_of
from chalicelib.scores import (
    DIGEST_ATTRIBUTE,
    RECORD_KEYS,
    EventRecord,
    InvalidRecord,
    Place,
    Reject,
    ScoreRecord,
    check_number,
    check_username,
    kind_of,
    reject_of,
)

Outcome = ScoreRecord | Reject | None
"""What one object of a payload is; None: something else, which is logged and ignored."""

NO_RECORD = f"it is no {words.RECORD}, a JSON object with {', '.join(RECORD_KEYS)}"

BEFORE_JSON = b"\xef\xbb\xbf \t\r\n"
SIGNS_OF_KEYS = (*(f'"{key}"'.encode() for key in RECORD_KEYS), b"\\u00")
"""JSON without any of them has none of the keys."""

ESCAPED_LETTER = re.compile(r"\\u00([46][1-9a-fA-F]|[57][0-9aA])")
BEGIN_OF_AN_OBJECT = re.compile(r'[\[\s]*\{\s*"(?:[^"\\]|\\.)*"\s*:')
A_KEY = re.compile(rf'"(?:{"|".join(RECORD_KEYS)})"\s*:')
"""How an object and a key of a score record stand in JSON that need not be whole."""

LONGEST_LOGGED_TEXT = 1000
"""Characters of a payload that are logged; CloudWatch Logs bills every byte."""


@dataclass(frozen=True)
class KinesisBatch:
    """A decoded batch of Kinesis records.

    Its records are objects: those that a payload holds, which is a user record of an aggregate, or
    else a Kinesis record's only one. `payloads` are the texts to log, one a payload that could be
    unpacked; `ignored` counts what is no score record. A Kinesis record that could not be unpacked
    is one reject, so records, rejects and ignored ones are together all that was received.
    """

    payloads: tuple[str, ...]
    records: tuple[ScoreRecord, ...]
    rejects: tuple[Reject, ...]
    ignored: int


def decode_kinesis_batch(
    records: Sequence[EventRecord], *, reject_others: bool = False
) -> KinesisBatch:
    """The batch's payloads, score records and rejects, each in the batch's order.

    What is no score record is ignored, or with `reject_others` a reject. One Kinesis record is
    unpacked at a time, and what it was unpacked to is not kept.
    """
    texts: list[str] = []
    decoded: list[ScoreRecord] = []
    rejects: list[Reject] = []
    ignored = 0
    for position, record in enumerate(records):
        try:
            package = unpack(decode_data(record))
        except Exception as error:
            rejects.append(reject_of(Place(position), error))
            continue
        for index, user_record in enumerate(package.user_records):
            place = Place(position, index if package.is_aggregate else None)
            try:
                payload = package.open(user_record)
                texts.append(text_to_log(payload))
                outcomes = decode_payload(place, payload, reject_others=reject_others)
            except Exception as error:
                rejects.append(reject_of(place, error))
                continue
            for outcome in outcomes:
                if isinstance(outcome, ScoreRecord):
                    decoded.append(outcome)
                elif outcome is None:
                    ignored += 1
                else:
                    rejects.append(outcome)
    return KinesisBatch(tuple(texts), tuple(decoded), tuple(rejects), ignored)


def decode_payload(
    place: Place, payload: bytes, *, reject_others: bool = False
) -> Sequence[Outcome]:
    """What each object of the payload is, or the payload itself if it holds none.

    An object is meant as a score record if it has any of the keys RecordID, Username and Score,
    e.g. `{"RecordID": 1, "Username": "John", "Score": 20}`. Each is decoded by itself; if there are
    several, each has its index in its place. Numbers never pass through a float.
    """
    fields = read_object(payload)
    if fields is not None and _has_a_key(fields):
        try:
            return (_to_score_record(place, fields, payload),)
        except Exception as error:
            return (reject_of(place, error),)
    documents = documents_in(payload) or [Document("", {})]
    outcomes: list[Outcome] = []
    for index, document in enumerate(documents):
        at = place._replace(object=index) if len(documents) > 1 else place
        try:
            outcome = _decode_document(at, document)
        except Exception as error:
            outcomes.append(reject_of(at, error))
            continue
        if outcome is None and reject_others:
            outcomes.append(at.reject(NO_RECORD))
        else:
            outcomes.append(outcome)
    if any(document.text for document in documents) and not any(outcomes):
        return (place.reject(f"{words.RECORD_ID} occurs in it, but in none of its objects"),)
    return outcomes


def decode_score_record(payload: bytes) -> ScoreRecord:
    """The one score record that the payload is; raises InvalidRecord if it is anything else."""
    outcomes = decode_payload(Place(0), payload, reject_others=True)
    if len(outcomes) > 1:
        raise InvalidRecord(f"it holds {len(outcomes):,} objects, not one")
    (outcome,) = outcomes
    if not isinstance(outcome, ScoreRecord):
        raise InvalidRecord(outcome.reason if outcome else NO_RECORD)
    return outcome


def documents_in(payload: bytes) -> list[Document]:
    """What the payload holds, in its order; nothing if none of it is meant as a score record."""
    way = find_name(payload)
    is_json = payload.lstrip(BEFORE_JSON).startswith((b"{", b"["))
    if way is None and not (is_json and any(sign in payload for sign in SIGNS_OF_KEYS)):
        return []
    text = payload.decode("utf-8-sig", "surrogateescape")
    first_line = text.lstrip().partition("\n")[0]
    is_lines = first_line.rstrip().endswith("}") or text.count("\n{") > 1
    if way == (WIDE,) or not (is_json or is_lines):
        return [read_document(text)]
    documents = read_documents(text)
    is_meant = way is not None or any(map(_may_be_meant, documents))
    return documents if is_meant else []


def payloads_in(record: EventRecord) -> Iterator[bytes]:
    """The payloads in a Kinesis record, opened; raises InvalidRecord where one cannot be."""
    package = unpack(decode_data(record))
    return map(package.open, package.user_records)


def text_to_log(payload: bytes) -> str:
    """The payload for a person: what is not UTF-8 as backslash escapes, what is long cut."""
    text = payload[: 4 * LONGEST_LOGGED_TEXT + 4].decode(errors="backslashreplace")
    if len(text) <= LONGEST_LOGGED_TEXT:
        return text
    return f"{text[:LONGEST_LOGGED_TEXT]}… ({len(payload):,} bytes)"


def decode_data(record: EventRecord) -> bytes:
    """What the Kinesis record carries; raises InvalidRecord where it carries nothing readable."""
    kinesis = record.get("kinesis")
    data = kinesis.get("data") if isinstance(kinesis, Mapping) else None
    if not isinstance(data, str):
        raise InvalidRecord("the Kinesis record has no data")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRecord(f"the data is not base64: {error}") from error


def _decode_document(place: Place, document: Document) -> ScoreRecord | None:
    value = document.value
    if _has_a_key(value) and is_utf8(document.text):
        return _to_score_record(place, value, document.text.encode())
    way = find_name(document.text.encode(errors="surrogateescape"))
    if way is not None:
        raise InvalidRecord(reason_of(document, way))
    if document.problem or not isinstance(value, dict):
        raise InvalidRecord(document.problem or f"it is {kind_of(value)}, not an object")
    return None


def _may_be_meant(document: Document) -> bool:
    """Whether it has a key of a score record, as far as it can be read."""
    if not document.problem:
        return _has_a_key(document.value)
    text = ESCAPED_LETTER.sub(lambda found: chr(int(found[1], 16)), document.text)
    return bool(BEGIN_OF_AN_OBJECT.match(text) and A_KEY.search(text))


def _has_a_key(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict) and any(key in value for key in RECORD_KEYS)


def _to_score_record(place: Place, fields: dict[str, object], data: bytes) -> ScoreRecord:
    """The score record that the fields are; raises InvalidRecord where they are not valid."""
    missing = [key for key in RECORD_KEYS if key not in fields]
    if missing:
        reason = f"the record has no {' and no '.join(missing)}"
        raise InvalidRecord("; ".join(filter(None, (reason, how_to_spell(fields)))))
    if DIGEST_ATTRIBUTE in fields:
        raise InvalidRecord(f"the attribute {DIGEST_ATTRIBUTE} is reserved for the pipeline")
    item = to_item(fields)
    item[DIGEST_ATTRIBUTE] = {"B": blake2b(data, digest_size=16).digest()}
    if 2 * len(data) > LARGEST_ITEM_BYTES:  # an item never has twice the bytes of its JSON
        check_size(item)
    return ScoreRecord(
        place=place,
        record_id=check_number(words.RECORD_ID, fields[words.RECORD_ID]),
        username=check_username(fields[words.USERNAME]),
        score=check_number(words.SCORE, fields[words.SCORE]),
        item=item,
    )

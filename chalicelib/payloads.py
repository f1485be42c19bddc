"""What the Kinesis stream delivers, decoded into score records or rejects.

Pure. Each user record is decoded by itself, so that a broken one is a reject of its own and the
batch goes on. The event as Lambda delivers it:
https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b

from chalicelib import words
from chalicelib.opening import unpack
from chalicelib.scores import (
    DIGEST_ATTRIBUTE,
    EventRecord,
    InvalidRecord,
    Place,
    Reject,
    ScoreRecord,
    check_number,
    check_username,
    parse_number,
    reject_of,
)

RECORD_KEYS = (words.RECORD_ID, words.USERNAME, words.SCORE)

LONGEST_LOGGED_TEXT = 1000
"""Characters of a payload that are logged; CloudWatch Logs bills every byte."""


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


def decode_kinesis_batch(records: Sequence[EventRecord]) -> KinesisBatch:
    """The batch's payloads, score records and rejects, each in the batch's order.

    One Kinesis record is unpacked at a time, and what it was unpacked to is not kept.
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
                score_record = decode_score_record(place, payload)
            except Exception as error:
                rejects.append(reject_of(place, error))
                continue
            if score_record is None:
                ignored += 1
            else:
                decoded.append(score_record)
    return KinesisBatch(tuple(texts), tuple(decoded), tuple(rejects), ignored)


def decode_score_record(place: Place, payload: bytes) -> ScoreRecord | None:
    """The score record that a payload holds, or None if it is something else.

    A payload is meant as a score record if it is a JSON object with any of the keys RecordID,
    Username and Score, e.g. `{"RecordID": 1, "Username": "John", "Score": 20}`. Raises
    InvalidRecord where such an object is not valid. Numbers never pass through a float.
    """
    fields = decode_object(payload)
    if fields is None or not any(key in fields for key in RECORD_KEYS):
        return None
    missing = [key for key in RECORD_KEYS if key not in fields]
    if missing:
        raise InvalidRecord(f"the record has no {' and no '.join(missing)}")
    if DIGEST_ATTRIBUTE in fields:
        raise InvalidRecord(f"the attribute {DIGEST_ATTRIBUTE} is reserved for the pipeline")
    return ScoreRecord(
        place=place,
        record_id=check_number(words.RECORD_ID, fields[words.RECORD_ID]),
        username=check_username(fields[words.USERNAME]),
        score=check_number(words.SCORE, fields[words.SCORE]),
        attributes=fields,
        payload_digest=blake2b(payload, digest_size=16).digest(),
    )


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


def decode_object(payload: bytes) -> dict[str, object] | None:
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

"""Rejected records without one player, and with all others that they hold.

A change that moves a score from one player to another is two in one record: what is left of it is
the other's half, a deletion or an insertion under the same ids, so it counts once as before.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from chalicelib import words
from chalicelib.deaggregation import UserRecord, deaggregate
from chalicelib.payloads import decode_data, decode_kinesis_batch
from chalicelib.rejects import RejectedRecord, join_reasons
from chalicelib.scores import EventRecord, InvalidRecord
from operations.aws.aggregation import encode_aggregate
from operations.rejects.ownership import (
    MAY_BE_THEIRS,
    problem_with,
    problem_with_value,
    unpacked,
    without_player,
)

LEFT_OVER = "it was rejected together with what is erased"
"""The reason of what is left, where the one given was of what is erased."""

LEFT_OVERS_KEY = "left-over"
"""The partition key of a record from which somebody was taken out, since it is often a name."""


class Redacted(NamedTuple):
    """What is left of a rejected record: the very same where nothing is the player's, or None.

    `problem`: why nobody can tell whether anything of the player is still in it.
    """

    left: RejectedRecord | None
    problem: str = ""


def redact(rejected: RejectedRecord, player: str) -> Redacted:
    """The rejected record without the player."""
    record = rejected.record
    if isinstance(record, Mapping):
        if "kinesis" in record:
            return _redact_kinesis_record(rejected, player)
        if isinstance(record.get("dynamodb"), Mapping):
            return _redact_stream_record(rejected, player)
    return Redacted(rejected, problem_with(_as_json(record), player))


def _redact_stream_record(rejected: RejectedRecord, player: str) -> Redacted:
    record: EventRecord = rejected.record
    change = record["dynamodb"]
    players = {name: _player_in(change.get(name)) for name in ("NewImage", "OldImage")}
    if player not in players.values():
        return Redacted(rejected, problem_with_value(record, player))
    others = [name for name, each in players.items() if each not in (player, None)]
    if not others:
        return Redacted(None)
    (other,) = others
    kept = {name: part for name, part in change.items() if name not in players or name == other}
    event_name = "INSERT" if other == "NewImage" else "REMOVE"
    half = {**record, "eventName": event_name, "dynamodb": kept}
    is_named = problem_with(rejected.reason.encode(errors="surrogatepass"), player)
    left = rejected._replace(reason=LEFT_OVER if is_named else rejected.reason, record=half)
    return Redacted(left, problem_with_value(half, player))


def _player_in(image: Any) -> str | None:
    username = image.get(words.USERNAME) if isinstance(image, Mapping) else None
    name = username.get("S") if isinstance(username, Mapping) else None
    return name if isinstance(name, str) else None


def _redact_kinesis_record(rejected: RejectedRecord, player: str) -> Redacted:
    try:
        data = decode_data(rejected.record)
    except InvalidRecord:
        return Redacted(rejected, problem_with(_as_json(rejected.record), player))
    user_records = _user_records_in(data)
    parts = user_records or (UserRecord(data, LEFT_OVERS_KEY),)
    lefts = [without_player(each.data, player) for each in parts]
    problem = next((left.problem for left in lefts if left.problem), "")
    kept = [
        each._replace(data=left.payload)
        for each, left in zip(parts, lefts, strict=True)
        if left.payload is not None
    ]
    if not kept:
        return Redacted(None)
    if all(left.payload is each.data for each, left in zip(parts, lefts, strict=True)):
        return Redacted(rejected, problem or _problem_with_key(rejected.record, player))
    whole = encode_aggregate(kept) if user_records else kept[0].data
    return Redacted(_with_data(rejected, whole, kept[0].partition_key), problem)


def _problem_with_key(record: EventRecord, player: str) -> str:
    """Producers often take the player's name for the key."""
    return MAY_BE_THEIRS if record["kinesis"].get("partitionKey") == player else ""


def _user_records_in(data: bytes) -> tuple[UserRecord, ...] | None:
    """The user records of an aggregate; None where it is none, or damaged."""
    try:
        return deaggregate(unpacked(data))
    except InvalidRecord:
        return None


def _with_data(rejected: RejectedRecord, data: bytes, partition_key: str) -> RejectedRecord:
    """The record with other data; the reason is what decoding says of that by itself."""
    record: EventRecord = rejected.record
    encoded = base64.b64encode(data).decode()
    kinesis = {**record["kinesis"], "data": encoded, "partitionKey": partition_key}
    redacted = {**record, "kinesis": kinesis}
    reasons = [each.reason for each in decode_kinesis_batch([redacted]).rejects]
    reason = join_reasons(reasons) if reasons else LEFT_OVER
    return rejected._replace(record=redacted, reason=reason)


def _as_json(record: Any) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode(errors="surrogatepass")

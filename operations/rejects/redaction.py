"""Rejected records without one player, and with all others that they hold.

A change that moves a score from one player to another is two in one record: what is left of it is
the other's half, a deletion or an insertion under the same ids, so it counts once as before.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chalicelib import words
from chalicelib.deaggregation import deaggregate
from chalicelib.opening import Opener
from chalicelib.payloads import decode_data, decode_kinesis_batch, documents_in
from chalicelib.rejects import RejectedRecord, join_reasons
from chalicelib.scores import EventRecord, InvalidRecord
from operations.aws.aggregation import encode_aggregate
from operations.rejects.objects import RejectsObject

LEFT_OVER = "it was rejected together with what is erased"
"""The reason of what is left, where the one given was of what is erased."""


def without_player(found: RejectsObject, player: str) -> RejectsObject:
    """The object without the player; the very same one where it does not hold any of theirs."""
    left = [_redacted(each, player) for each in found.rejects]
    if all(after is before for after, before in zip(left, found.rejects, strict=True)):
        return found
    return replace(found, rejects=tuple(each for each in left if each is not None))


def _redacted(rejected: RejectedRecord, player: str) -> RejectedRecord | None:
    """What is left of the record; itself where nothing of it is the player's."""
    record = rejected.record
    if not isinstance(record, Mapping):
        return rejected
    if "kinesis" in record:
        return _redacted_kinesis_record(rejected, player)
    change = record.get("dynamodb")
    if not isinstance(change, Mapping):
        return rejected
    players = {name: _player_in(change.get(name)) for name in ("NewImage", "OldImage")}
    if player not in players.values():
        return rejected
    others = [name for name, each in players.items() if each not in (player, None)]
    if not others:
        return None
    (other,) = others
    kept = {name: part for name, part in change.items() if name not in players or name == other}
    event_name = "INSERT" if other == "NewImage" else "REMOVE"
    reason = LEFT_OVER if player in rejected.reason else rejected.reason
    half = {**record, "eventName": event_name, "dynamodb": kept}
    return rejected._replace(reason=reason, record=half)


def is_unreadable_but_mentions(record: EventRecord, player: str) -> bool:
    """Whether the record is one whose data cannot be read, and the name stands in it."""
    try:
        data = decode_data(record)
    except (InvalidRecord, AttributeError):
        is_kinesis = isinstance(record, Mapping) and "kinesis" in record
        return is_kinesis and mentions(json.dumps(record).encode(), player)
    opener = Opener()
    try:
        packed = deaggregate(opener.open(data)) or ()
        for each in packed:
            opener.open(each.data)
    except InvalidRecord:
        return mentions(data, player)
    return False


def mentions(content: bytes, player: str) -> bool:
    """Whether the name stands in the content, by itself or as JSON escapes it."""
    forms = (player, json.dumps(player)[1:-1], json.dumps(player, ensure_ascii=False)[1:-1])
    return any(form.encode() in content for form in forms)


def _player_in(image: Any) -> str | None:
    username = image.get(words.USERNAME) if isinstance(image, Mapping) else None
    name = username.get("S") if isinstance(username, Mapping) else None
    return name if isinstance(name, str) else None


def _redacted_kinesis_record(rejected: RejectedRecord, player: str) -> RejectedRecord | None:
    opener = Opener()
    try:
        data = opener.open(decode_data(rejected.record))
        packed = deaggregate(data)
    except InvalidRecord:
        return rejected
    if packed is None:
        left = _without(data, player)
        return rejected if left == data else _repacked(rejected, left) if left else None
    user_records = []
    for each in packed:
        payload = _open_or_leave(each.data, opener)
        left = _without(payload, player)
        if left == payload:
            user_records.append(each)
        elif left:
            user_records.append(each._replace(data=left))
    if user_records == list(packed):
        return rejected
    return _repacked(rejected, encode_aggregate(user_records)) if user_records else None


def _repacked(rejected: RejectedRecord, data: bytes) -> RejectedRecord:
    record: EventRecord = rejected.record
    encoded = base64.b64encode(data).decode()
    redacted = {**record, "kinesis": {**record["kinesis"], "data": encoded}}
    reasons = [each.reason for each in decode_kinesis_batch([redacted]).rejects]
    reason = join_reasons(reasons) if reasons else LEFT_OVER
    return rejected._replace(record=redacted, reason=reason)


def _open_or_leave(user_record: bytes, opener: Opener) -> bytes:
    try:
        return opener.open(user_record)
    except InvalidRecord:
        return user_record


def _without(payload: bytes, player: str) -> bytes:
    """The payload without the player's records, valid or not; empty if it holds no others."""
    documents = documents_in(payload)
    left = [
        each.text
        for each in documents
        if not isinstance(each.value, dict) or each.value.get(words.USERNAME) != player
    ]
    if len(left) == len(documents):
        return payload
    return "\n".join(left).encode(errors="surrogateescape")

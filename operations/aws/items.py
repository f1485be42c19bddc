"""Items of the tables, read as the pipeline reads them; what is damaged counts as absent."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from chalicelib import words
from chalicelib.receipts import DamagedItem, UserItem, read_user_item
from chalicelib.scores import InvalidRecord, Place, check_username
from chalicelib.stream_records import StreamRecord, decode_stream_record
from operations.aws.errors import Misuse

Item = Mapping[str, Any]
"""An item, or some attributes of one, in DynamoDB's attribute values."""


def require_username(text: str) -> None:
    """Raise Misuse where no user can have that name."""
    try:
        check_username(text)
    except InvalidRecord as error:
        raise Misuse(f"Nobody can be called so: {error}.") from error


def id_of(item: Item) -> str:
    """The id of a record in the table, or of its key, as DynamoDB writes it; empty without one."""
    return str(next(iter(item.get(words.RECORD_ID, {}).values()), ""))


def score_of(item: Item) -> tuple[str, Decimal] | None:
    """The user and the score of an item of GameScoreRecords; None if it counts for nothing.

    The rule is the aggregator's own.
    """
    for change in _decoded(item).changes:
        return change.username, change.amount
    return None


def problem_of(item: Item) -> str:
    """Why an item of GameScoreRecords counts for nothing; empty if it counts."""
    return (_decoded(item).problem or "").replace("NewImage", "record")


def _decoded(item: Item) -> StreamRecord:
    inserted = {
        "eventName": "INSERT",
        "eventID": "scan",
        "dynamodb": {"SequenceNumber": "scan", "NewImage": item},
    }
    return decode_stream_record(Place(0), inserted)


def total_of(item: Item) -> Decimal | None:
    """The user's total; None where the item holds no number."""
    score = item.get(words.SCORE, {}).get("N")
    return None if score is None else Decimal(score)


def user_of(item: Item) -> UserItem:
    """The user's receipts and newest page."""
    try:
        return read_user_item(item)
    except DamagedItem:
        return UserItem()

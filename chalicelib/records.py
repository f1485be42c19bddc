"""GameScoreRecords: insert a record once, however often it is delivered."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib import words
from chalicelib.parallel import in_parallel
from chalicelib.scores import (
    DIGEST_ATTRIBUTE,
    InvalidRecord,
    Reject,
    ScoreRecord,
    check_number,
    check_text,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOT_YET_THERE = f"attribute_not_exists({words.RECORD_ID})"
"""Why inserting twice is harmless. A refused insertion costs its write unit, as every one does."""

DEEPEST_NESTING = 32
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""

LARGEST_PORTION = 500
"""Ids that are inserted before it is asked whether one failed. Aggregates can bring a hundred
thousand; were all tried while the table cannot be reached, the function's time would not do."""

STORED = "stored"
ALREADY_STORED = "already stored"


@dataclass(frozen=True)
class Insertions:
    """What became of a batch's records: rejects name those that stand in the table otherwise."""

    stored: int = 0
    already_stored: int = 0
    rejects: tuple[Reject, ...] = ()


class GameScoreRecords:
    """The table of score records, keyed by RecordID."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def insert(self, records: Sequence[ScoreRecord]) -> Insertions:
        """Each record stands in the table afterwards, or is a reject with its reason.

        Records of one id are inserted one after another, so the first in the batch wins. Raises
        botocore's error where the table could not be written; then some records may be stored,
        which the next delivery finds.
        """
        groups = list(_by_id(records))
        outcomes = [
            outcome
            for start in range(0, len(groups), LARGEST_PORTION)
            for group in in_parallel(self._insert_in_turn, groups[start : start + LARGEST_PORTION])
            for outcome in group
        ]
        rejects = [outcome for outcome in outcomes if isinstance(outcome, Reject)]
        return Insertions(
            stored=outcomes.count(STORED),
            already_stored=outcomes.count(ALREADY_STORED),
            rejects=tuple(sorted(rejects, key=lambda reject: reject.position)),
        )

    def _insert_in_turn(self, records: Sequence[ScoreRecord]) -> list[str | Reject]:
        return [self._insert(record) for record in records]

    def _insert(self, record: ScoreRecord) -> str | Reject:
        try:
            item = to_item(record)
        except InvalidRecord as error:
            return record.place.reject(str(error))
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression=NOT_YET_THERE,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalCheckFailedException":
                return _compare(record, item, error.response.get("Item", {}))
            if code == "ValidationException":
                return record.place.reject(f"DynamoDB refuses the item: {error}")
            raise
        return STORED


def to_item(record: ScoreRecord) -> dict[str, Any]:
    """The record as an item in DynamoDB's attribute values, with the digest of its payload.

    Raises InvalidRecord where an attribute has no such value.
    """
    item = _to_map("", record.attributes, depth=0)
    item[DIGEST_ATTRIBUTE] = {"B": record.payload_digest}
    return item


def _to_map(path: str, fields: Mapping[str, object], depth: int) -> dict[str, Any]:
    return {
        check_text("an attribute's name", name): _to_attribute_value(path + name, value, depth)
        for name, value in fields.items()
    }


def _to_attribute_value(path: str, value: object, depth: int) -> dict[str, Any]:
    if depth > DEEPEST_NESTING:
        raise InvalidRecord(f"an attribute is nested deeper than {DEEPEST_NESTING} levels")
    if isinstance(value, str):
        return {"S": check_text(path, value)}
    if isinstance(value, Decimal):
        return {"N": str(check_number(path, value))}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, dict):
        return {"M": _to_map(f"{path}.", value, depth + 1)}
    if isinstance(value, list):
        return {"L": [_to_attribute_value(f"{path}[]", each, depth + 1) for each in value]}
    return {"NULL": True}


def _compare(record: ScoreRecord, item: dict[str, Any], stored: Any) -> str | Reject:
    """Whether the item that is there already came from this payload or says the same."""
    if stored.get(DIGEST_ATTRIBUTE) == item[DIGEST_ATTRIBUTE] or says_the_same(stored, item):
        return ALREADY_STORED
    return record.place.reject(
        f"{words.RECORD_ID} {record.record_id} stands in the table with other content: "
        "correct a record in the table, sending its id again changes nothing",
    )


def says_the_same(stored: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    """Whether the two items have the same attributes, whatever payload they came from."""
    return _content(stored) == _content(item)


def _content(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _typed(value) for name, value in item.items() if name != DIGEST_ATTRIBUTE}


def _typed(value: Mapping[str, Any]) -> tuple[str, Any]:
    """The attribute value to compare, with its type: to Python true is 1, and "1.0" is not "1".

    Sets are left as they are, since no payload has any.
    """
    ((kind, content),) = value.items()
    if kind == "N":
        return kind, Decimal(content)
    if kind == "L":
        return kind, [_typed(each) for each in content]
    if kind == "M":
        return kind, {name: _typed(each) for name, each in content.items()}
    return kind, content


def _by_id(records: Sequence[ScoreRecord]) -> Iterable[list[ScoreRecord]]:
    groups: dict[Decimal, list[ScoreRecord]] = {}
    for record in records:
        groups.setdefault(record.record_id, []).append(record)
    return groups.values()

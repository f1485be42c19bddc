"""GameScoreRecords: insert a record once, however often it is delivered."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib import words
from chalicelib.parallel import in_parallel
from chalicelib.scores import DIGEST_ATTRIBUTE, Reject, ScoreRecord

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOT_YET_THERE = f"attribute_not_exists({words.RECORD_ID})"
"""Why inserting twice is harmless. A refused insertion costs its write unit, as every one does."""

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
            self._dynamodb.put_item(
                TableName=self._table,
                Item=record.item,
                ConditionExpression=NOT_YET_THERE,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalCheckFailedException":
                return _compare(record, error.response.get("Item", {}))
            if code == "ValidationException":
                return record.place.reject(f"DynamoDB refuses the item: {error}")
            raise
        return STORED


def _compare(record: ScoreRecord, stored: Any) -> str | Reject:
    """Whether the item that is there already came from this payload or says the same."""
    is_the_same = stored.get(DIGEST_ATTRIBUTE) == record.item[DIGEST_ATTRIBUTE]
    if is_the_same or says_the_same(stored, record.item):
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

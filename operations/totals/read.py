"""Reads the table of records whole."""

from collections.abc import Callable, Container, Sequence
from decimal import Decimal
from heapq import nlargest, nsmallest
from typing import NamedTuple

from chalicelib import words
from chalicelib.scores import EXACT, RECORD_KEYS
from operations.aws.items import id_of, problem_of, score_of
from operations.aws.progress import Progress
from operations.aws.stage import Stage
from operations.aws.tables import ReadMeter, scan_segments

NAMED_RECORDS = 1000
NAMED_PARTS = 3
MOST_PARTS = 1000


class InvalidItem(NamedTuple):
    """A record in the table that counts for nothing, and why."""

    record_id: str
    reason: str


class RecordCount(NamedTuple):
    """The records that a scan found, and how many of them are invalid and count for nothing.

    `named` are the first of the invalid ones, in the order of their ids.
    """

    records: int = 0
    invalid: int = 0
    named: tuple[InvalidItem, ...] = ()


class ScannedRecord(NamedTuple):
    """A valid record of the table."""

    record_id: str
    username: str
    score: Decimal


def read_records(
    stage: Stage,
    meter: ReadMeter,
    progress: Progress,
    take: Callable[[Sequence[ScannedRecord]], None],
) -> RecordCount:
    """Hand out all valid records, read consistently, and count them and the others."""
    dynamodb, table = stage.aws.client("dynamodb"), stage.names.records_table
    about = dynamodb.describe_table(TableName=table)["Table"]["ItemCount"]
    records = invalid = 0
    named: list[InvalidItem] = []
    for page in scan_segments(dynamodb, table, RECORD_KEYS, meter, consistent=True):
        valid = []
        for item in page:
            score = score_of(item)
            if score is not None:
                valid.append(ScannedRecord(id_of(item), *score))
                continue
            invalid += 1
            if invalid <= NAMED_RECORDS:
                named.append(InvalidItem(id_of(item), problem_of(item)))
        take(valid)
        records += len(page)
        progress(table, records, max(records, about))
    named.sort(key=lambda each: Decimal(each.record_id))
    return RecordCount(records, invalid, tuple(named))


class Part(NamedTuple):
    """A record and the score that it adds to a sum."""

    record_id: str
    score: Decimal

    @property
    def finest_place(self) -> int:
        """The exponent of its last digit: -2 for 0.05."""
        exponent = self.score.normalize(EXACT).as_tuple().exponent
        return exponent if isinstance(exponent, int) else 0


def read_extremes(
    stage: Stage, users: Container[str], meter: ReadMeter, progress: Progress
) -> dict[str, tuple[Part, ...]]:
    """Of each of these users the records with the largest scores, and those with the finest.

    What makes a sum too long for DynamoDB is a pair of both, what makes it too large the largest.
    """
    dynamodb, table = stage.aws.client("dynamodb"), stage.names.records_table
    parts: dict[str, list[Part]] = {}
    read = 0
    for page in scan_segments(dynamodb, table, RECORD_KEYS, meter):
        for item in page:
            read += 1
            score = score_of(item)
            if score is not None and score[0] in users and score[1]:
                of_user = parts.setdefault(score[0], [])
                of_user.append(Part(id_of(item), score[1]))
                if len(of_user) > MOST_PARTS:
                    parts[score[0]] = list(_extremes(of_user))
        progress(f"{table} again", read, read)
    return {user: _extremes(of_user) for user, of_user in parts.items()}


def _extremes(parts: Sequence[Part]) -> tuple[Part, ...]:
    largest = nlargest(NAMED_PARTS, parts, key=lambda each: each.score.adjusted())
    finest = nsmallest(NAMED_PARTS, parts, key=lambda each: each.finest_place)
    return tuple(dict.fromkeys((*largest, *finest)))


def has_total(stage: Stage, username: str) -> bool:
    """Whether there is a total of that user, whatever it is."""
    answer = stage.aws.client("dynamodb").get_item(
        TableName=stage.names.totals_table,
        Key={words.USERNAME: {"S": username}},
        ConsistentRead=True,
        ProjectionExpression=words.USERNAME,
    )
    return "Item" in answer

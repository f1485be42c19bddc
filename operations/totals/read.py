"""Reads records and totals into sums."""

from collections.abc import Container
from decimal import Decimal
from typing import NamedTuple

from operations.progress import Progress
from operations.stage.stage import Stage
from operations.tables.items import score_of, total_of
from operations.tables.scan import ReadMeter, scan_segments
from operations.totals.sums import UserSums


class RecordCount(NamedTuple):
    """The records that a scan found, and how many of them are invalid and count for nothing."""

    records: int
    invalid: int


def expect_records(
    stage: Stage,
    sums: UserSums,
    meter: ReadMeter,
    progress: Progress,
    *,
    only: Container[str] | None = None,
    consistent: bool = False,
) -> RecordCount:
    """Add the scores in the table to the sums, of all users or of those in `only`."""
    dynamodb, table = stage.aws.client("dynamodb"), stage.names.records_table
    about = dynamodb.describe_table(TableName=table)["Table"]["ItemCount"]
    records = invalid = 0
    attributes = ("RecordID", "Username", "Score")
    for page in scan_segments(dynamodb, table, attributes, meter, consistent=consistent):
        for item in page:
            records += 1
            score = score_of(item)
            if score is None:
                invalid += 1
            elif only is None or score[0] in only:
                sums.expect(*score)
        progress(table, records, max(records, about))
    return RecordCount(records, invalid)


def find_totals(
    stage: Stage,
    sums: UserSums,
    meter: ReadMeter,
    progress: Progress,
    *,
    consistent: bool = False,
) -> None:
    dynamodb, table = stage.aws.client("dynamodb"), stage.names.totals_table
    about = dynamodb.describe_table(TableName=table)["Table"]["ItemCount"]
    found = 0
    attributes = ("Username", "Score")
    for page in scan_segments(dynamodb, table, attributes, meter, consistent=consistent):
        for item in page:
            found += 1
            sums.find(item["Username"]["S"], total_of(item))
        progress(table, found, max(found, about))


def read_total(stage: Stage, username: str, meter: ReadMeter) -> Decimal | None:
    """One user's total, consistently read; 0 where there is none, None where it is no number."""
    answer = stage.aws.client("dynamodb").get_item(
        TableName=stage.names.totals_table,
        Key={"Username": {"S": username}},
        ConsistentRead=True,
        ReturnConsumedCapacity="TOTAL",
    )
    meter.count(answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0.0))
    return total_of(answer["Item"]) if "Item" in answer else Decimal(0)

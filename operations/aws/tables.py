"""Whole tables, read page by page, or by segments side by side."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from queue import Queue
from typing import TYPE_CHECKING, Any

from chalicelib import words
from chalicelib.receipts import read_receipts
from operations.aws.items import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SEGMENTS = 8
"""Segments of a table that are read in parallel."""

PAGE_ITEMS = 4000
"""Limits the memory that pages of very small items take; others are limited by 1 MB."""

PAGES_AHEAD = 2
"""Pages read ahead, beside the one that each reader holds."""

LARGEST_PAGE_UNITS = 256.0
"""What a page of 1 MB costs when read consistently; half of it otherwise."""


class ReadMeter:
    """Counts the read units that scans cost, and limits them a second if a limit is given.

    A page is requested once those before it are paid off; one under way counts as much as the
    last one did.
    """

    def __init__(self, units_a_second: float | None = None) -> None:
        self.units = 0.0
        self.units_a_second = units_a_second
        self._typical = LARGEST_PAGE_UNITS / 2
        self._owed = 0.0
        self._paid_at = time.monotonic()
        self._changed = threading.Condition()

    def wait(self) -> float:
        """Wait until the next page may be requested; the units reserved for it."""
        if self.units_a_second is None:
            return 0.0
        with self._changed:
            while self._pay() > 0:
                self._changed.wait(self._owed / self.units_a_second)
            self._owed += self._typical
            return self._typical

    def count(self, units: float, reserved: float = 0.0) -> None:
        """Count what a page has cost, in place of what was reserved for it."""
        with self._changed:
            self.units += units
            self._owed += units - reserved
            self._typical = units
            self._changed.notify_all()

    def _pay(self) -> float:
        now = time.monotonic()
        paid = (now - self._paid_at) * (self.units_a_second or 0)
        self._paid_at = now
        self._owed = max(0.0, self._owed - paid)
        return self._owed


def scan(dynamodb: "DynamoDBClient", table: str) -> Iterator[Item]:
    """Every item of the table, in DynamoDB's attribute values, consistently read."""
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    for page in pages:
        yield from page["Items"]


def scan_segments(
    dynamodb: "DynamoDBClient",
    table: str,
    attributes: Sequence[str],
    meter: ReadMeter,
    *,
    consistent: bool = False,
    segments: int = SEGMENTS,
) -> Iterator[list[Item]]:
    """These attributes of the table's items, in pages in no particular order, read in parallel.

    A few pages are held at a time. An eventually consistent read costs half and may miss what
    was written a moment before.
    """
    pages: Queue[list[Item] | None] = Queue(maxsize=PAGES_AHEAD)
    stopped = threading.Event()
    placeholders = {f"#{index}": attribute for index, attribute in enumerate(attributes)}

    def read(segment: int) -> None:
        arguments: dict[str, Any] = {
            "TableName": table,
            "Segment": segment,
            "TotalSegments": segments,
            "ProjectionExpression": ", ".join(placeholders),
            "ExpressionAttributeNames": placeholders,
            "ConsistentRead": consistent,
            "ReturnConsumedCapacity": "TOTAL",
            "Limit": PAGE_ITEMS,
        }
        try:
            while not stopped.is_set():
                reserved = meter.wait()
                answer = dynamodb.scan(**arguments)
                units = answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0.0)
                meter.count(units, reserved)
                pages.put(list(answer["Items"]))
                if "LastEvaluatedKey" not in answer:
                    break
                arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        finally:
            pages.put(None)

    with ThreadPoolExecutor(segments, thread_name_prefix="scan") as readers:
        futures = [readers.submit(read, segment) for segment in range(segments)]
        reading = segments
        try:
            while reading:
                page = pages.get()
                if page is None:
                    reading -= 1
                else:
                    yield page
        finally:
            stopped.set()
            while reading:  # a reader waiting for room must get it, to see that it is over
                reading -= pages.get() is None
    for future in futures:
        future.result()


def count_items(dynamodb: "DynamoDBClient", table: str) -> int:
    """The number of items that a scan finds; the table's own ItemCount is hours old."""
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table, ConsistentRead=True, Select="COUNT"
    )
    return sum(page["Count"] for page in pages)


def read_totals(dynamodb: "DynamoDBClient", table: str) -> dict[str, Decimal]:
    return {
        item[words.USERNAME]["S"]: Decimal(item[words.SCORE]["N"]) for item in scan(dynamodb, table)
    }


def count_receipts(dynamodb: "DynamoDBClient", *tables: str) -> int:
    """The changes counted so far: each left a receipt on a user's item, in a page, or in both."""
    receipts = {
        (item[words.USERNAME]["S"], receipt)
        for table in tables
        for item in scan(dynamodb, table)
        for receipt in read_receipts(item)
    }
    return len(receipts)

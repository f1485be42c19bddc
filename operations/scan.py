"""Whole tables, read page by page."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def scan(dynamodb: "DynamoDBClient", table: str) -> Iterator[Mapping[str, Any]]:
    """Every item of the table, in DynamoDB's attribute values, consistently read."""
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    for page in pages:
        yield from page["Items"]


def count_items(dynamodb: "DynamoDBClient", table: str) -> int:
    """The number of items that a scan finds now; the table's own ItemCount is hours old."""
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table, ConsistentRead=True, Select="COUNT"
    )
    return sum(page["Count"] for page in pages)


def read_totals(dynamodb: "DynamoDBClient", table: str) -> dict[str, Decimal]:
    """Every user's total."""
    return {item["Username"]["S"]: Decimal(item["Score"]["N"]) for item in scan(dynamodb, table)}


def count_receipts(dynamodb: "DynamoDBClient", *tables: str) -> int:
    """The changes counted so far: each left one receipt, on a user's item or in a page."""
    return sum(
        len(item.get("Receipts", {}).get("BS", ()))
        for table in tables
        for item in scan(dynamodb, table)
    )

"""GameScoreReceipts: pages of receipts that have left the users' items.

A page only ever holds receipts that are counted already, and is there before any item names it.
"""

import time
from collections.abc import Set
from typing import TYPE_CHECKING

from chalicelib import words
from chalicelib.receipts import KEPT_SECONDS, Move, first_page_of, read_receipts, seconds_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Archive:
    """One user's pages, as far as they can hold any of the receipts wanted.

    Of the pages read only those receipts are kept, so memory does not grow with the archive.
    """

    def __init__(
        self, dynamodb: "DynamoDBClient", table: str, username: str, wanted: Set[bytes]
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._username = username
        self._wanted = wanted
        self._first = self._known_to = first_page_of(seconds_of(min(wanted)))
        self._found: set[bytes] = set()

    def look_up(self, last_page: str) -> Set[bytes]:
        """The wanted receipts that stand in pages up to `last_page`, as found on the user's item.

        Every page that an item has named was there before, so a consistent read sees it. What
        was read is not read again; but a `last_page` older than the one before says that the item
        was deleted meanwhile, and what is known of its pages is void.
        """
        if last_page < self._known_to:
            self._known_to = self._first
        if self._known_to < last_page:
            self._read_pages_after(self._known_to)
            self._known_to = last_page
        return self._found

    def put_page(self, move: Move) -> None:
        """The page is there afterwards; doing it twice makes the same page."""
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                words.USERNAME: {"S": self._username},
                "Page": {"S": move.page},
                "Receipts": {"BS": sorted(move.moved)},
                "ExpiresAt": {"N": str(int(time.time()) + KEPT_SECONDS)},
            },
        )

    def _read_pages_after(self, page: str) -> None:
        responses = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression=f"{words.USERNAME} = :username AND Page > :page",
            ExpressionAttributeValues={":username": {"S": self._username}, ":page": {"S": page}},
            ProjectionExpression="Receipts",
            ConsistentRead=True,
        )
        for response in responses:
            for item in response["Items"]:
                self._found |= read_receipts(item) & self._wanted

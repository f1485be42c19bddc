"""GameScoreReceipts: pages of receipts that were moved away from the users' items."""

from typing import TYPE_CHECKING

from chalicelib.receipts import KEPT_SECONDS, Move, first_page_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


class Archive:
    """One user's pages, read at most once an invocation.

    `receipts` are those of every page whose key lies between the two bounds, and perhaps others.
    """

    def __init__(self, dynamodb: "DynamoDBClient", table: str, username: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._username = username
        self._known_from = self._known_to = ""
        self.receipts: set[bytes] = set()

    def read(self, oldest_seconds: int, last_page: str) -> None:
        """Know every page that can hold a receipt of that time or a later one, up to last_page.

        Pages are made in the order of their keys, each together with the item's LastPage, so all
        up to a LastPage that was seen are there to be read.
        """
        first = first_page_of(oldest_seconds)
        if not self._known_from or first < self._known_from or last_page < self._known_to:
            self._known_from = self._known_to = first
        if self._known_to < last_page:
            self._query_after(self._known_to)
            self._known_to = last_page

    def note_move(self, move: Move, oldest_seconds: int, previous_page: str | None) -> None:
        """Know the page just made, given that those up to the previous one are known or older."""
        first = first_page_of(oldest_seconds)
        if previous_page is None or previous_page < first:
            self._known_from = first
        self._known_to = move.page
        self.receipts |= move.moved

    def put_request(self, move: Move, now_seconds: float) -> "TransactWriteItemTypeDef":
        """The part of a transaction that makes the page; doing it twice makes the same page."""
        return {
            "Put": {
                "TableName": self._table,
                "Item": {
                    "Username": {"S": self._username},
                    "Page": {"S": move.page},
                    "Receipts": {"BS": sorted(move.moved)},
                    "ExpiresAt": {"N": str(int(now_seconds) + KEPT_SECONDS)},
                },
            }
        }

    def _query_after(self, page: str) -> None:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="Username = :username AND Page > :page",
            ExpressionAttributeValues={":username": {"S": self._username}, ":page": {"S": page}},
            ProjectionExpression="Receipts",
            ConsistentRead=True,
        )
        for response in pages:
            for item in response["Items"]:
                self.receipts.update(item["Receipts"]["BS"])

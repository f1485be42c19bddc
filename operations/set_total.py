"""Sets a user's total together with the receipts of all that is in it.

It keeps the rules of chalicelib/totals.py, so that an addition under way at the same time is
either overwritten by the total that is set, which holds it already, or finds its receipts and is
dropped: total and receipts are written in one update, on condition that receipts and newest page
are those that were read; pages are made before the item names the newest of them.
"""

import time
from collections.abc import Set
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.archive import Archive
from chalicelib.receipts import Move, first_page_of, plan_move, room_on_item, seconds_of
from operations.errors import OperationFailed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

RECEIPTS_A_PAGE = 1000
"""17 KB: fewer requests than pages of one kilobyte take, at the same price."""

MOST_PAGES_AT_ONCE = 10
"""Pages made by the transaction that sets the total; if there are more, the others come first."""

MOST_ATTEMPTS = 8
CHANGED_MEANWHILE = {"None", "ConditionalCheckFailed", "TransactionConflict"}


@dataclass(frozen=True)
class FoundTotal:
    """What stands about a user: the item's parts, and what is in the pages.

    `newest_page` is the key of the newest page there is, even if the item that named it is gone;
    `archived` are the receipts of the pages that can hold any of interest.
    """

    score: Decimal | None
    receipts: frozenset[bytes]
    last_page: str | None
    newest_page: str | None
    archived: frozenset[bytes]


@dataclass(frozen=True)
class TotalPlan:
    """What to write: pages to make, in this order, then the item's parts."""

    score: Decimal
    moves: tuple[Move, ...]
    receipts: frozenset[bytes]
    last_page: str | None


def plan_total(
    username: str, expected: Decimal, counted: Set[bytes], found: FoundTotal
) -> TotalPlan | None:
    """How to make the total the expected one and the receipts counted; None if all is so already.

    Receipts that stand on the item or in a page stay known; those that are not there are added,
    on the item if it has the room, else in pages with all of the item's.
    """
    missing = counted - found.receipts - found.archived
    if found.score == expected and not missing and found.last_page == found.newest_page:
        return None
    receipts = found.receipts | missing
    if len(receipts) <= room_on_item(username):
        return TotalPlan(expected, (), receipts, found.newest_page)
    oldest_first = sorted(receipts)
    moves = []
    newest_page = found.newest_page
    for start in range(0, len(oldest_first), RECEIPTS_A_PAGE):
        of_page = oldest_first[start : start + RECEIPTS_A_PAGE]
        move = plan_move(of_page, newest_page, wanted=RECEIPTS_A_PAGE, room=RECEIPTS_A_PAGE)
        moves.append(move)
        newest_page = move.page
    return TotalPlan(expected, tuple(moves), frozenset(), newest_page)


class TotalSetter:
    """Sets totals, user by user; safe to use by many threads."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, receipts_table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._receipts_table = receipts_table

    def set(self, username: str, expected: Decimal, counted: Set[bytes]) -> bool:
        """The total is the expected one and these receipts are known afterwards; whether it wrote.

        Doing it twice writes nothing more. Raises OperationFailed where others keep writing.
        """
        for attempt in range(MOST_ATTEMPTS):
            found = self._read(username, counted)
            plan = plan_total(username, expected, counted, found)
            if plan is None:
                return False
            if self._write(username, plan, found):
                return True
            time.sleep(0.05 * 2**attempt)
        raise OperationFailed(
            f"The total of {username!r} is being written by others all the time: find out by whom "
            "(`logs --follow`), then run this again."
        )

    def _read(self, username: str, counted: Set[bytes]) -> FoundTotal:
        item: Any = self._dynamodb.get_item(
            TableName=self._table, Key={"Username": {"S": username}}, ConsistentRead=True
        ).get("Item", {})
        last_page = item.get("LastPage", {}).get("S")
        newest_page = last_page or self._newest_page(username)
        archived: frozenset[bytes] = frozenset()
        if counted and newest_page:
            oldest = min(map(seconds_of, counted))
            if first_page_of(oldest) < newest_page:
                archive = Archive(self._dynamodb, self._receipts_table, username)
                archive.read(oldest, newest_page)
                archived = frozenset(archive.receipts)
        score = item.get("Score", {}).get("N")
        return FoundTotal(
            score=None if score is None else Decimal(score),
            receipts=frozenset(item.get("Receipts", {}).get("BS", ())),
            last_page=last_page,
            newest_page=newest_page,
            archived=archived,
        )

    def _newest_page(self, username: str) -> str | None:
        """Of a user whose item names none: it may be gone, and its pages still be there."""
        pages = self._dynamodb.query(
            TableName=self._receipts_table,
            KeyConditionExpression="Username = :username",
            ExpressionAttributeValues={":username": {"S": username}},
            ProjectionExpression="Page",
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )["Items"]
        return pages[0]["Page"]["S"] if pages else None

    def _write(self, username: str, plan: TotalPlan, found: FoundTotal) -> bool:
        """Whether it is written; False if the item is no longer as it was found."""
        archive = Archive(self._dynamodb, self._receipts_table, username)
        puts = [archive.put_request(move, time.time()) for move in plan.moves]
        first, last = puts[:-MOST_PAGES_AT_ONCE], puts[-MOST_PAGES_AT_ONCE:]
        for put in first:
            self._dynamodb.put_item(TableName=self._receipts_table, Item=put["Put"]["Item"])
        if not last:
            return self._update_alone(username, plan, found)
        update: TransactWriteItemTypeDef = {"Update": self._update(username, plan, found)}
        try:
            self._dynamodb.transact_write_items(TransactItems=[*last, update])
        except self._dynamodb.exceptions.TransactionCanceledException as error:
            reasons = {reason.get("Code") for reason in error.response["CancellationReasons"]}
            if reasons <= CHANGED_MEANWHILE:
                return False
            raise
        return True

    def _update_alone(self, username: str, plan: TotalPlan, found: FoundTotal) -> bool:
        try:
            self._dynamodb.update_item(**self._update(username, plan, found))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in ("ConditionalCheckFailedException", "TransactionConflictException"):
                return False
            raise
        return True

    def _update(self, username: str, plan: TotalPlan, found: FoundTotal) -> Any:
        """The update, good only while receipts and newest page are those that were found."""
        values: dict[str, Any] = {":score": {"N": str(plan.score)}}
        sets, removes = ["Score = :score"], ""
        if plan.receipts:
            sets.append("Receipts = :receipts")
            values[":receipts"] = {"BS": sorted(plan.receipts)}
        else:
            removes = " REMOVE Receipts"
        if plan.last_page:
            sets.append("LastPage = :page")
            values[":page"] = {"S": plan.last_page}
        conditions = ["attribute_not_exists(Receipts)", "attribute_not_exists(LastPage)"]
        if found.receipts:
            conditions[0] = "Receipts = :found"
            values[":found"] = {"BS": sorted(found.receipts)}
        if found.last_page:
            conditions[1] = "LastPage = :found_page"
            values[":found_page"] = {"S": found.last_page}
        return {
            "TableName": self._table,
            "Key": {"Username": {"S": username}},
            "UpdateExpression": f"SET {', '.join(sets)}{removes}",
            "ConditionExpression": " AND ".join(conditions),
            "ExpressionAttributeValues": values,
        }

"""Sets a user's total together with the receipts of all that is in it.

It keeps the rule of chalicelib/totals.py: total and receipts are written by one update, on
condition that receipts and newest page are those that were read, and no receipt goes into a page
before it is counted. So an addition under way at the same time is either overwritten by the total
that is set, which holds it already, or finds its receipts and is dropped.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib import words
from chalicelib.archive import Archive
from chalicelib.receipts import first_page_of, seconds_of
from chalicelib.scores import ScoreChange, exact_sum
from chalicelib.totals import MOST_AT_ONCE, UserTotal, as_found
from operations.aws.errors import OperationFailed
from operations.aws.items import total_of, user_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MOST_ATTEMPTS = 8


class TotalRefused(Exception):
    """DynamoDB can never hold this total; the message says why."""


Amounts = Mapping[bytes, Decimal]
"""The amounts that a user's changes add, by receipt."""


@dataclass(frozen=True)
class FoundTotal:
    """A user's item and pages as they are.

    `attributes` are the item's Receipts and LastPage as they stand there, damaged or not, None
    where they are absent. `newest_page` is the key of the newest page, even if no item names it;
    `known` are the receipts of interest that stand on the item or in a page.
    """

    score: Decimal | None
    attributes: Mapping[str, Any]
    receipts: frozenset[bytes]
    newest_page: str | None
    known: frozenset[bytes]


@dataclass(frozen=True)
class TotalPlan:
    """What one update writes, and the changes left to be added afterwards.

    `score` is the expected total without the changes that are left.
    """

    score: Decimal
    receipts: frozenset[bytes]
    newest_page: str | None
    left: Amounts


def plan_total(expected: Decimal, counted: Amounts, found: FoundTotal) -> TotalPlan | None:
    """How to make the total the expected one and count the receipts; None if nothing is to do.

    Receipts that are known stay so; the others are added to the item's, as far as one update takes
    them. The changes of those that are left are kept out of the score, so that they are missing
    from it, and not counted twice, if nobody gets to add them.
    """
    missing = sorted(counted.keys() - found.known)
    last_page = found.attributes["LastPage"]
    names_newest = last_page == (found.newest_page and {"S": found.newest_page})
    if found.score == expected and not missing and names_newest:
        return None
    at_once = max(0, MOST_AT_ONCE - len(found.receipts))
    left = {receipt: counted[receipt] for receipt in missing[at_once:]}
    return TotalPlan(
        score=exact_sum((expected, *(amount.copy_negate() for amount in left.values()))),
        receipts=found.receipts.union(missing[:at_once]),
        newest_page=found.newest_page,
        left=left,
    )


class TotalSetter:
    """Sets one user's total at a time; thread-safe."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, receipts_table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._receipts_table = receipts_table

    def set(self, username: str, expected: Decimal, counted: Amounts) -> bool:
        """Make the total the expected one and record these changes as counted; whether it wrote.

        Doing it twice writes nothing more. Raises OperationFailed where others keep writing, and
        TotalRefused where DynamoDB can never hold it.
        """
        for attempt in range(MOST_ATTEMPTS):
            found = self._read(username, counted)
            plan = plan_total(expected, counted, found)
            if plan is None:
                return False
            if self._write(username, plan, found):
                self._add(username, plan.left)
                return True
            time.sleep(0.05 * 2**attempt)
        raise OperationFailed(
            f"The total of {username!r} is being written by others all the time: find out by whom "
            "(`logs --follow`), then run this again."
        )

    def _read(self, username: str, counted: Amounts) -> FoundTotal:
        item: Any = self._dynamodb.get_item(
            TableName=self._table, Key={words.USERNAME: {"S": username}}, ConsistentRead=True
        ).get("Item", {})
        user = user_of(item)  # what is damaged is replaced
        newest_page = user.last_page or self._newest_page(username)
        known = counted.keys() & user.receipts
        if counted and newest_page and first_page_of(seconds_of(min(counted))) < newest_page:
            archive = Archive(self._dynamodb, self._receipts_table, username, counted.keys())
            known |= archive.look_up(newest_page)
        return FoundTotal(
            score=total_of(item),
            attributes={name: item.get(name) for name in ("Receipts", "LastPage")},
            receipts=user.receipts,
            newest_page=newest_page,
            known=frozenset(known),
        )

    def _newest_page(self, username: str) -> str | None:
        """The newest page in the archive, if the item names none: it may have been deleted."""
        responses = self._dynamodb.get_paginator("query").paginate(
            TableName=self._receipts_table,
            KeyConditionExpression=f"{words.USERNAME} = :username",
            ExpressionAttributeValues={":username": {"S": username}},
            ProjectionExpression="Page",
            ScanIndexForward=False,
            ConsistentRead=True,
            PaginationConfig={"MaxItems": 1},
        )
        pages = [page["Page"]["S"] for response in responses for page in response["Items"]]
        return pages[0] if pages else None

    def _write(self, username: str, plan: TotalPlan, found: FoundTotal) -> bool:
        """Write the plan; False if the item is no longer as it was found."""
        wanted: dict[str, Any] = {
            words.SCORE: {"N": str(plan.score)},
            "Receipts": {"BS": sorted(plan.receipts)} if plan.receipts else None,
            "LastPage": {"S": plan.newest_page} if plan.newest_page else None,
        }
        sets = [f"{name} = :{name}" for name, value in wanted.items() if value]
        removes = [name for name, value in wanted.items() if not value]
        condition, values = as_found(**found.attributes)
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={words.USERNAME: {"S": username}},
                UpdateExpression=f"SET {', '.join(sets)}"
                + (f" REMOVE {', '.join(removes)}" if removes else ""),
                ConditionExpression=condition,
                ExpressionAttributeValues={
                    **values,
                    **{f":{name}": value for name, value in wanted.items() if value},
                },
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalCheckFailedException":
                return False
            if code == "ValidationException":
                raise TotalRefused(str(error)) from error
            raise
        return True

    def _add(self, username: str, left: Amounts) -> None:
        """Add the changes left over from one update, as the aggregator adds them."""
        if not left:
            return
        archive = Archive(self._dynamodb, self._receipts_table, username, left.keys())
        changes = [ScoreChange(username, amount, receipt, 0) for receipt, amount in left.items()]
        added = UserTotal(self._dynamodb, self._table, username, archive).add(changes)
        if added.rejects:
            raise TotalRefused(added.rejects[0].reason)

"""Sets a user's total right by one conditional update, whatever is wrong with it.

Score, Receipts and LastPage are as they were found, or nothing is written: so no change was counted
since, and another repair that was faster is noticed, as is the update's own first attempt. It sets
the total to the sum and, in the same breath, records the open changes as counted. So a total is as
it was, or right, never in between: had the open changes been added first, by the core's own add, a
repair that died between the two would have left a total whose receipts somebody had removed larger
by all of them. An item that is damaged needs no deletion, and is never gone.

Afterwards the item itself has every receipt that anybody may still come with, those in pages among
them, and its LastPage reaches every page. An addition under way may have looked through the pages
before somebody deleted the item, and looks only through newer ones when it tries again; what was
counted anew meanwhile, and is in a page with an older key, it would count twice. On the item it
sees it.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib import words
from chalicelib.scores import check_number, exact_sum
from chalicelib.totals import MOST_AT_ONCE, AdditionRefused, as_found
from operations.totals.judgement import Judgement
from operations.totals.user_look import ITEM_ATTRIBUTES, DamagedPage, Look

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True)
class Correction:
    """A plan: the item of `look` gets this total, and these receipts besides its own."""

    look: Look
    total: Decimal
    counted: frozenset[bytes]


def plan_correction(judgement: Judgement) -> Correction | None:
    """How to make the total what it should be; None if one update changes nothing.

    Open changes that one update cannot take stay open, and are left out of the total. Raises
    InvalidRecord where no number holds the total.
    """
    look = judgement.look
    open_changes = sorted(judgement.open)
    at_once = max(0, MOST_AT_ONCE - len(look.receipts))
    left = (judgement.open[receipt].copy_negate() for receipt in open_changes[at_once:])
    total = check_number("the sum", exact_sum((judgement.known.expected, *left)))
    if look.score == total and not (open_changes or look.damage or look.has_leftovers):
        return None
    newest_first = sorted(look.archived - look.receipts, reverse=True)
    return Correction(look, total, frozenset((open_changes + newest_first)[:at_once]))


def correct(dynamodb: "DynamoDBClient", table: str, correction: Correction) -> bool:
    """Carry the plan out; False if the item is not as it was found, to be looked at again.

    An answer that was lost, and asked for again, is False as well: the next look finds it right.
    Raises AdditionRefused where DynamoDB can never take it.
    """
    try:
        dynamodb.update_item(**parameters_of(table, correction))
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ConditionalCheckFailedException":
            return False
        if code == "ValidationException":
            raise AdditionRefused(str(error)) from error
        raise
    return True


def delete_page(dynamodb: "DynamoDBClient", table: str, username: str, page: DamagedPage) -> None:
    """Delete the page if it still is as it was found; a second attempt finds nothing to do."""
    condition, values = as_found(Receipts=page.found)
    parameters: Any = {
        "TableName": table,
        "Key": {words.USERNAME: {"S": username}, "Page": {"S": page.key}},
        "ConditionExpression": condition,
    }
    if values:
        parameters["ExpressionAttributeValues"] = values
    try:
        dynamodb.delete_item(**parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise


def parameters_of(table: str, correction: Correction) -> Any:
    """UpdateItem's parameters."""
    look = correction.look
    receipts = look.receipts | correction.counted
    wanted: dict[str, Any] = {
        words.SCORE: {"N": str(correction.total)},
        "Receipts": {"BS": sorted(receipts)} if receipts else None,
        "LastPage": {"S": look.newest_page} if look.newest_page else None,
    }
    sets = [f"{name} = :{name}" for name, value in wanted.items() if value]
    removes = [name for name, value in wanted.items() if not value and name in look.found]
    condition, found = as_found(**{name: look.found.get(name) for name in ITEM_ATTRIBUTES})
    return {
        "TableName": table,
        "Key": {words.USERNAME: {"S": look.username}},
        "UpdateExpression": f"SET {', '.join(sets)}"
        + (f" REMOVE {', '.join(removes)}" if removes else ""),
        "ConditionExpression": condition,
        "ExpressionAttributeValues": {
            **found,
            **{f":{name}": value for name, value in wanted.items() if value},
        },
    }

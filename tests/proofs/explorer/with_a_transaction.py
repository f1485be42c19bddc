"""The algorithm before: one transaction adds, moves the receipts to a page and names the page.

Kept as the example that fails. It takes a LastPage that it sees for the promise that every page up
to it can be read. DynamoDB promises that to TransactGetItems only: a single read and a Query are
read-committed item by item and may see the transaction's item before its page.
"""

from collections.abc import Mapping, Sequence, Set
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.receipts import UserItem, first_page_of, plan_move, read_user_item, seconds_of
from chalicelib.scores import ScoreChange
from chalicelib.totals import Additions

MOST_MEETINGS = 10


def add(client: Any, changes: Sequence[ScoreChange], room: int = 2) -> Additions:
    """Add the changes of one user, as many as the item has room for."""
    pending = {change.receipt: change.amount for change in changes}
    for _ in range(MOST_MEETINGS):
        found = _add(client, pending, room)
        if found is not None:
            found = _add_knowing(client, pending, found, room)
        if found is None:
            return Additions(len(pending), len(changes) - len(pending))
    raise RuntimeError("changed by others all the time")


def _add_knowing(
    client: Any, pending: dict[bytes, Decimal], found: UserItem, room: int
) -> UserItem | None:
    _drop(pending, found.receipts)
    checked_page = None
    if pending and found.last_page and found.last_page >= _first_page(pending):
        _drop(pending, _archived(client, pending, found.last_page))
        checked_page = found.last_page
    if not pending:
        return None
    if found.receipts and len(found.receipts) + len(pending) > room:
        return _add_and_move(client, pending, found, room)
    return _add(client, pending, room, checked_page)


def _add(
    client: Any, pending: Mapping[bytes, Decimal], room: int, checked_page: str | None = None
) -> UserItem | None:
    conditions = [
        "(attribute_not_exists(Receipts) OR size(Receipts) <= :room)",
        "LastPage = :page"
        if checked_page
        else "(attribute_not_exists(LastPage) OR LastPage < :page)",
        *(f"NOT contains(Receipts, :r{index})" for index in range(len(pending))),
    ]
    try:
        client.update_item(
            UpdateExpression="ADD Score :sum, Receipts :new",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            ConditionExpression=" AND ".join(conditions),
            ExpressionAttributeValues={
                ":sum": {"N": str(sum(pending.values()))},
                ":new": {"BS": list(pending)},
                ":room": {"N": str(room - len(pending))},
                ":page": {"S": checked_page or _first_page(pending)},
                **{f":r{index}": {"B": receipt} for index, receipt in enumerate(pending)},
            },
        )
    except ClientError as error:
        return _refusal(error.response)
    return None


def _add_and_move(
    client: Any, pending: Mapping[bytes, Decimal], found: UserItem, room: int
) -> UserItem | None:
    move = plan_move(found.receipts, found.last_page, len(pending), room)
    page = {"Page": {"S": move.page}, "Receipts": {"BS": sorted(move.moved)}}
    update = {
        "UpdateExpression": "SET LastPage = :page, Receipts = :receipts ADD Score :sum",
        "ConditionExpression": "Receipts = :found",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        "ExpressionAttributeValues": {
            ":page": {"S": move.page},
            ":sum": {"N": str(sum(pending.values()))},
            ":receipts": {"BS": [*move.kept, *pending]},
            ":found": {"BS": list(found.receipts)},
        },
    }
    try:
        client.transact_write_items(TransactItems=[{"Put": {"Item": page}}, {"Update": update}])
    except ClientError as error:
        response: Any = error.response
        return _refusal(response["CancellationReasons"][1])
    return None


def _archived(client: Any, pending: Mapping[bytes, Decimal], _last_page: str) -> set[bytes]:
    first = {":username": {"S": "Ann"}, ":page": {"S": _first_page(pending)}}
    found: set[bytes] = set()
    for response in client.get_paginator("query").paginate(
        ExpressionAttributeValues=first, ConsistentRead=True
    ):
        for page in response["Items"]:
            found.update(page["Receipts"]["BS"])
    return found


def _refusal(told: Any) -> UserItem:
    return read_user_item(told.get("Item", {}))


def _drop(pending: dict[bytes, Decimal], counted: Set[bytes]) -> None:
    for receipt in pending.keys() & counted:
        del pending[receipt]


def _first_page(pending: Mapping[bytes, Decimal]) -> str:
    return first_page_of(seconds_of(min(pending)))

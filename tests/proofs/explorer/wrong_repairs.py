"""Repairs that look right and are not, each kept as an example that fails."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from chalicelib.receipts import read_user_item
from chalicelib.scores import exact_sum
from chalicelib.totals import GameScoresByUser, as_found
from operations.totals.judgement import Judgement
from operations.totals.repair import Step, plan_step, take_step
from operations.totals.user_look import Look, look_at
from tests.proofs.explorer.repairs import (
    TABLES,
    RepairScope,
    awaited,
    changes_of,
    known,
    read_stream,
)


def without_its_condition(client: Any, scope: RepairScope) -> bool:
    """The correction is made whatever became of the item since it was read."""
    judgement = _judge(client, scope)
    return _take(_Unconditional(client), plan_step(judgement))


def without_waiting(client: Any, scope: RepairScope) -> bool:
    """The stream is not read on until it has the records whose receipts are on the item."""
    seen = read_stream(client)
    look = _look(client, scope, seen)
    return _take(client, plan_step(Judgement(look, known(scope, read_stream(client, seen)))))


def waiting_for_the_item_only(client: Any, scope: RepairScope) -> bool:
    """Those whose receipts are in pages are not waited for."""
    seen = read_stream(client)
    look = _look(client, scope, seen)
    seen = read_stream(client, seen, look.receipts)
    return _take(client, plan_step(Judgement(look, known(scope, seen))))


def leaving_receipts_in_their_pages(client: Any, scope: RepairScope) -> bool:
    """LastPage names the pages that somebody left behind; their receipts stay there alone.

    An addition that looked through the pages before the item was deleted finds the page it knows
    named again, and never sees those that were made in between.
    """
    judgement = _judge(client, scope)
    step = plan_step(judgement)
    if step and step.correction:
        correction = replace(step.correction, counted=frozenset(judgement.open))
        step = replace(step, correction=correction)
    return _take(client, step)


def deleting_damaged_pages_first(client: Any, scope: RepairScope) -> bool:
    """A damaged page goes although no item names it yet, before LastPage has passed it.

    An addition under way, which has made it, names it then, and its receipts are nowhere.
    """
    judgement = _judge(client, scope)
    step = plan_step(judgement)
    if step and step.damaged_pages and not judgement.error:
        step = replace(step, correction=None)
    return _take(client, step)


def deleting_left_pages_first(client: Any, scope: RepairScope) -> bool:
    """Pages that no LastPage reaches go first, what is open is added, then the error is taken off.

    Another repair may have taken such a page for counted meanwhile, since LastPage has passed it.
    """
    seen = read_stream(client)
    key = {"Username": {"S": "Ann"}}
    item = client.get_item(TableName=TABLES[0], Key=key, ConsistentRead=True).get("Item", {})
    receipts, last_page = read_user_item(item)
    pages = {
        page["Page"]["S"]: frozenset(page["Receipts"]["BS"])
        for answer in client.get_paginator("query").paginate(
            ExpressionAttributeValues={":username": {"S": "Ann"}, ":page": {"S": ""}},
            ConsistentRead=True,
        )
        for page in answer["Items"]
    }
    reached = {page: held for page, held in pages.items() if last_page and page <= last_page}
    counted = receipts.union(*reached.values())
    for page, held in pages.items():
        if page not in reached and not held <= counted:
            condition, values = as_found(Receipts={"BS": sorted(held)})
            client.delete_item(
                TableName=TABLES[1],
                Key={**key, "Page": {"S": page}},
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
            )
    expected, amounts = known(scope, read_stream(client, seen, counted))
    still_open = [
        change for change in changes_of(scope) if change.receipt in amounts.keys() - counted
    ]
    if still_open:
        GameScoresByUser(client, *TABLES).add(still_open)
        return False
    score = Decimal(item.get("Score", {"N": "0"})["N"])
    error = exact_sum((expected, -score))
    if not error:
        return True
    condition, values = as_found(
        **{name: item.get(name) for name in ("Score", "Receipts", "LastPage")}
    )
    client.update_item(
        TableName=TABLES[0],
        Key=key,
        UpdateExpression="ADD Score :error",
        ConditionExpression=condition,
        ExpressionAttributeValues={**values, ":error": {"N": str(error)}},
    )
    return False


class _Unconditional:
    """Makes corrections without their condition."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def update_item(self, **parameters: Any) -> Any:
        if parameters["UpdateExpression"].startswith("SET Score"):
            parameters["ConditionExpression"] = "attribute_not_exists(Nothing)"
        return self._client.update_item(**parameters)


def _judge(client: Any, scope: RepairScope) -> Judgement:
    seen = read_stream(client)
    look = _look(client, scope, seen)
    return Judgement(look, known(scope, read_stream(client, seen, awaited(look, scope))))


def _look(client: Any, scope: RepairScope, seen: Any) -> Look:
    return look_at(client, *TABLES, "Ann", set(seen), recent_seconds=scope.recent_seconds)


def _take(client: Any, step: Step | None) -> bool:
    if step is None:
        return True
    take_step(client, *TABLES, step)
    return False

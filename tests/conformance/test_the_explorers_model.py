"""The model that the explorer runs on, beside AWS's own DynamoDB: each request goes to both."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from operations.totals.judgement import Judgement
from operations.totals.repair import plan_step, take_step
from operations.totals.user_look import look_at
from tests.data_stack import DataStack
from tests.proofs.explorer.by_hand import ACTIONS
from tests.proofs.explorer.invocation import Limits, limits_of
from tests.proofs.explorer.model import Request, Rows, Service
from tests.proofs.explorer.repairs import TABLES, RepairScope, changes_of, known
from tests.proofs.explorer.run import add

USER: Any = {"Username": {"S": "Ann"}}
SCOPE = RepairScope((1, 2, 2, 3, 3), ((0,), (1,), (2,)), ((3,),), Limits(room=1), 0, base=5_000_000)
MOST_ROUNDS = 5


class Twins:
    """A client of both; they have to answer the same, and to hold the same afterwards."""

    def __init__(self, dynamodb: Any) -> None:
        self.rows = Rows()
        self.writes: list[tuple[str, dict[str, Any]]] = []
        self._dynamodb = dynamodb

    def __getattr__(self, name: str) -> Any:
        return lambda **parameters: self._ask(name, parameters)

    def get_paginator(self, _operation: str) -> "Twins":
        return self

    def paginate(self, **parameters: Any) -> Iterator[Any]:
        yield self._ask("query", parameters)

    def do_by_hand(self, rows: Rows) -> None:
        """Make both hold this."""
        item = told(Service(), rows, "get_item").get("Item")
        if item:
            self._dynamodb.put_item(TableName=TABLES[0], Item={**USER, **item})
        else:
            self._dynamodb.delete_item(TableName=TABLES[0], Key=USER)
        for key in {page for page, _ in self.rows.pages} - {page for page, _ in rows.pages}:
            self._dynamodb.delete_item(TableName=TABLES[1], Key={**USER, "Page": {"S": key}})
        for page in told(Service(), rows, "query")["Items"]:
            self._dynamodb.put_item(TableName=TABLES[1], Item={**USER, **page})
        self.rows = rows

    def send_again(self) -> None:
        """Every write once more, as if it came late."""
        for name, parameters in list(self.writes):
            try:
                self._ask(name, parameters)
            except ClientError:
                continue

    def _ask(self, name: str, parameters: dict[str, Any]) -> Any:
        operation = "".join(part.title() for part in name.split("_"))
        request = Request.of(operation, parameters)
        (effect,) = Service().effects(self.rows, request)
        if request.writes:
            self.writes.append((name, parameters))
        self.rows = effect.rows
        code, refusal = "", None
        try:
            answer = getattr(self._dynamodb, name)(**parameters)
        except ClientError as error:
            refusal, answer = error, error.response
            code = error.response["Error"]["Code"]
        assert (code, known_part(answer)) == (effect.answer[0], known_part(effect.answer[1]))
        if refusal:
            raise refusal
        return answer


def told(service: Service, rows: Rows, name: str) -> dict[str, Any]:
    """What the model holds, as its answer tells it."""
    all_pages = {"ExpressionAttributeValues": {":page": {"S": " "}}}
    operation = "GetItem" if name == "get_item" else "Query"
    parameters = {"ConsistentRead": True, **all_pages}
    (effect,) = service.effects(rows, Request.of(operation, parameters))
    answer: dict[str, Any] = effect.answer[1]
    return answer


def known_part(answer: dict[str, Any]) -> Any:
    """What the model tells of an answer, in any order."""
    items = [answer["Item"]] if "Item" in answer else answer.get("Items", [])
    return [
        {
            name: sorted(value["BS"]) if "BS" in value else value
            for name, value in item.items()
            if name in ("Score", "Receipts", "LastPage", "Page")
        }
        for item in items
    ]


def repair(twins: Twins) -> None:
    """Repair the user, who knows the whole stream, until nothing is left to do."""
    for _ in range(MOST_ROUNDS):
        receipts = {change.receipt for change in changes_of(SCOPE)}
        look = look_at(twins, *TABLES, "Ann", receipts, recent_seconds=0)  # type: ignore[arg-type]
        step = plan_step(Judgement(look, known(SCOPE, sorted(receipts))))
        if step is None:
            return
        take_step(twins, *TABLES, step)  # type: ignore[arg-type]
    pytest.fail("the repair does not come to an end")


@pytest.mark.parametrize("damage", ACTIONS)
def test_the_model_answers_additions_and_repairs_as_dynamodb_does(
    data: DataStack, damage: str
) -> None:
    twins = Twins(data.dynamodb)
    changes = list(changes_of(SCOPE))
    twins.do_by_hand(Rows(SCOPE.base))

    with limits_of(SCOPE.limits):
        for change in changes[:3]:
            add(twins, [change])
        twins.do_by_hand(ACTIONS[damage](twins.rows))
        add(twins, [changes[3]])
        repair(twins)
        twins.send_again()
        add(twins, changes)
        twins.send_again()
        repair(twins)

    assert data.total_item("Ann")["Score"] == {"N": "5011111"}
    assert len(twins.writes) > 10

"""An invocation of the real code that stops at every API call.

What it does next is a function of the answers that it got, so it is replayed from its beginning
with these answers, and needs no thread and no clock. What was replayed once is remembered.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from botocore.exceptions import ClientError

from chalicelib import totals
from chalicelib.scores import ScoreChange
from chalicelib.totals import TotalContended
from tests.proofs.explorer.model import Answer, Request

Add = Callable[[Any, Sequence[ScoreChange]], Any]
"""The code under test, of an addition: adds the changes of one user by that client."""

Answers = tuple[Answer, ...]


class Waiting(BaseException):
    """The invocation has asked for more than it has answers."""

    def __init__(self, request: Request) -> None:
        super().__init__(request.operation)
        self.request = request


class Done:
    """The invocation is over; `outcome` is None where it failed and will be delivered again."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome


Step = Request | Done


class ReplayingClient:
    """Answers as was answered before, then stops the invocation at its next request."""

    def __init__(self, answers: Answers) -> None:
        self._answers = iter(answers)
        self.exceptions = self

    TransactionCanceledException = ClientError

    def update_item(self, **parameters: Any) -> Any:
        return self._ask("UpdateItem", parameters)

    def put_item(self, **parameters: Any) -> Any:
        return self._ask("PutItem", parameters)

    def delete_item(self, **parameters: Any) -> Any:
        return self._ask("DeleteItem", parameters)

    def read_stream(self, **parameters: Any) -> Any:
        """No call of DynamoDB's: what a repair gets to see of the table's stream."""
        return self._ask("ReadStream", parameters)

    def get_item(self, **parameters: Any) -> Any:
        return self._ask("GetItem", parameters)

    def query(self, **parameters: Any) -> Any:
        return self._ask("Query", parameters)

    def transact_write_items(self, **parameters: Any) -> Any:
        return self._ask("TransactWriteItems", parameters)

    def get_paginator(self, _operation: str) -> "ReplayingClient":
        """As of botocore's client, which knows the one paginated operation."""
        return self

    def paginate(self, **parameters: Any) -> Iterator[Any]:
        """Every response, each a request of its own."""
        start: dict[str, Any] = {}
        while True:
            response = self._ask("Query", {**parameters, **start})
            yield response
            if "LastEvaluatedKey" not in response:
                return
            start = {"ExclusiveStartKey": response["LastEvaluatedKey"]}

    def _ask(self, operation: str, parameters: dict[str, Any]) -> Any:
        answer = next(self._answers, None)
        if answer is None:
            raise Waiting(Request.of(operation, parameters))
        code, fields = answer
        if code:
            error: Any = {"Error": {"Code": code, "Message": "as the model answers"}, **fields}
            raise ClientError(error, operation)
        return fields


@dataclass(frozen=True)
class Limits:
    """The room on an item, and the changes that are counted at once."""

    room: int
    at_once: int = totals.MOST_AT_ONCE


class Invocation:
    """One delivery of a batch, or a repair: a tree of answers, grown as it is explored."""

    def __init__(self, add: Add, changes: Sequence[ScoreChange]) -> None:
        self.changes = changes
        self._add = add
        self._nodes: dict[tuple[int, str], int] = {}
        self._answers: list[Answers] = [()]
        self._steps: list[Step | None] = [None]

    def step(self, node: int) -> Step:
        """What the invocation does at that node: its next request, or that it is done."""
        step = self._steps[node]
        if step is None:
            step = self._steps[node] = self._replay(self._answers[node])
        return step

    def after(self, node: int, answer: Answer) -> int:
        """The node to which that answer leads."""
        key = (node, repr(answer))
        if key not in self._nodes:
            self._nodes[key] = len(self._answers)
            self._answers.append((*self._answers[node], answer))
            self._steps.append(None)
        return self._nodes[key]

    def calls(self, node: int) -> int:
        """How many requests were answered up to there."""
        return len(self._answers[node])

    def _replay(self, answers: Answers) -> Step:
        try:
            outcome = self._add(ReplayingClient(answers), self.changes)
        except Waiting as waiting:
            return waiting.request
        except (ClientError, TotalContended):
            return Done(None)
        return Done(outcome)


@contextmanager
def limits_of(limits: Limits) -> Iterator[None]:
    """The code under test with small limits, and without pauses."""
    with (
        mock.patch.object(totals, "room_on_item", return_value=limits.room),
        mock.patch.object(totals, "MOST_AT_ONCE", limits.at_once),
        mock.patch.object(totals, "_pause"),
    ):
        yield

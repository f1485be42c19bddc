"""Explores scopes with the code of chalicelib, one after another or side by side."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from chalicelib.scores import ScoreChange
from chalicelib.totals import Additions, GameScoresByUser
from tests.proofs.explorer.model import Service
from tests.proofs.explorer.repairs import RepairScope, RepairSearch
from tests.proofs.explorer.scopes import Family, Scope
from tests.proofs.explorer.search import Covered, Search, Violation


class Task(NamedTuple):
    """A scope to explore, and how the model answers in it."""

    scope: Scope
    service: Service


def tasks_of(family: Family, one_in: int = 1) -> list[Task]:
    """The family's scopes, or one in every `one_in` of them."""
    return [Task(scope, family.service) for scope in family.scopes[::one_in]]


def add(client: Any, changes: Sequence[ScoreChange]) -> Additions:
    """The additions as the deployed function makes them."""
    return GameScoresByUser(client, "GameScoresByUser", "GameScoreReceipts").add(changes)


def explore_each(task: Task) -> Covered | str:
    """What was covered, or the violation that was found."""
    scope, service = task
    try:
        if isinstance(scope, RepairScope):
            return RepairSearch(scope, add, service).run()
        return Search(scope, add, service).run()
    except Violation as violation:
        return str(violation)

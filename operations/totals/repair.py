"""Repairs one user's total, step by step, beside whatever else goes on.

A total that only lacks changes gets them by the core's own add: a mapping, a redrive or another
repair that comes with them later finds them counted. Anything else is set right by one conditional
update. Each step is planned from a new look and leaves the total as it was, or right, so a repair
may die anywhere, and any number of them may run side by side.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.scores import ScoreChange, check_number
from chalicelib.totals import AdditionRefused, GameScoresByUser
from operations.totals.correction import Correction, correct, delete_page, plan_correction
from operations.totals.judgement import Judgement
from operations.totals.user_look import DamagedPage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True)
class Step:
    """What to do next: add these changes, or correct; then delete the pages that are damaged.

    A damaged page is worth nothing, so what it held is open, and counted by the correction. Only
    then may it go.
    """

    username: str
    additions: tuple[ScoreChange, ...] = ()
    correction: Correction | None = None
    damaged_pages: tuple[DamagedPage, ...] = ()


def plan_step(judgement: Judgement) -> Step | None:
    """The next step of the user's repair; None if nothing is left to do.

    Raises InvalidRecord where DynamoDB holds no such total; the user keeps what is there.
    """
    look = judgement.look
    check_number("the sum", judgement.known.expected)
    if not judgement.is_sound:
        return Step(
            look.username,
            correction=plan_correction(judgement),
            damaged_pages=look.damaged_pages,
        )
    if judgement.open:
        changes = (
            ScoreChange(look.username, amount, receipt, position)
            for position, (receipt, amount) in enumerate(sorted(judgement.open.items()))
        )
        return Step(look.username, additions=tuple(changes))
    return None


def take_step(
    dynamodb: "DynamoDBClient", totals_table: str, receipts_table: str, step: Step
) -> None:
    """Do what is planned, as far as nobody else was faster; then the user is looked at again.

    Raises AdditionRefused where the total cannot take a change, TotalContended where others keep
    changing the item.
    """
    if step.additions:
        added = GameScoresByUser(dynamodb, totals_table, receipts_table).add(step.additions)
        if added.rejects:
            raise AdditionRefused(added.rejects[0].reason)
    if step.correction and not correct(dynamodb, totals_table, step.correction):
        return
    for page in step.damaged_pages:
        delete_page(dynamodb, receipts_table, step.username, page)

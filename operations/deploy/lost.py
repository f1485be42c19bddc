"""What holds data and is gone, although its stack has it: made again from the template.

CloudFormation goes by its own records, so an update that changes nothing makes nothing. A first
update takes what is gone out of the stack, by a template without it; the usual one then adds it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from operations.aws.change_sets import PlannedChange, WantedStack
from operations.aws.errors import OperationFailed
from operations.aws.remedies import how_to_make_again
from operations.aws.stacks import Review, change_stack, outputs_of
from operations.aws.stage import RECORDS_TABLE, Stage
from operations.aws.templates import read_template, without
from operations.deploy.data_resources import TABLE, DataResource


def refuse_lost(stage: Stage, stack: str, lost: Sequence[DataResource]) -> NoReturn:
    """Raise OperationFailed with what to do."""
    remedy = how_to_make_again(
        stage.name,
        is_table=any(each.type == TABLE for each in lost),
        is_records=any(each.variable == RECORDS_TABLE for each in lost),
    )
    names = ", ".join(each.name for each in lost)
    raise OperationFailed(f"The stack {stack} has {names}, gone meanwhile: {remedy}.")


def forget_lost(
    stage: Stage,
    wanted: WantedStack,
    lost: Sequence[DataResource],
    *,
    before: Mapping[str, Any],
    review: Review,
) -> None:
    """Take what is lost out of the stack, so that the usual update adds it."""
    logical_names = [each.logical_name for each in lost]
    template = without(read_template(wanted.body), logical_names, outputs_of(before))

    def review_as_forgotten(name: str, changes: tuple[PlannedChange, ...]) -> bool:
        return review(name, tuple(replace(each, action="Forget") for each in changes))

    smaller = wanted._replace(body=json.dumps(template))
    change_stack(stage.aws.client("cloudformation"), smaller, review_as_forgotten, before)

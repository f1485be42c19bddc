"""CloudFormation stacks: created, updated and deleted by change set, and what they export."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, WaiterError

from operations.errors import OperationFailed

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import (
        DescribeChangeSetOutputTypeDef,
        ParameterTypeDef,
        WaiterConfigTypeDef,
    )

POLL: "WaiterConfigTypeDef" = {"Delay": 1, "MaxAttempts": 900}
PLAN_SECONDS = 120
CAPABILITIES: Any = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
NO_STACK_YET = ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE")
NOTHING_TO_DO = ("didn't contain changes", "No updates are to be performed")
STATEFUL = ("AWS::Kinesis::Stream", "AWS::DynamoDB::Table", "AWS::S3::Bucket")


@dataclass(frozen=True)
class PlannedChange:
    """One resource's change, e.g. `Modify`, `Records`, `AWS::DynamoDB::Table`.

    `replacement` is CloudFormation's word: True, Conditional, False or empty.
    """

    action: str
    resource: str
    type: str
    replacement: str

    @property
    def loses_data(self) -> bool:
        """Whether a stateful resource would, or might, be replaced by an empty one or dropped."""
        return self.type in STATEFUL and (
            self.action == "Remove" or self.replacement in ("True", "Conditional")
        )


Review = Callable[[tuple[PlannedChange, ...]], bool]
"""Sees what will change; tells whether to go on, or raises OperationFailed."""


def accept(_: tuple[PlannedChange, ...]) -> bool:
    """Go on, whatever changes."""
    return True


def apply_stack(
    cloudformation: "CloudFormationClient",
    name: str,
    template: Path,
    parameters: Mapping[str, str],
    review: Review = accept,
) -> dict[str, str]:
    """The outputs of the stack, created or updated to match the template.

    Parameters that are not given keep the value that the stack has. The changes are made only
    when `review` has seen them. Raises OperationFailed with CloudFormation's reason where it
    could not be.
    """
    before = find_stack(cloudformation, name)
    if before and before["StackStatus"] == "ROLLBACK_COMPLETE":  # can only be deleted
        delete_stack(cloudformation, name)
        before = None
    change_set = f"deploy-{time.time_ns()}"
    plan = _plan(
        cloudformation,
        name,
        change_set,
        template.read_text(),
        parameters=parameters,
        before=before,
    )
    if plan is None:
        return stack_outputs(cloudformation, name)
    go_on = False
    try:
        go_on = review(_changes(plan))
    finally:
        if not go_on:
            _forget_plan(cloudformation, name, change_set, is_new=before is None)
    if not go_on:
        return stack_outputs(cloudformation, name) if before else {}
    cloudformation.execute_change_set(StackName=name, ChangeSetName=change_set)
    waiter = cloudformation.get_waiter(
        "stack_create_complete" if before is None else "stack_update_complete"
    )
    _wait(cloudformation, name, waiter)
    return stack_outputs(cloudformation, name)


def refuse_data_loss(name: str, changes: tuple[PlannedChange, ...], allowed: set[str]) -> None:
    """Raise OperationFailed where a change loses data that nobody agreed to lose by its name."""
    losing = [each for each in changes if each.loses_data and each.resource not in allowed]
    if losing:
        named = ", ".join(f"{each.resource} ({each.type})" for each in losing)
        allowance = " ".join(f"--allow-replacement {each.resource}" for each in losing)
        raise OperationFailed(
            f"The stack {name} is unchanged, because this would replace or drop what holds data: "
            f"{named}. Take the change out of the template or parameters, or, to lose that data, "
            f"say so with {allowance}."
        )


def delete_stack(cloudformation: "CloudFormationClient", name: str) -> bool:
    """Delete the stack; False where there is none. What its template retains stays."""
    if find_stack(cloudformation, name) is None:
        return False
    cloudformation.delete_stack(StackName=name)
    _wait(cloudformation, name, cloudformation.get_waiter("stack_delete_complete"))
    return True


def find_stack(cloudformation: "CloudFormationClient", name: str) -> Mapping[str, Any] | None:
    """The stack, or None where there is none, or only an empty one left by a change set."""
    try:
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if stack["StackStatus"] in NO_STACK_YET else stack


def stack_outputs(cloudformation: "CloudFormationClient", name: str) -> dict[str, str]:
    """What the stack exports, e.g. `{"RejectsBucket": "game-scores-rejects-…"}`."""
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _plan(
    cloudformation: "CloudFormationClient",
    name: str,
    change_set: str,
    body: str,
    *,
    parameters: Mapping[str, str],
    before: Mapping[str, Any] | None,
) -> "DescribeChangeSetOutputTypeDef | None":
    """The change set, ready to be made; None where nothing would change."""
    try:
        cloudformation.create_change_set(
            StackName=name,
            ChangeSetName=change_set,
            ChangeSetType="CREATE" if before is None else "UPDATE",
            TemplateBody=body,
            Parameters=_parameter_values(cloudformation, body, parameters, before),
            Capabilities=CAPABILITIES,
        )
        plan = _wait_for_plan(cloudformation, name, change_set)
    except ClientError as error:
        raise OperationFailed(f"CloudFormation refuses the stack {name}: {error}") from error
    if plan["Status"] != "FAILED":
        return plan
    _forget_plan(cloudformation, name, change_set, is_new=before is None)
    reason = plan.get("StatusReason", "CloudFormation gives no reason")
    if any(phrase in reason for phrase in NOTHING_TO_DO):
        return None
    raise OperationFailed(f"CloudFormation refuses the change of the stack {name}: {reason}")


def _wait_for_plan(
    cloudformation: "CloudFormationClient", name: str, change_set: str
) -> "DescribeChangeSetOutputTypeDef":
    deadline = time.monotonic() + PLAN_SECONDS
    while True:
        plan = cloudformation.describe_change_set(StackName=name, ChangeSetName=change_set)
        if plan["Status"] in ("CREATE_COMPLETE", "FAILED"):
            break
        if time.monotonic() > deadline:
            raise OperationFailed(
                f"CloudFormation is still planning the change of the stack {name} after "
                f"{PLAN_SECONDS} seconds: look at the change set {change_set}, then try again."
            )
        time.sleep(1)
    token = plan.get("NextToken")
    while token:
        page = cloudformation.describe_change_set(
            StackName=name, ChangeSetName=change_set, NextToken=token
        )
        plan["Changes"] += page["Changes"]
        token = page.get("NextToken")
    return plan


def _parameter_values(
    cloudformation: "CloudFormationClient",
    body: str,
    parameters: Mapping[str, str],
    before: Mapping[str, Any] | None,
) -> list["ParameterTypeDef"]:
    given: list[ParameterTypeDef] = [
        {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
    ]
    if before is None:
        return given
    declared = cloudformation.validate_template(TemplateBody=body)["Parameters"]
    kept = {each["ParameterKey"] for each in before.get("Parameters", [])} - set(parameters)
    return given + [
        {"ParameterKey": each["ParameterKey"], "UsePreviousValue": True}
        for each in declared
        if each["ParameterKey"] in kept
    ]


def _changes(plan: "DescribeChangeSetOutputTypeDef") -> tuple[PlannedChange, ...]:
    found = [change["ResourceChange"] for change in plan["Changes"] if "ResourceChange" in change]
    return tuple(
        PlannedChange(
            each.get("Action", ""),
            each.get("LogicalResourceId", ""),
            each.get("ResourceType", ""),
            each.get("Replacement", ""),
        )
        for each in found
    )


def _forget_plan(
    cloudformation: "CloudFormationClient", name: str, change_set: str, *, is_new: bool
) -> None:
    """Delete the change set, and the empty stack that CloudFormation makes for a first one."""
    cloudformation.delete_change_set(StackName=name, ChangeSetName=change_set)
    if is_new:
        cloudformation.delete_stack(StackName=name)


def _wait(cloudformation: "CloudFormationClient", name: str, waiter: Any) -> None:
    try:
        waiter.wait(StackName=name, WaiterConfig=POLL)
    except WaiterError as error:
        reason = _first_failure(cloudformation, name)
        raise OperationFailed(f"The stack {name} failed: {reason}") from error


def _first_failure(cloudformation: "CloudFormationClient", name: str) -> str:
    """Why the newest attempt failed: the oldest failure after its beginning."""
    reason = "CloudFormation gives no reason"
    for event in cloudformation.describe_stack_events(StackName=name)["StackEvents"]:
        status = event.get("ResourceStatus", "")
        if status.endswith("FAILED"):
            reason = f"{event.get('LogicalResourceId')}: {event.get('ResourceStatusReason')}"
        elif event.get("LogicalResourceId") == name and status in (
            "CREATE_IN_PROGRESS",
            "UPDATE_IN_PROGRESS",
            "DELETE_IN_PROGRESS",
        ):
            break
    return reason

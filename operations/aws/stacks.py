"""CloudFormation stacks: created, updated and deleted, and what they export."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, WaiterError

from operations.aws.change_sets import (
    PlannedChange,
    WantedStack,
    drop_change_set,
    explain_invalid,
    plan_changes,
)
from operations.aws.errors import OperationFailed

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.literals import ChangeSetTypeType
    from mypy_boto3_cloudformation.type_defs import WaiterConfigTypeDef

POLL: "WaiterConfigTypeDef" = {"Delay": 1, "MaxAttempts": 900}
DONE: "Mapping[ChangeSetTypeType, Any]" = {
    "CREATE": "stack_create_complete",
    "UPDATE": "stack_update_complete",
    "IMPORT": "stack_import_complete",
}
NO_STACK_YET = ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE")

Review = Callable[[str, tuple[PlannedChange, ...]], bool]
"""Sees what will change in which stack; tells whether to go on, or raises OperationFailed."""


def accept(_: str, __: tuple[PlannedChange, ...]) -> bool:
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
    wanted = WantedStack(name, template.read_text(), parameters)
    return change_stack(cloudformation, wanted, review, find_sound_stack(cloudformation, name))


def change_stack(
    cloudformation: "CloudFormationClient",
    wanted: WantedStack,
    review: Review,
    before: Mapping[str, Any] | None,
) -> dict[str, str]:
    """The same for a stack that was found, or None."""
    name = wanted.name
    planned = plan_changes(cloudformation, wanted, before)
    if planned is None:
        return outputs_of(before)
    go_on = False
    try:
        go_on = review(name, planned.changes)
    finally:
        if not go_on:
            drop_change_set(cloudformation, planned)
    if not go_on:
        return outputs_of(before)
    cloudformation.execute_change_set(StackName=name, ChangeSetName=planned.name)
    _wait(cloudformation, name, cloudformation.get_waiter(DONE[planned.kind]))
    return stack_outputs(cloudformation, name)


def find_sound_stack(cloudformation: "CloudFormationClient", name: str) -> Mapping[str, Any] | None:
    """The stack, unless it was never made whole: what is left of that is deleted."""
    found = find_stack(cloudformation, name)
    if found and found["StackStatus"] == "ROLLBACK_COMPLETE":  # can only be deleted
        delete_stack(cloudformation, name)
        return None
    return found


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
    """What the stack exports, e.g. `{"RejectsBucket": "game-scores-rejects-…"}`; else nothing."""
    return outputs_of(find_stack(cloudformation, name))


def outputs_of(stack: Mapping[str, Any] | None) -> dict[str, str]:
    """What a stack exports that was found; nothing where there is none."""
    outputs = stack.get("Outputs", []) if stack else []
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def _wait(cloudformation: "CloudFormationClient", name: str, waiter: Any) -> None:
    try:
        waiter.wait(StackName=name, WaiterConfig=POLL)
    except WaiterError as error:
        reason = _first_failure(cloudformation, name)
        reason = explain_invalid(cloudformation, reason, {"StackName": name})
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
            "IMPORT_IN_PROGRESS",
        ):
            break
    return reason

"""CloudFormation stacks: create or update, and what they export."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, WaiterError

from operations.errors import OperationFailed

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef, WaiterConfigTypeDef

POLL: "WaiterConfigTypeDef" = {"Delay": 1, "MaxAttempts": 900}


def apply_stack(
    cloudformation: "CloudFormationClient",
    name: str,
    template: Path,
    parameters: Mapping[str, str],
) -> dict[str, str]:
    """The outputs of the stack, created or updated to match the template.

    Raises OperationFailed with CloudFormation's reason where it could not be.
    """
    body = template.read_text()
    values: list[ParameterTypeDef] = [
        {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
    ]
    try:
        if _exists(cloudformation, name):
            cloudformation.update_stack(StackName=name, TemplateBody=body, Parameters=values)
            cloudformation.get_waiter("stack_update_complete").wait(
                StackName=name, WaiterConfig=POLL
            )
        else:
            cloudformation.create_stack(StackName=name, TemplateBody=body, Parameters=values)
            cloudformation.get_waiter("stack_create_complete").wait(
                StackName=name, WaiterConfig=POLL
            )
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise OperationFailed(f"CloudFormation refuses the stack {name}: {error}") from error
    except WaiterError as error:
        reason = _first_failure(cloudformation, name)
        raise OperationFailed(f"The stack {name} failed: {reason}") from error
    return stack_outputs(cloudformation, name)


def stack_outputs(cloudformation: "CloudFormationClient", name: str) -> dict[str, str]:
    """What the stack exports, e.g. `{"RejectsBucket": "game-scores-rejects-…"}`."""
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _exists(cloudformation: "CloudFormationClient", name: str) -> bool:
    try:
        cloudformation.describe_stacks(StackName=name)
    except ClientError as error:
        if "does not exist" in str(error):
            return False
        raise
    return True


def _first_failure(cloudformation: "CloudFormationClient", name: str) -> str:
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    for event in reversed(events):
        if event.get("ResourceStatus", "").endswith("FAILED"):
            return f"{event.get('LogicalResourceId')}: {event.get('ResourceStatusReason')}"
    return "CloudFormation gives no reason"

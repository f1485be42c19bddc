"""What a stack's update would change, planned by CloudFormation before anything is changed."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from operations.aws.errors import Misuse, OperationFailed
from operations.aws.templates import read_template

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.literals import ChangeSetTypeType
    from mypy_boto3_cloudformation.type_defs import (
        DescribeChangeSetOutputTypeDef,
        ParameterTypeDef,
        ResourceToImportTypeDef,
    )

PLAN_SECONDS = 120
CAPABILITIES: Any = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
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


class WantedStack(NamedTuple):
    """What a stack is to be: a template's body and values of its parameters.

    With `imports`, nothing is changed, but these resources of the template, which are there, are
    the stack's from then on.
    """

    name: str
    body: str
    parameters: Mapping[str, str]
    imports: "Sequence[ResourceToImportTypeDef]" = ()


class ChangeSet(NamedTuple):
    """A change set that is ready to be executed; `is_first`: there is no stack yet."""

    stack: str
    name: str
    kind: "ChangeSetTypeType"
    is_first: bool
    changes: tuple[PlannedChange, ...]


def plan_changes(
    cloudformation: "CloudFormationClient", wanted: WantedStack, before: Mapping[str, Any] | None
) -> ChangeSet | None:
    """Plan what makes the stack as wanted; None if nothing would change.

    `before` is the stack as it is. Raises OperationFailed where CloudFormation refuses the change.
    """
    stack, imports = wanted.name, wanted.imports
    kind: ChangeSetTypeType = "IMPORT" if imports else "UPDATE" if before else "CREATE"
    planned = ChangeSet(stack, f"{stack}-{time.time_ns()}", kind, before is None, ())
    arguments: Any = {"ResourcesToImport": imports} if imports else {}
    try:
        made = cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName=planned.name,
            ChangeSetType=kind,
            TemplateBody=wanted.body,
            Parameters=_parameter_values(wanted, before),
            Capabilities=CAPABILITIES,
            **arguments,
        )
        plan = _wait_for_plan(cloudformation, planned)
    except ClientError as error:
        raise OperationFailed(f"CloudFormation refuses the stack {stack}: {error}") from error
    if plan["Status"] != "FAILED":
        return planned._replace(changes=_changes(plan))
    reason = plan.get("StatusReason", "CloudFormation gives no reason")
    reason = explain_invalid(cloudformation, reason, {"ChangeSetName": made["Id"]})
    drop_change_set(cloudformation, planned)
    if any(phrase in reason for phrase in NOTHING_TO_DO):
        return None
    raise OperationFailed(f"CloudFormation refuses the change of the stack {stack}: {reason}")


def require_parameters(template: Path, given: Collection[str]) -> None:
    """Raise Misuse where the template does not have all these parameters."""
    declared = _declared_parameters(template.read_text())
    unknown = [name for name in given if name not in declared]
    if unknown:
        raise Misuse(
            f"{template.name} has no parameter {', '.join(unknown)}, only "
            f"{', '.join(sorted(declared))}."
        )


def drop_change_set(cloudformation: "CloudFormationClient", planned: ChangeSet) -> None:
    """Delete the change set, and the empty stack that CloudFormation makes for a first one."""
    cloudformation.delete_change_set(StackName=planned.stack, ChangeSetName=planned.name)
    if planned.is_first:
        cloudformation.delete_stack(StackName=planned.stack)


def refuse_data_loss(name: str, changes: tuple[PlannedChange, ...], allowed: set[str]) -> None:
    """Raise OperationFailed if a change loses the data of a resource that is not in `allowed`."""
    losing = [each for each in changes if each.loses_data and each.resource not in allowed]
    if losing:
        named = ", ".join(f"{each.resource} ({each.type})" for each in losing)
        allowance = " ".join(f"--allow-replacement {each.resource}" for each in losing)
        raise OperationFailed(
            f"The stack {name} is unchanged, because this would replace or drop what holds data: "
            f"{named}. Take the change out of the template or parameters, or, to lose that data, "
            f"say so with {allowance}."
        )


def explain_invalid(
    cloudformation: "CloudFormationClient", reason: str, of: Mapping[str, str]
) -> str:
    """The reason of a failure; where it only refers to DescribeEvents, what that tells.

    So it does when a template is found invalid before it is deployed, e.g. since a name is taken:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html
    """
    if "DescribeEvents" not in reason:
        return reason
    arguments: Any = {**of, "Filters": {"FailedEvents": True}}
    found = cloudformation.describe_events(**arguments)["OperationEvents"]
    told = [
        f"{each.get('LogicalResourceId')}: {each['ValidationStatusReason']}"
        for each in found
        if each.get("ValidationStatus") == "FAILED"
    ]
    return "; ".join(dict.fromkeys(told)) or reason


def _wait_for_plan(
    cloudformation: "CloudFormationClient", planned: ChangeSet
) -> "DescribeChangeSetOutputTypeDef":
    stack, name = planned.stack, planned.name
    deadline = time.monotonic() + PLAN_SECONDS
    while True:
        plan = cloudformation.describe_change_set(StackName=stack, ChangeSetName=name)
        if plan["Status"] in ("CREATE_COMPLETE", "FAILED"):
            break
        if time.monotonic() > deadline:
            raise OperationFailed(
                f"CloudFormation is still planning the change of the stack {stack} after "
                f"{PLAN_SECONDS} seconds: look at the change set {name}, then try again."
            )
        time.sleep(1)
    token = plan.get("NextToken")
    while token:
        page = cloudformation.describe_change_set(
            StackName=stack, ChangeSetName=name, NextToken=token
        )
        plan["Changes"] += page["Changes"]
        token = page.get("NextToken")
    return plan


def _parameter_values(
    wanted: WantedStack, before: Mapping[str, Any] | None
) -> list["ParameterTypeDef"]:
    given: list[ParameterTypeDef] = [
        {"ParameterKey": key, "ParameterValue": value} for key, value in wanted.parameters.items()
    ]
    if before is None:
        return given
    kept = {each["ParameterKey"] for each in before.get("Parameters", [])} - set(wanted.parameters)
    return given + [
        {"ParameterKey": name, "UsePreviousValue": True}
        for name in _declared_parameters(wanted.body)
        if name in kept
    ]


def _declared_parameters(body: str) -> list[str]:
    return list(read_template(body).get("Parameters", {}))


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

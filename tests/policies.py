"""The policies in infrastructure/policies, and users of the embedded AWS who have them."""

import json
from typing import Any

from operations.aws.config import PROJECT
from operations.local.server import EmbeddedAws

POLICIES = PROJECT / "infrastructure" / "policies"
DEPLOYER, OPERATOR = "deployer", "operator"
EMBEDDED_ACCOUNT = "000000000000"

OWN_ACCOUNT = {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}

RESOURCE_UNKNOWN_THERE = {
    "cloudwatch:DescribeAlarms",  # all of them
    "dynamodb:DescribeStream",  # by the stream's ARN
    "dynamodb:GetRecords",  # by an iterator
    "dynamodb:GetShardIterator",
    "dynamodb:ListTagsOfResource",
    "kinesis:GetRecords",
    "lambda:CreateFunction",
}
"""Actions whose resource the embedded AWS does not read from the request."""

TAKEN_FOR = {"lambda:DeleteFunctionConcurrency": "lambda:PutFunctionConcurrency"}
"""Actions that the embedded AWS takes for another."""

NOT_ENFORCED_THERE = {
    "lambda:DeleteEventSourceMapping",
    "lambda:GetEventSourceMapping",  # taken for ListEventSourceMappings, which is allowed, too
    "lambda:UpdateEventSourceMapping",
}
"""Actions for calls that the embedded AWS lets anybody make who may do the rest."""

CONDITIONS_UNKNOWN_THERE = {"lambda:FunctionArn", "iam:PassedToService"}


def read_policy(name: str) -> dict[str, Any]:
    policy: dict[str, Any] = json.loads((POLICIES / f"{name}.json").read_text())
    return policy


def actions_of(policy: dict[str, Any]) -> set[str]:
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def without(policy: dict[str, Any], sid: str, action: str) -> dict[str, Any]:
    """The policy without that action of that statement."""
    statements = [
        {**statement, "Action": [each for each in statement["Action"] if each != action]}
        if statement["Sid"] == sid
        else statement
        for statement in policy["Statement"]
    ]
    return {**policy, "Statement": [each for each in statements if each["Action"]]}


def as_embedded(policy: dict[str, Any]) -> dict[str, Any]:
    """The policy as far as the embedded AWS can judge by it.

    It puts no values into a policy's variables, and does not know every condition and resource.
    """
    return {**policy, "Statement": [part for each in policy["Statement"] for part in _parts(each)]}


def _parts(statement: dict[str, Any]) -> list[dict[str, Any]]:
    written = json.dumps(statement).replace("${aws:PrincipalAccount}", EMBEDDED_ACCOUNT)
    for action, taken_for in TAKEN_FOR.items():
        written = written.replace(f'"{action}"', f'"{taken_for}"')
    statement = json.loads(written)
    conditions = {
        operator: values
        for operator, values in statement.pop("Condition", {}).items()
        if not CONDITIONS_UNKNOWN_THERE & set(values)
    }
    unknown = sorted(RESOURCE_UNKNOWN_THERE & set(statement["Action"]))
    known = [each for each in statement["Action"] if each not in unknown]
    parts = [(known, statement["Resource"]), (unknown, ["*"])]
    return [
        {"Effect": "Allow", "Action": actions, "Resource": resources, "Condition": conditions}
        for actions, resources in parts
        if actions
    ]


def user_with(aws: EmbeddedAws, name: str, policy: dict[str, Any]) -> dict[str, str]:
    """The environment variables of a new user who may do what the policy says, and no more."""
    iam = aws.session.client("iam")
    iam.create_user(UserName=name)
    give(iam, name, policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {
        **aws.variables,
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }


def give(iam: Any, name: str, policy: dict[str, Any]) -> None:
    """Let the user do what the policy says, instead of what was said before."""
    iam.put_user_policy(
        UserName=name, PolicyName=name, PolicyDocument=json.dumps(as_embedded(policy))
    )

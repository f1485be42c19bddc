"""IAM policies, changed for tests."""

from typing import Any

EMBEDDED_ACCOUNT = "000000000000"


def without(policy: dict[str, Any], sid: str, action: str) -> dict[str, Any]:
    """The policy without that action of that statement."""
    statements = [
        {**statement, "Action": [each for each in statement["Action"] if each != action]}
        if statement["Sid"] == sid
        else statement
        for statement in policy["Statement"]
    ]
    return {**policy, "Statement": [each for each in statements if each["Action"]]}

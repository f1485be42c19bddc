"""Invokes a function of the stage."""

import json

from operations.errors import OperationFailed
from operations.stage.stage import Stage


class FunctionFailed(OperationFailed):
    """The function raised an error; the message has its type and its text."""


def invoke(stage: Stage, function: str, event: bytes) -> str:
    """The function's answer to the event, as JSON; raises FunctionFailed."""
    answer = stage.aws.client("lambda").invoke(
        FunctionName=stage.function_name(function), Payload=event
    )
    payload = answer["Payload"].read().decode(errors="replace")
    if "FunctionError" not in answer:
        return payload
    try:
        error = json.loads(payload)
        reason = f"{error['errorType']}: {error['errorMessage']}"
    except (ValueError, LookupError, TypeError):
        reason = payload[:500]
    raise FunctionFailed(f"{function} fails: {reason}")

"""Invokes a function of the stage."""

import json
from functools import cache
from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from operations.aws.errors import OperationFailed
from operations.aws.session import AwsSession
from operations.aws.stage import Stage

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

LONGEST_RUN_SECONDS = 900
"""As long as Lambda lets any function run."""

PATIENT_CONFIG = Config(
    read_timeout=LONGEST_RUN_SECONDS + 30,
    retries={"total_max_attempts": 1},
    tcp_keepalive=True,
)
"""Waits for the answer, and asks once: the SDK would give up after a minute, while the function
still runs, and start the same event again beside it.
https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html"""

TOO_LARGE = ("RequestTooLargeException", "RequestEntityTooLargeException", "413")
NOT_NOW = (
    "TooManyRequestsException",
    "ThrottlingException",
    "EC2ThrottledException",
    "ResourceConflictException",
    "ServiceException",
    "503",
)


class FunctionFailed(OperationFailed):
    """The function raised an error; the message has its type and its text."""


class EventTooLarge(OperationFailed):
    """Lambda takes no event of this size."""


class NotNow(OperationFailed):
    """Lambda cannot run the function now, or does not answer; the same event may succeed later."""


def invoke(stage: Stage, function: str, event: bytes) -> str:
    """The function's answer to the event, as JSON, waited for as long as any function may run.

    One attempt. Raises FunctionFailed, EventTooLarge and NotNow.
    """
    try:
        answer = _patient_client(stage.aws).invoke(
            FunctionName=stage.function_name(function), Payload=event
        )
    except (ReadTimeoutError, ConnectionClosedError) as error:
        raise NotNow(f"{function} does not answer: {error}") from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in TOO_LARGE:
            raise EventTooLarge(f"Lambda takes no event of {len(event):,} bytes") from error
        if code in NOT_NOW:
            raise NotNow(f"Lambda cannot run {function} now: {error}") from error
        raise
    payload = answer["Payload"].read().decode(errors="replace")
    if "FunctionError" not in answer:
        return payload
    try:
        raised = json.loads(payload)
        reason = f"{raised['errorType']}: {raised['errorMessage']}"
    except (ValueError, LookupError, TypeError):
        reason = payload[:500]
    raise FunctionFailed(f"{function} fails: {reason}")


@cache
def _patient_client(aws: AwsSession) -> "LambdaClient":
    return aws.client("lambda", config=PATIENT_CONFIG)

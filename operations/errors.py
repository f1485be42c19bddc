"""The errors that people see, and what AWS's own errors mean to them."""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

FAILURE = 1
MISUSE = 2


class OperationFailed(Exception):
    """What was asked for failed; the message is a sentence with the next step."""

    exit_status = FAILURE


class Misuse(OperationFailed):
    """What was named does not exist or cannot be read; the message says what to name instead."""

    exit_status = MISUSE


class OperationInterrupted(OperationFailed):
    """Interrupted by a person; the message says what state that left and how to go on."""

    exit_status = 130


def explain(error: BotoCoreError | ClientError) -> OperationFailed:
    """An error of AWS or its SDK as a sentence with the next step."""
    match error:
        case NoCredentialsError() | PartialCredentialsError() | CredentialRetrievalError():
            return Misuse(
                "There are no AWS credentials: run `aws configure`, set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or name a profile with --profile."
            )
        case ProfileNotFound() | InvalidRegionError():
            return Misuse(f"{error}: name another with --profile or --region.")
        case NoRegionError():
            return Misuse("There is no AWS region: name one with --region.")
        case EndpointConnectionError():
            return OperationFailed(f"{error}. Check --endpoint-url; is `make up` running?")
        case ClientError() if error.response["Error"]["Code"] in MISSING:
            return Misuse(
                f"AWS answers: {error}. Check --stage, --profile and --region, or deploy first."
            )
    return OperationFailed(f"AWS answers: {error}")


MISSING = ("ResourceNotFoundException", "NoSuchBucket", "NoSuchKey")

"""The errors that people see, and what AWS's own errors mean to them.

OperationFailed            exit status 1: what was asked for failed
├── Misuse                 exit status 2: what was named does not exist or cannot be read
│   └── BadLine            a line of a file cannot be sent (scores/files.py)
├── NoAws                  something else than AWS answered
├── OperationInterrupted   exit status 130: a person interrupted it
├── FunctionFailed         a function raised when it was invoked (aws/invoke.py)
├── EventTooLarge          an event is larger than Lambda takes (aws/invoke.py)
├── NotNow                 Lambda does not take the event now (aws/invoke.py)
├── StreamForgot           the stream forgot what was not read (totals/followed_stream.py)
└── OutputLost             the results cannot be written (terminal/output.py)
"""

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
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

FAILURE = 1
MISUSE = 2


class OperationFailed(Exception):
    """What was asked for failed; the message is a sentence with the next step."""

    exit_status = FAILURE


class Misuse(OperationFailed):
    """What was named does not exist or cannot be read; the message says what to name instead."""

    exit_status = MISUSE


class NoAws(OperationFailed):
    """Something else than AWS answered."""


class OperationInterrupted(OperationFailed):
    """Interrupted by a person; the message says what state that left and how to go on."""

    exit_status = 130


Explained = BotoCoreError | ClientError | ResponseParserError | UnicodeEncodeError | OSError
EXPLAINED = (BotoCoreError, ClientError, ResponseParserError, UnicodeEncodeError, OSError)
"""What `explain` has a sentence for."""

MISSING = ("ResourceNotFoundException", "NoSuchBucket", "NoSuchKey")
SHARD_GONE = (
    "ExpiredIteratorException",
    "ResourceNotFoundException",
    "TrimmedDataAccessException",
)
SHARD_READS = ("GetRecords", "GetShardIterator")
NOT_ACCEPTED = (
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)
"""Codes by which AWS's services say that the credentials are expired or wrong:
https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html"""


def explain(error: Explained) -> OperationFailed:
    """An error of AWS, its SDK or this machine as a sentence with the next step."""
    match error:
        case ClientError():
            return _explain_answer(error)
        case BotoCoreError():
            return _explain_sdk(error)
        case ResponseParserError():
            return NoAws(f"What answers there is no AWS: {error}. Check --endpoint-url.")
        case UnicodeEncodeError():
            return Misuse(f"{error.object!r} is no text: it has bytes that are no UTF-8.")
        case OSError():
            return _explain_system(error)


def _explain_sdk(error: BotoCoreError) -> OperationFailed:
    """What went wrong before AWS was asked, or without an answer."""
    match error:
        case NoCredentialsError() | PartialCredentialsError() | CredentialRetrievalError():
            return Misuse(
                "There are no AWS credentials: run `aws configure`, set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or name a profile with --profile."
            )
        case SSOError() | TokenRetrievalError():
            return Misuse(f"There are no AWS credentials: {error} Run `aws sso login`.")
        case ProfileNotFound() | InvalidRegionError():
            return Misuse(f"{error}: name another with --profile or --region.")
        case NoRegionError():
            return Misuse("There is no AWS region: name one with --region.")
        case EndpointConnectionError():
            return OperationFailed(f"{error}. Check --endpoint-url; is `make up` running?")
    return OperationFailed(f"AWS cannot be asked: {error}")


def _explain_answer(error: ClientError) -> OperationFailed:
    code = error.response.get("Error", {}).get("Code")
    if code in SHARD_GONE and error.operation_name in SHARD_READS:
        return OperationFailed(
            f"AWS answers: {error}. A shard, or what it held, is older than its stream keeps: run "
            "this again."
        )
    if code in MISSING:
        return Misuse(
            f"AWS answers: {error}. Check --stage, --profile and --region, or deploy first."
        )
    if code in NOT_ACCEPTED:
        return Misuse(
            f"AWS does not accept the credentials ({error}): renew them, or name others with "
            "--profile."
        )
    return OperationFailed(f"AWS answers: {error}")


def _explain_system(error: OSError) -> OperationFailed:
    """What the operating system refuses, e.g. `.local: Read-only file system`."""
    where = f"{error.filename}: " if error.filename is not None else ""
    kind = Misuse if error.filename is not None else OperationFailed
    return kind(f"{where}{error.strerror or error}.")

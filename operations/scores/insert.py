"""One record straight into the table, as a person at a console puts it."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.payloads import decode_score_record
from chalicelib.records import NOT_YET_THERE, to_item
from chalicelib.scores import DIGEST_ATTRIBUTE, InvalidRecord, Place, ScoreRecord
from operations.errors import Misuse, OperationFailed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def parse_record(text: str) -> ScoreRecord:
    """The score record that a person typed as JSON; raises Misuse where it is none."""
    shown = text.encode(errors="backslashreplace").decode()
    try:
        record = decode_score_record(Place(0), text.encode(errors="surrogateescape"))
    except InvalidRecord as error:
        raise Misuse(f"{shown} is no score record: {error}.") from error
    if record is None:
        raise Misuse(
            f"{shown} is no score record, a JSON object with RecordID, Username and Score."
        )
    return record


def insert_record(
    dynamodb: "DynamoDBClient", table: str, record: ScoreRecord, *, replace: bool
) -> None:
    """Put the record into the table, without the digest that a record from the stream has.

    Raises OperationFailed where one with that id stands there and is not to be replaced, and
    Misuse where DynamoDB has no such values.
    """
    try:
        item = to_item(record)
    except InvalidRecord as error:
        raise Misuse(f"The table cannot hold the record: {error}.") from error
    del item[DIGEST_ATTRIBUTE]
    condition = {} if replace else {"ConditionExpression": NOT_YET_THERE}
    try:
        dynamodb.put_item(TableName=table, Item=item, **condition)  # type: ignore[arg-type]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        raise OperationFailed(
            f"RecordID {record.record_id} stands in the table already: "
            "correct it with --replace, or take another id."
        ) from error

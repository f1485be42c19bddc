"""Puts one record straight into the table, as a person at a console does."""

from typing import TYPE_CHECKING, Any

from chalicelib import words
from chalicelib.payloads import decode_score_record
from chalicelib.records import NOT_YET_THERE, says_the_same
from chalicelib.scores import DIGEST_ATTRIBUTE, InvalidRecord, ScoreRecord
from chalicelib.totals import as_found
from operations.aws.errors import Misuse, OperationFailed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MOST_GUESSES = 5
"""Each one after the second means that the record was deleted or sent in the meantime."""


def parse_record(text: str) -> ScoreRecord:
    """The score record in the JSON text; raises Misuse if it is none."""
    shown = text.encode(errors="backslashreplace").decode()
    try:
        return decode_score_record(text.encode(errors="surrogateescape"))
    except InvalidRecord as error:
        raise Misuse(f"{shown} is no {words.RECORD}: {error}.") from error


def insert_record(
    dynamodb: "DynamoDBClient", table: str, record: ScoreRecord, *, replace: bool
) -> None:
    """Put the record into the table, in place of an existing one only with `replace`.

    Where the very record stands there already it is inserted: the SDK sends a request again whose
    answer is lost. Raises OperationFailed where another one stands under the id and is not to be
    replaced.
    """
    item = dict(record.item)
    del item[DIGEST_ATTRIBUTE]  # it did not come from a payload on the stream
    if replace:
        _replace(dynamodb, table, item)
        return
    try:
        dynamodb.put_item(
            TableName=table,
            Item=item,
            ConditionExpression=NOT_YET_THERE,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        refusal: Any = error.response
        if says_the_same(refusal.get("Item", {}), item):
            return  # by an attempt before, whose answer was lost
        raise OperationFailed(
            f"{words.RECORD_ID} {record.record_id} stands in the table already with other content: "
            "correct it with --replace, or take another id."
        ) from error


def _replace(dynamodb: "DynamoDBClient", table: str, item: dict[str, Any]) -> None:
    """Replace the item that is there and keep its digest.

    By the digest the payload that is corrected is known when it is delivered again. What the item
    has is guessed, at first that there is none; a wrong guess is refused, and the refusal tells.
    Raises OperationFailed where others change it each time.
    """
    digest = None
    for _ in range(MOST_GUESSES):
        condition, values = as_found(**{DIGEST_ATTRIBUTE: digest})
        try:
            dynamodb.put_item(
                TableName=table,
                Item={**item, DIGEST_ATTRIBUTE: digest} if digest else item,
                ConditionExpression=condition,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **({"ExpressionAttributeValues": values} if values else {}),  # type: ignore[arg-type]
            )
        except dynamodb.exceptions.ConditionalCheckFailedException as error:
            refusal: Any = error.response
            digest = refusal.get("Item", {}).get(DIGEST_ATTRIBUTE)
        else:
            return
    raise OperationFailed(
        f"{words.RECORD_ID} {item[words.RECORD_ID]['N']} is being deleted and sent anew by others: "
        "try again."
    )

"""One transaction a record: a marker that must not be there yet, and the ADD.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
Exactly once, for four write units and one network round trip a record.
"""

from typing import Any

from benchmarks.rivals.interface import Handler, RivalSession, RivalTables


def make_aggregator(aws: RivalSession, tables: RivalTables) -> Handler:
    """A handler that adds a record once, known by its eventID; a conflict rises."""
    dynamodb = aws.client()

    def add_once(record: dict[str, Any]) -> None:
        image = record["dynamodb"]["NewImage"]
        try:
            dynamodb.transact_write_items(
                TransactItems=[
                    {
                        "Put": {
                            "TableName": tables.markers,
                            "Item": {"id": {"S": record["eventID"]}},
                            "ConditionExpression": "attribute_not_exists(id)",
                        }
                    },
                    {
                        "Update": {
                            "TableName": tables.totals,
                            "Key": {"Username": image["Username"]},
                            "UpdateExpression": "ADD Score :s",
                            "ExpressionAttributeValues": {":s": image["Score"]},
                        }
                    },
                ]
            )
        except dynamodb.exceptions.TransactionCanceledException as error:
            marker, _ = error.response["CancellationReasons"]
            if marker["Code"] != "ConditionalCheckFailed":
                raise

    def aggregate(event: dict[str, Any], _: Any) -> str:
        for record in event["Records"]:
            add_once(record)
        return f"Successfully processed {len(event['Records'])} records."

    return aggregate

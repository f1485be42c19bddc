"""What a rival is given: the tables' names, and a table of markers for those that need one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Handler = Callable[[dict[str, Any], Any], Any]
"""A Lambda function's handler: takes the event and the Lambda context."""

MakeHandler = Callable[["RivalSession", "RivalTables"], Handler]


@dataclass(frozen=True)
class RivalTables:
    """The names of the tables that a rival reads and writes.

    `markers` is keyed by `id` (S), the default of Powertools' idempotency layer.
    """

    records: str
    totals: str
    markers: str = "RivalMarkers"


@dataclass(frozen=True)
class RivalSession:
    """Where a rival's AWS is; hooks registered on the session are on all its clients."""

    session: boto3.Session
    endpoint_url: str | None = None

    def client(self) -> "DynamoDBClient":
        """A DynamoDB client as its documentation makes one, with nothing tuned."""
        return self.session.client("dynamodb", endpoint_url=self.endpoint_url)

    def table(self, name: str) -> Any:
        return self.session.resource("dynamodb", endpoint_url=self.endpoint_url).Table(name)


def create_markers_table(dynamodb: "DynamoDBClient", name: str) -> None:
    """Make the table of markers, on demand, expiring by the idempotency layer's attribute."""
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )

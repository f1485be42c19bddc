"""The data stack on the embedded AWS, and what stands in its tables and its bucket."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from chalicelib.settings import Settings
from operations.aws.config import PROJECT, variable_name
from operations.aws.stacks import apply_stack
from operations.aws.tables import read_totals, scan
from operations.deploy.steps import DATA_TEMPLATE, LOCAL_PARAMETERS
from operations.local.pipeline import DATA_STACK
from operations.local.server import EmbeddedAws
from operations.rejects.objects import read_rejects

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class DataStack:
    """The data stack's real resources, as the functions see them."""

    variables: dict[str, str]
    dynamodb: "DynamoDBClient"
    s3: "S3Client"

    @property
    def names(self) -> Settings:
        return Settings.from_environment(self.variables)

    @property
    def totals(self) -> dict[str, Decimal]:
        return read_totals(self.dynamodb, self.names.totals_table)

    def total_item(self, username: str) -> dict[str, Any]:
        """A user's item, receipts included."""
        return self.dynamodb.get_item(
            TableName=self.names.totals_table,
            Key={"Username": {"S": username}},
        ).get("Item", {})

    @property
    def pages(self) -> list[dict[str, Any]]:
        """The archived pages of receipts, in their order."""
        pages = scan(self.dynamodb, self.names.receipts_table)
        return sorted((dict(page) for page in pages), key=lambda page: str(page["Page"]))

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        items = scan(self.dynamodb, self.names.records_table)
        return {item["RecordID"]["N"]: dict(item) for item in items}

    @property
    def rejects(self) -> list[dict[str, Any]]:
        """Every rejected record with its reason, over all objects in the bucket."""
        objects = read_rejects(self.s3, self.names.rejects_bucket)
        return [
            {"reason": reject.reason, "record": reject.record}
            for each in objects
            for reject in each.rejects
        ]

    @property
    def reasons(self) -> list[str]:
        return [reject["reason"] for reject in self.rejects]


def new_data_stack(aws: EmbeddedAws) -> DataStack:
    """The data stack, new and empty; whatever stood in the embedded AWS is gone."""
    aws.reset()
    cloudformation = aws.session.client("cloudformation")
    outputs = apply_stack(cloudformation, DATA_STACK, PROJECT / DATA_TEMPLATE, LOCAL_PARAMETERS)
    return DataStack(
        {variable_name(output): value for output, value in outputs.items()},
        aws.session.client("dynamodb"),
        aws.session.client("s3"),
    )

"""The data stack on the embedded AWS, and what stands in its tables and its bucket."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from chalicelib.settings import Settings
from operations.aws.config import PROJECT, names_of
from operations.aws.stacks import apply_stack, outputs_of
from operations.aws.stage import RECORDS_STREAM
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


def empty_data_stack(aws: EmbeddedAws) -> DataStack:
    """The data stack with nothing in it: the one that is there, emptied, or else a new one.

    Its tables and their stream are made anew, which takes a tenth of the time of a whole stack;
    what only the template gives them, as tags, is gone then.
    """
    session = aws.session
    stacks = session.client("cloudformation").describe_stacks()["Stacks"]
    functions = session.client("lambda").list_functions()["Functions"]
    if functions or [stack["StackName"] for stack in stacks] != [DATA_STACK]:
        return new_data_stack(aws)
    found = _data_stack(aws, outputs_of(stacks[0]))
    tables = {each for name, each in found.variables.items() if name.endswith("_TABLE")}
    there = set(found.dynamodb.list_tables()["TableNames"])
    if not tables <= there:
        return new_data_stack(aws)
    for table in there - tables:
        found.dynamodb.delete_table(TableName=table)
    streams = {table: recreate_table(found.dynamodb, table) for table in tables}
    empty_bucket(found.s3, found.names.rejects_bucket)
    stream = {RECORDS_STREAM: streams[found.names.records_table]}
    return replace(found, variables={**found.variables, **stream})


def new_data_stack(aws: EmbeddedAws) -> DataStack:
    """The data stack, new and empty; whatever stood in the embedded AWS is gone."""
    aws.reset()
    cloudformation = aws.session.client("cloudformation")
    outputs = apply_stack(cloudformation, DATA_STACK, PROJECT / DATA_TEMPLATE, LOCAL_PARAMETERS)
    return _data_stack(aws, outputs)


def recreate_table(dynamodb: "DynamoDBClient", name: str) -> str:
    """Delete the table and make it anew by its schema; the ARN of its stream, if it has one."""
    table: Any = dynamodb.describe_table(TableName=name)["Table"]
    has_stream = "StreamSpecification" in table
    stream = {"StreamSpecification": table["StreamSpecification"]} if has_stream else {}
    dynamodb.delete_table(TableName=name)
    made = dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=table["AttributeDefinitions"],
        KeySchema=table["KeySchema"],
        BillingMode="PAY_PER_REQUEST",
        **stream,
    )
    return made["TableDescription"].get("LatestStreamArn", "")


def empty_bucket(s3: "S3Client", bucket: str) -> None:
    """No version of any object is in the bucket any more."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions = (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
        if versions:
            keys: Any = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
            s3.delete_objects(Bucket=bucket, Delete={"Objects": keys})


def _data_stack(aws: EmbeddedAws, outputs: dict[str, str]) -> DataStack:
    hooked = aws.session.client("dynamodb", endpoint_url=aws.endpoint_url)  # by one test only
    return DataStack(names_of(outputs), hooked, aws.session.client("s3"))

"""What infrastructure/data.yaml has that holds data: what it is called, and what is there of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from operations.aws.config import variable_name
from operations.aws.session import account_of
from operations.aws.stage import Stage, data_stack_name, stage_suffix
from operations.aws.templates import Template
from operations.deploy.mapping_options import resolve

STREAM, TABLE, BUCKET = "AWS::Kinesis::Stream", "AWS::DynamoDB::Table", "AWS::S3::Bucket"
IDENTIFIERS = {STREAM: "Name", TABLE: "TableName", BUCKET: "BucketName"}
"""The types that hold data, and the property of each that is its name."""

NOT_THERE = ("ResourceNotFoundException", "NoSuchBucket", "404")


class DataResource(NamedTuple):
    """A resource, e.g. `Totals`, of a type, called so, as the named environment variable says."""

    logical_name: str
    type: str
    name: str
    variable: str


def data_resources(
    stage: Stage, template: Template, names: Mapping[str, str] | None = None
) -> tuple[DataResource, ...]:
    """What holds the stage's data; what is in `names`, by variable, is called as there."""
    values = {
        "Suffix": stage_suffix(stage.name),
        "AWS::AccountId": account_of(stage.aws),
        "AWS::Region": stage.region,
    }
    variables = {
        output["Value"].get("Ref"): variable_name(name)
        for name, output in template["Outputs"].items()
    }
    found = (
        DataResource(
            logical_name,
            each["Type"],
            resolve(each["Properties"][IDENTIFIERS[each["Type"]]], values, {}),
            variables[logical_name],
        )
        for logical_name, each in template["Resources"].items()
        if each["Type"] in IDENTIFIERS
    )
    return tuple(
        each._replace(name=names.get(each.variable, each.name)) if names else each for each in found
    )


def is_there(stage: Stage, resource: DataResource) -> bool:
    """Whether there is a stream, a table or a bucket of its name."""
    try:
        if resource.type == STREAM:
            stage.aws.client("kinesis").describe_stream_summary(StreamName=resource.name)
        elif resource.type == TABLE:
            stage.aws.client("dynamodb").describe_table(TableName=resource.name)
        else:
            stage.aws.client("s3").head_bucket(Bucket=resource.name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in NOT_THERE:
            raise
        return False
    return True


def retained(stage: Stage, resources: Iterable[DataResource]) -> list[DataResource]:
    """Those of what is there that a data stack retained that is gone itself, by their tag.

    Others may have a table called GameScoreRecords, too, so a name alone is not enough; but that
    of the bucket, with account and region in it, is no accident.
    """
    wanted = {"Key": "stack", "Value": data_stack_name(stage.name)}
    return [each for each in resources if each.type == BUCKET or wanted in _tags(stage, each)]


def _tags(stage: Stage, resource: DataResource) -> Sequence[Mapping[str, Any]]:
    """The tags of the stream or a table."""
    if resource.type == STREAM:
        return stage.aws.client("kinesis").list_tags_for_stream(StreamName=resource.name)["Tags"]
    client = stage.aws.client("dynamodb")
    arn = client.describe_table(TableName=resource.name)["Table"]["TableArn"]
    return client.list_tags_of_resource(ResourceArn=arn)["Tags"]

"""A deployed stage: where it runs, and what its resources are called."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from operations.errors import Misuse
from operations.stage.config import require_stage, variable_name
from operations.stage.stacks import stack_outputs

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client

CLIENT_CONFIG = Config(
    retries={"mode": "standard"}, s3={"addressing_style": "path"}, max_pool_connections=32
)
INVOKING = CLIENT_CONFIG.merge(Config(read_timeout=90))
"""An invocation answers when the function is done, which may take its whole timeout."""

RECORDED = "REJECTS_BUCKET"
"""A variable that a stage has only once its data stack's outputs are recorded."""

HANDLERS = ("ProcessKinesisRecords", "AggregateScoresByUser")


@dataclass(frozen=True)
class Pipeline:
    """A deployed stage: its AWS, and its resources' names by environment variable."""

    stage: str
    session: boto3.Session
    endpoint_url: str | None
    variables: dict[str, str]

    def function_name(self, handler: str) -> str:
        """What Chalice calls a handler's function: `game-scores-dev-ProcessKinesisRecords`."""
        return f"game-scores-{self.stage}-{handler}"

    @property
    def region(self) -> str:
        """Its region."""
        return str(self.session.region_name)

    @property
    def is_embedded(self) -> bool:
        """Whether its AWS is an embedded one: no real AWS speaks plain HTTP."""
        return (self.endpoint_url or "").startswith("http:")

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        """Its CloudFormation client."""
        return self.session.client(
            "cloudformation", endpoint_url=self.endpoint_url, config=CLIENT_CONFIG
        )

    @cached_property
    def iam(self) -> "IAMClient":
        """Its IAM client."""
        return self.session.client("iam", endpoint_url=self.endpoint_url, config=CLIENT_CONFIG)

    @cached_property
    def kinesis(self) -> "KinesisClient":
        """Its Kinesis client."""
        return self.session.client("kinesis", endpoint_url=self.endpoint_url, config=CLIENT_CONFIG)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """Its DynamoDB client."""
        return self.session.client("dynamodb", endpoint_url=self.endpoint_url, config=CLIENT_CONFIG)

    @cached_property
    def streams(self) -> "DynamoDBStreamsClient":
        """Its DynamoDB Streams client."""
        return self.session.client(
            "dynamodbstreams", endpoint_url=self.endpoint_url, config=CLIENT_CONFIG
        )

    @cached_property
    def cloudwatch(self) -> "CloudWatchClient":
        """Its CloudWatch client."""
        return self.session.client(
            "cloudwatch", endpoint_url=self.endpoint_url, config=CLIENT_CONFIG
        )

    @cached_property
    def lambda_(self) -> "LambdaClient":
        """Its Lambda client."""
        return self.session.client("lambda", endpoint_url=self.endpoint_url, config=INVOKING)

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        """Its CloudWatch Logs client."""
        return self.session.client("logs", endpoint_url=self.endpoint_url, config=CLIENT_CONFIG)

    @cached_property
    def s3(self) -> "S3Client":
        """Its S3 client."""
        return self.session.client("s3", endpoint_url=self.endpoint_url, config=CLIENT_CONFIG)


def with_names(stage: Pipeline) -> Pipeline:
    """The stage with its resources' names; from its data stack where they are not recorded.

    Raises Misuse where they are neither recorded nor deployed.
    """
    if RECORDED in stage.variables:
        return stage
    return replace(stage, variables={**stage.variables, **names_from_stack(stage)})


def open_stage(
    stage: str, profile: str | None, region: str | None, endpoint_url: str | None
) -> Pipeline:
    """The stage, deployed or not, with the variables that .chalice/config.json has for it.

    Raises Misuse where the stage is unknown.
    """
    variables = require_stage(stage).get("environment_variables", {})
    session = boto3.Session(profile_name=profile, region_name=region)
    return Pipeline(stage, session, endpoint_url, variables)


def names_from_stack(pipeline: Pipeline) -> dict[str, str]:
    """The names of the stage's resources, from its data stack, by environment variable.

    Raises Misuse where there is no such stack.
    """
    name = data_stack_name(pipeline.stage)
    try:
        outputs = stack_outputs(pipeline.cloudformation, name)
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        raise Misuse(
            f"The stage {pipeline.stage} has no stack {name}: deploy it first, with "
            f"`python -m operations deploy --stage {pipeline.stage}`."
        ) from error
    return {variable_name(output): value for output, value in outputs.items()}


def data_stack_name(stage: str) -> str:
    """What the stage's data stack is called: prod and local have no suffix, dev has `-dev`."""
    return f"game-scores-data{stage_suffix(stage)}"


def monitoring_stack_name(stage: str) -> str:
    """What the stage's monitoring stack is called."""
    return f"game-scores-monitoring{stage_suffix(stage)}"


def stage_suffix(stage: str) -> str:
    """What is added to the stage's names, so that stages live side by side in one account."""
    return "" if stage in ("prod", "local") else f"-{stage}"

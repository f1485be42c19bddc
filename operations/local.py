"""The whole pipeline on the embedded AWS: the data stack and the app, really deployed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.config import Config

from operations.deployment import chalice_deploy, copy_app, record_outputs, variable_name
from operations.embedded import PROJECT, EmbeddedAws
from operations.stack import apply_stack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client

STAGE = "local"
DATA_STACK = "game-scores-data"
DATA_TEMPLATE = Path("infrastructure") / "data.yaml"

LOCAL_PARAMETERS = {"TlsOnly": "false"}
"""The embedded AWS speaks plain HTTP, on the loopback interface only."""

CLIENT_CONFIG = Config(retries={"mode": "standard"}, s3={"addressing_style": "path"})

Announce = Callable[[str], None]
"""Takes a sentence about the step that begins."""


@dataclass(frozen=True)
class Pipeline:
    """A deployed stage: its AWS, and its names by environment variable."""

    aws: EmbeddedAws
    variables: dict[str, str]
    app_folder: Path

    @cached_property
    def kinesis(self) -> "KinesisClient":
        """Its Kinesis client."""
        return self.aws.session.client(
            "kinesis", endpoint_url=self.aws.endpoint_url, config=CLIENT_CONFIG
        )

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """Its DynamoDB client."""
        return self.aws.session.client(
            "dynamodb", endpoint_url=self.aws.endpoint_url, config=CLIENT_CONFIG
        )

    @cached_property
    def lambda_(self) -> "LambdaClient":
        """Its Lambda client."""
        return self.aws.session.client(
            "lambda", endpoint_url=self.aws.endpoint_url, config=CLIENT_CONFIG
        )

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        """Its CloudWatch Logs client."""
        return self.aws.session.client(
            "logs", endpoint_url=self.aws.endpoint_url, config=CLIENT_CONFIG
        )

    @cached_property
    def s3(self) -> "S3Client":
        """Its S3 client."""
        return self.aws.session.client(
            "s3", endpoint_url=self.aws.endpoint_url, config=CLIENT_CONFIG
        )


def deploy_locally(aws: EmbeddedAws, announce: Announce, project: Path = PROJECT) -> Pipeline:
    """The project's pipeline, deployed to the embedded AWS.

    What Chalice deploys is a copy beside the AWS's own folders, so nothing that git tracks
    changes. Raises OperationFailed where a step fails.
    """
    announce("Creating the data stack with CloudFormation")
    cloudformation = aws.session.client("cloudformation", endpoint_url=aws.endpoint_url)
    outputs = apply_stack(
        cloudformation,
        DATA_STACK,
        project / DATA_TEMPLATE,
        LOCAL_PARAMETERS,
    )
    announce("Deploying the app with chalice deploy")
    app_folder = copy_app(project, aws.folder)
    record_outputs(app_folder, STAGE, outputs)
    chalice_deploy(app_folder, STAGE, aws.variables)
    variables = {variable_name(output): value for output, value in outputs.items()}
    return Pipeline(aws, variables, app_folder)


def function_name(handler: str, stage: str = STAGE) -> str:
    """What Chalice calls a handler's Lambda function: `game-scores-local-ProcessKinesisRecords`."""
    return f"game-scores-{stage}-{handler}"

"""A deployed stage: where it runs, and what its resources are called."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from chalicelib.settings import Settings
from operations.aws.config import LOCAL, names_of, require_stage
from operations.aws.errors import Misuse
from operations.aws.remedies import how_to_deploy
from operations.aws.session import AwsSession, is_embedded
from operations.aws.stacks import find_stack, outputs_of

RECORDED = "REJECTS_BUCKET"
"""A variable that a stage has only once its data stack's outputs are recorded."""

RECORDS_TABLE, RECORDS_STREAM = "GAME_SCORE_RECORDS_TABLE", "GAME_SCORE_RECORDS_STREAM_ARN"

INGESTION, AGGREGATOR = FUNCTIONS = ("ProcessKinesisRecords", "AggregateScoresByUser")


@dataclass(frozen=True)
class Stage:
    """A deployed stage: its AWS, and its resources' names by environment variable."""

    name: str
    aws: AwsSession
    variables: dict[str, str]

    @property
    def names(self) -> Settings:
        """Its resources' names, as its functions read them."""
        return Settings.from_environment(self.variables)

    def function_name(self, function: str) -> str:
        """What Chalice calls a function: `game-scores-dev-ProcessKinesisRecords`."""
        return f"game-scores-{self.name}-{function}"

    @property
    def region(self) -> str:
        """Where its AWS is, e.g. `eu-west-1`."""
        return str(self.aws.region_name)

    @property
    def is_embedded(self) -> bool:
        """Whether its AWS is an embedded one."""
        return is_embedded(self.aws.endpoint_url)


def with_names(stage: Stage) -> Stage:
    """The stage with its resources' names, from its data stack unless those of here are recorded.

    Names that are recorded for another region are not used. Raises Misuse if the stage has no
    data stack.
    """
    recorded_region = stage.names.records_stream_arn.split(":")[3]
    if RECORDED in stage.variables and recorded_region == stage.region:
        return stage
    return replace(stage, variables={**stage.variables, **names_from_stack(stage)})


def open_stage(
    stage: str, profile: str | None, region: str | None, endpoint_url: str | None
) -> Stage:
    """The stage, deployed or not, with the variables that .chalice/config.json has for it.

    Raises Misuse where the stage is unknown, and where it is `local` but the AWS is no embedded
    one: what runs on one machine must never meet an account.
    """
    variables = require_stage(stage).get("environment_variables", {})
    if stage == LOCAL and not is_embedded(endpoint_url):
        where = f"{endpoint_url} is none" if endpoint_url else "no endpoint is given"
        raise Misuse(
            f"The stage {LOCAL} stands on an embedded AWS only, and {where}: start one with "
            "`make up`, and source the file that it names; or name an http://127.0.0.1 address by "
            "--endpoint-url."
        )
    session = AwsSession(endpoint_url, profile_name=profile, region_name=region)
    return Stage(stage, session, variables)


def names_from_stack(stage: Stage) -> dict[str, str]:
    """The names of the stage's resources, from its data stack, by environment variable.

    Raises Misuse where there is no such stack.
    """
    name = data_stack_name(stage.name)
    stack = find_stack(stage.aws.client("cloudformation"), name)
    if stack is None:
        raise Misuse(f"The stage {stage.name} has no stack {name}: {how_to_deploy(stage.name)}.")
    return current_names(stage, names_of(outputs_of(stack)))


def current_names(stage: Stage, names: Mapping[str, str]) -> dict[str, str]:
    """The data stack's names, by variable, with the stream that the records' table has now.

    CloudFormation knows the stream of the table that it made, not of one restored in its place.
    """
    found = find_table_stream(stage, names[RECORDS_TABLE]) if RECORDS_TABLE in names else None
    return {**names, RECORDS_STREAM: found} if found else {**names}


def find_table_stream(stage: Stage, table: str) -> str | None:
    """The ARN of the table's stream; None where it is switched off, or where there is no table."""
    client = stage.aws.client("dynamodb")
    try:
        found = client.describe_table(TableName=table)["Table"]
    except client.exceptions.ResourceNotFoundException:
        return None
    is_on = found.get("StreamSpecification", {}).get("StreamEnabled")
    return found.get("LatestStreamArn") if is_on else None


def data_stack_name(stage: str) -> str:
    """What the stage's data stack is called: prod's has no suffix, dev's has `-dev`."""
    return f"game-scores-data{stage_suffix(stage)}"


def monitoring_stack_name(stage: str) -> str:
    return f"game-scores-monitoring{stage_suffix(stage)}"


def stage_suffix(stage: str) -> str:
    """The suffix of the stage's names, so that several stages fit into one account."""
    return "" if stage == "prod" else f"-{stage}"

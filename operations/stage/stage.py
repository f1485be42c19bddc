"""A deployed stage: where it runs, and what its resources are called."""

from dataclasses import dataclass, replace

from chalicelib.settings import Settings
from operations.errors import Misuse
from operations.stage.aws import AwsSession
from operations.stage.config import names_of, require_stage
from operations.stage.stacks import find_stack, outputs_of

RECORDED = "REJECTS_BUCKET"
"""A variable that a stage has only once its data stack's outputs are recorded."""

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
        """Whether its AWS is an embedded one: no real AWS speaks plain HTTP."""
        return (self.aws.endpoint_url or "").startswith("http:")


def with_names(stage: Stage) -> Stage:
    """The stage with its resources' names, taken from its data stack if they are not recorded.

    Raises Misuse where they are neither recorded nor deployed.
    """
    if RECORDED in stage.variables:
        return stage
    return replace(stage, variables={**stage.variables, **names_from_stack(stage)})


def open_stage(
    stage: str, profile: str | None, region: str | None, endpoint_url: str | None
) -> Stage:
    """The stage, deployed or not, with the variables that .chalice/config.json has for it.

    Raises Misuse where the stage is unknown.
    """
    variables = require_stage(stage).get("environment_variables", {})
    session = AwsSession(endpoint_url, profile_name=profile, region_name=region)
    return Stage(stage, session, variables)


def names_from_stack(stage: Stage) -> dict[str, str]:
    """The names of the stage's resources, from its data stack, by environment variable.

    Raises Misuse where there is no such stack.
    """
    name = data_stack_name(stage.name)
    stack = find_stack(stage.aws.client("cloudformation"), name)
    if stack is None:
        raise Misuse(
            f"The stage {stage.name} has no stack {name}: deploy it first, with "
            f"`python -m operations deploy --stage {stage.name}`."
        )
    return names_of(outputs_of(stack))


def data_stack_name(stage: str) -> str:
    """What the stage's data stack is called: prod and local have no suffix, dev has `-dev`."""
    return f"game-scores-data{stage_suffix(stage)}"


def monitoring_stack_name(stage: str) -> str:
    return f"game-scores-monitoring{stage_suffix(stage)}"


def stage_suffix(stage: str) -> str:
    """The suffix of the stage's names, so that several stages fit into one account."""
    return "" if stage in ("prod", "local") else f"-{stage}"

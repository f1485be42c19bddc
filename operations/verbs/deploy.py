"""The verb deploy: a stage brought to an account, or made to match this clone."""

import click
from rich.console import Console
from rich.table import Table

from operations.aws.change_sets import PlannedChange, refuse_data_loss
from operations.aws.config import PROJECT
from operations.aws.errors import OperationFailed
from operations.aws.session import describe_account
from operations.aws.stacks import find_stack
from operations.aws.stage import Stage, monitoring_stack_name
from operations.deploy.data_stack import Consent
from operations.deploy.steps import DATA, MONITORING, STEPS, Deployment
from operations.deploy.steps import deploy as deploy_steps
from operations.terminal.options import stage_options

STEP_NAMES = tuple(step.name for step in STEPS)


def parse_parameters(
    _: click.Context, __: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """NAME=VALUE pairs as a dict."""
    pairs = [value.partition("=") for value in values]
    if wrong := [value for value, pair in zip(values, pairs, strict=True) if not pair[1]]:
        raise click.BadParameter(f"{wrong[0]!r} is not NAME=VALUE")
    return {name: value for name, _, value in pairs}


@click.command(epilog="Example: python -m operations deploy --stage dev")
@click.argument("steps", nargs=-1, type=click.Choice(STEP_NAMES), metavar="[STEP]...")
@click.option(
    "--data-parameter",
    "data_parameters",
    multiple=True,
    callback=parse_parameters,
    metavar="NAME=VALUE",
    help="A parameter of infrastructure/data.yaml, e.g. ShardCount=4; kept from then on.",
)
@click.option(
    "--monitoring-parameter",
    "monitoring_parameters",
    multiple=True,
    callback=parse_parameters,
    metavar="NAME=VALUE",
    help="A parameter of infrastructure/monitoring.yaml, e.g. a threshold; kept from then on.",
)
@click.option(
    "--allow-replacement",
    multiple=True,
    metavar="RESOURCE",
    help="Lose the data of this resource, where a change cannot be made without.",
)
@click.option(
    "--make-again",
    is_flag=True,
    help="Make again, empty, what the data stack has and is gone: stream, tables, bucket.",
)
@click.option(
    "--adopt",
    is_flag=True,
    help="Make a data stack of the stream, tables and bucket that are there without one.",
)
@click.option("--dry-run", is_flag=True, help="Show what the stacks would change, change nothing.")
@stage_options
def deploy(
    *,
    steps: tuple[str, ...],
    stage: Stage,
    data_parameters: dict[str, str],
    monitoring_parameters: dict[str, str],
    allow_replacement: tuple[str, ...],
    make_again: bool,
    adopt: bool,
    dry_run: bool,
) -> None:
    """Create or update a stage, whole or by STEP: data, record, app, mappings, monitoring.

    Every step may be repeated; what is as it should be stays as it is.
    """
    console = Console(stderr=True)
    if stage.name == "local":
        raise OperationFailed("The stage local lives in `make run` only: deploy dev or prod.")
    console.print(f"Stage {stage.name}, {describe_account(stage.aws)}")

    def review(stack: str, changes: tuple[PlannedChange, ...]) -> bool:
        console.print(changes_table(stack, changes))
        refuse_data_loss(stack, changes, set(allow_replacement))
        return not dry_run

    consent = Consent(make_again=make_again, adopt=adopt)
    chosen = set(steps or STEP_NAMES)
    if dry_run:
        chosen &= _planned(stage)
    deploy_steps(
        Deployment(stage, PROJECT, data_parameters, monitoring_parameters, review, consent=consent),
        chosen,
        lambda sentence: console.print(f"{sentence} …"),
    )
    console.print("Nothing was changed." if dry_run else f"Stage {stage.name} is up to date.")


def _planned(stage: Stage) -> set[str]:
    """The steps that a dry run can show: the stacks, monitoring only once it exists."""
    name = monitoring_stack_name(stage.name)
    has_monitoring = find_stack(stage.aws.client("cloudformation"), name)
    return {DATA.name, MONITORING.name} if has_monitoring else {DATA.name}


def changes_table(stack: str, changes: tuple[PlannedChange, ...]) -> Table:
    """What a stack's change set will do."""
    table = Table(title=f"Changes of {stack}")
    for heading in ("Change", "Resource", "Type", "Replaces"):
        table.add_column(heading)
    for each in changes:
        style = "bold red" if each.loses_data else ""
        table.add_row(each.action, each.resource, each.type, each.replacement, style=style)
    return table

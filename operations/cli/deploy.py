"""The verbs that bring a stage to an AWS account and away from it: deploy, package, destroy."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from operations.cli.options import stage_options
from operations.deploy import steps as deploying
from operations.deploy.package import package_app
from operations.errors import OperationFailed
from operations.stage.config import PROJECT, require_stage
from operations.stage.stacks import PlannedChange, find_stack, refuse_data_loss
from operations.stage.stage import Stage, data_stack_name, monitoring_stack_name

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = ("data", "record", "app", "mappings", "monitoring")


def parse_parameters(
    _: click.Context, __: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """Name=value pairs as a dict; misuse where one is no such pair."""
    pairs = [value.partition("=") for value in values]
    if wrong := [value for value, pair in zip(values, pairs, strict=True) if not pair[1]]:
        raise click.BadParameter(f"{wrong[0]!r} is not NAME=VALUE")
    return {name: value for name, _, value in pairs}


@click.command(epilog="Example: python -m operations deploy --stage dev")
@click.argument("steps", nargs=-1, type=click.Choice(STEPS), metavar="[STEP]...")
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
@click.option("--dry-run", is_flag=True, help="Show what the stacks would change, change nothing.")
@stage_options
def deploy(
    *,
    steps: tuple[str, ...],
    stage: Stage,
    data_parameters: dict[str, str],
    monitoring_parameters: dict[str, str],
    allow_replacement: tuple[str, ...],
    dry_run: bool,
) -> None:
    """Create or update a stage, whole or by STEP: data, record, app, mappings, monitoring.

    Every step may be repeated; what is as it should be stays as it is.
    """
    console = Console(stderr=True)
    if stage.name == "local":
        raise OperationFailed("The stage local lives in `make run` only: deploy dev or prod.")
    console.print(f"Stage {stage.name}, {deploying.describe_account(stage)}")

    def review(stack: str, changes: tuple[PlannedChange, ...]) -> bool:
        console.print(changes_table(stack, changes))
        refuse_data_loss(stack, changes, set(allow_replacement))
        return not dry_run

    run: dict[str, tuple[str, Callable[[], None]]] = {
        "data": (
            "Creating or updating the data stack",
            lambda: deploying.deploy_data(stage, PROJECT, data_parameters, review),
        ),
        "record": (
            "Recording its outputs in .chalice/config.json",
            lambda: deploying.record(stage, PROJECT),
        ),
        "app": (
            "Deploying the app with chalice deploy",
            lambda: deploying.deploy_app(stage, PROJECT),
        ),
        "mappings": (
            "Applying the options of infrastructure/mappings.yaml",
            lambda: deploying.deploy_mappings(stage, PROJECT),
        ),
        "monitoring": (
            "Creating or updating the monitoring stack",
            lambda: deploying.deploy_monitoring(stage, PROJECT, monitoring_parameters, review),
        ),
    }
    chosen = [step for step in STEPS if step in (steps or STEPS)]
    if dry_run:
        chosen = [step for step in chosen if _is_planned(stage, step)]
    for step in STEPS:
        if step in chosen:
            sentence, deploy_step = run[step]
            console.print(f"{sentence} …")
            deploy_step()
    console.print("Nothing was changed." if dry_run else f"Stage {stage.name} is up to date.")


@click.command(epilog="Example: python -m operations package --stage prod out")
@click.option("--stage", default="prod", show_default=True, help="A stage of the app.")
@click.argument("folder", default="out", type=click.Path(file_okay=False, path_type=Path))
def package(*, stage: str, folder: Path) -> None:
    """Make a package for CloudFormation in FOLDER: the template sam.yaml, and deployment.zip."""
    require_stage(stage)
    template = package_app(PROJECT, stage, folder)
    size_bytes = (folder / "deployment.zip").stat().st_size
    click.echo(f"{template} and deployment.zip, {size_bytes / 1e6:.1f} MB")


@click.command(epilog="Example: python -m operations destroy --stage dev")
@click.option(
    "--delete-all-data-of",
    metavar="STAGE",
    help="Delete the stream, the tables and the bucket, too. There is no way back.",
)
@stage_options
def destroy(*, stage: Stage, delete_all_data_of: str | None) -> None:
    """Take a stage's functions and monitoring away; its stream, tables and bucket stay.

    A later deploy goes on where it ended: what the streams still hold is not counted twice.
    """
    console = Console(stderr=True)
    if delete_all_data_of not in (None, stage.name):
        raise click.BadParameter(
            f"names {delete_all_data_of!r}, but the stage is {stage.name!r}",
            param_hint="--delete-all-data-of",
        )
    console.print(f"Stage {stage.name}, {deploying.describe_account(stage)}")

    def announce(sentence: str) -> None:
        console.print(f"{sentence} …")

    deploying.destroy_app(stage, PROJECT, announce)
    if delete_all_data_of:
        deploying.destroy_data(stage, PROJECT, announce)
        console.print(f"Nothing of the stage {stage.name} is left.")
    elif find_stack(stage.aws.client("cloudformation"), data_stack_name(stage.name)):
        console.print(
            f"The stack {data_stack_name(stage.name)} and its data stay; to delete them, too, "
            f"add --delete-all-data-of {stage.name}."
        )


def _is_planned(stage: Stage, step: str) -> bool:
    """Whether a dry run can show the step: stacks only, monitoring not before there is an app."""
    stack = find_stack(stage.aws.client("cloudformation"), monitoring_stack_name(stage.name))
    return step == "data" or (step == "monitoring" and stack is not None)


def changes_table(stack: str, changes: tuple[PlannedChange, ...]) -> Table:
    """What a stack's change set will do."""
    table = Table(title=f"Changes of {stack}")
    for heading in ("Change", "Resource", "Type", "Replaces"):
        table.add_column(heading)
    for each in changes:
        style = "bold red" if each.loses_data else ""
        table.add_row(each.action, each.resource, each.type, each.replacement, style=style)
    return table

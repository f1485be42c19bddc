"""The verb destroy: a stage taken away from its account."""

import click
from rich.console import Console

from operations.aws.config import PROJECT
from operations.aws.session import describe_account
from operations.aws.stacks import find_stack
from operations.aws.stage import Stage, data_stack_name
from operations.deploy.destroy import destroy_app, destroy_data
from operations.terminal.options import stage_options


@click.command(epilog="Example: python -m operations destroy --stage dev")
@click.option(
    "--delete-all-data-of",
    metavar="STAGE",
    help="Delete the stream, the tables and the bucket, too. There is no way back.",
)
@stage_options
def destroy(*, stage: Stage, delete_all_data_of: str | None) -> None:
    """Take a stage's functions and monitoring away; its stream, tables and bucket stay.

    A later deploy goes on where it ended, and counts nothing twice, within half the stream's
    retention (12 hours unless you changed it): older records go to the rejects bucket, to be
    redriven.
    """
    console = Console(stderr=True)
    if delete_all_data_of not in (None, stage.name):
        raise click.BadParameter(
            f"names {delete_all_data_of!r}, but the stage is {stage.name!r}",
            param_hint="--delete-all-data-of",
        )
    console.print(f"Stage {stage.name}, {describe_account(stage.aws)}")

    def announce(sentence: str) -> None:
        console.print(f"{sentence} …")

    destroy_app(stage, PROJECT, announce)
    if delete_all_data_of:
        destroy_data(stage, PROJECT, announce)
        console.print(f"Nothing of the stage {stage.name} is left.")
    elif find_stack(stage.aws.client("cloudformation"), data_stack_name(stage.name)):
        console.print(
            f"The stack {data_stack_name(stage.name)} and its data stay; to delete them, too, "
            f"add --delete-all-data-of {stage.name}. Deployed again within half the stream's "
            "retention (12 hours unless you changed it), it goes on where it ended; older records "
            "go to the rejects bucket, and `rejects redrive` brings them in."
        )

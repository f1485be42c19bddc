"""The verb up: the pipeline on this machine, for other programs."""

import signal

import click
from rich.console import Console

from operations.local.pipeline import deploy_locally
from operations.local.server import embedded_aws


@click.command(epilog="Example: python -m operations up")
def up() -> None:
    """Deploy to an embedded AWS and leave it running until Ctrl-C."""
    console = Console(stderr=True)
    with embedded_aws() as aws:
        stage = deploy_locally(aws, lambda step: console.print(f"{step} …"))
        for name, value in {**aws.variables, **stage.variables}.items():
            click.echo(f"export {name}={value}")
        console.print("Up. The lines above are for the shell of other programs; Ctrl-C ends it.")
        while True:
            signal.pause()

"""The verb screens: the pictures of the README."""

import json
from pathlib import Path

import click
from rich.console import Console

from operations.options import json_option
from operations.screens import capture_screens


@click.command(epilog="Example: python -m operations screens docs/screens")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@json_option
def screens(*, folder: Path, as_json: bool) -> None:
    """Capture the README's screens into FOLDER, from a pipeline at work on an embedded AWS."""
    console = Console(stderr=True)
    files = capture_screens(folder, lambda step: console.print(f"{step} …"))
    names = [str(file) for file in files]
    click.echo(json.dumps(names) if as_json else "\n".join(names))

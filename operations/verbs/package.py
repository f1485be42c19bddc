"""The verb package: the app as a package for CloudFormation."""

from pathlib import Path

import click

from operations.aws.config import PROJECT, require_stage
from operations.deploy.package import package_app


@click.command(epilog="Example: python -m operations package --stage prod out")
@click.option("--stage", default="prod", show_default=True, help="A stage of the app.")
@click.argument("folder", default="out", type=click.Path(file_okay=False, path_type=Path))
def package(*, stage: str, folder: Path) -> None:
    """Make a package for CloudFormation in FOLDER: the template sam.yaml, and deployment.zip."""
    require_stage(stage)
    template = package_app(PROJECT, stage, folder)
    size_bytes = (folder / "deployment.zip").stat().st_size
    click.echo(f"{template} and deployment.zip, {size_bytes / 1e6:.1f} MB")

"""The app as one package for CloudFormation: deployment.zip and its template."""

import os
import tempfile
from pathlib import Path
from typing import Any

import yaml

from operations.deploy.chalice import copy_app, run_chalice
from operations.deploy.mapping_options import MAPPINGS_TEMPLATE


class _WrittenOut(yaml.SafeDumper):
    """Writes repeated values out: CloudFormation refuses YAML aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def package_app(project: Path, stage: str, folder: Path) -> Path:
    """Run `chalice package` on a clean copy of the app; the template's path, the zip beside it.

    What Chalice cannot set is merged into it from infrastructure/mappings.yaml. Raises
    OperationFailed where Chalice fails.
    """
    region = os.environ.get("AWS_DEFAULT_REGION", "us-east-1")  # any: nothing is asked there
    options = ["--stage", stage, "--merge-template", str(project / MAPPINGS_TEMPLATE)]
    with tempfile.TemporaryDirectory(prefix="game-scores-") as temporary:
        run_chalice(
            copy_app(project, Path(temporary)),
            ["package", *options, str(folder.resolve())],
            {"AWS_DEFAULT_REGION": region},
        )
    template = folder / "sam.yaml"
    content = yaml.safe_load(template.read_text())
    template.write_text(yaml.dump(content, Dumper=_WrittenOut, allow_unicode=True, width=100))
    return template

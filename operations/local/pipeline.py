"""The whole pipeline on the embedded AWS: the data stack and the app, really deployed."""

from collections.abc import Callable
from pathlib import Path

from operations.deploy.chalice import chalice_deploy, copy_app
from operations.local.server import EmbeddedAws
from operations.stage.config import PROJECT, record_outputs, variable_name
from operations.stage.stacks import apply_stack
from operations.stage.stage import Stage, data_stack_name

STAGE = "local"
DATA_STACK = data_stack_name(STAGE)
DATA_TEMPLATE = Path("infrastructure") / "data.yaml"
LOCAL_PARAMETERS = {"TlsOnly": "false"}
"""The embedded AWS speaks plain HTTP, on the loopback interface only."""

Announce = Callable[[str], None]
"""Takes a sentence about the step that begins."""


def deploy_locally(aws: EmbeddedAws, announce: Announce, project: Path = PROJECT) -> Stage:
    """The project's pipeline, deployed to the embedded AWS.

    What Chalice deploys is a copy beside the AWS's own folders, so nothing that git tracks
    changes. Raises OperationFailed where a step fails.
    """
    announce("Creating the data stack with CloudFormation")
    cloudformation = aws.session.client("cloudformation")
    outputs = apply_stack(cloudformation, DATA_STACK, project / DATA_TEMPLATE, LOCAL_PARAMETERS)
    announce("Deploying the app with chalice deploy")
    app_folder = copy_app(project, aws.folder)
    record_outputs(app_folder, STAGE, outputs)
    chalice_deploy(app_folder, STAGE, aws.variables)
    variables = {variable_name(output): value for output, value in outputs.items()}
    return Stage(STAGE, aws.session, variables)

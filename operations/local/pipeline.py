"""The whole pipeline on the embedded AWS: the data stack and the app, really deployed."""

from pathlib import Path

from operations.aws.config import LOCAL, PROJECT, names_of, record_names
from operations.aws.progress import Announce
from operations.aws.stacks import apply_stack
from operations.aws.stage import Stage, data_stack_name, stage_suffix
from operations.deploy.chalice import chalice_deploy, copy_app
from operations.deploy.steps import DATA_TEMPLATE, LOCAL_PARAMETERS
from operations.local.server import EmbeddedAws

DATA_STACK = data_stack_name(LOCAL)


def deploy_locally(aws: EmbeddedAws, announce: Announce, project: Path = PROJECT) -> Stage:
    """The project's pipeline, deployed to the embedded AWS.

    What Chalice deploys is a copy beside the AWS's own folders, so nothing that git tracks
    changes. Raises OperationFailed where a step fails.
    """
    announce("Creating the data stack with CloudFormation")
    cloudformation = aws.session.client("cloudformation")
    parameters = {"Suffix": stage_suffix(LOCAL), **LOCAL_PARAMETERS}
    outputs = apply_stack(cloudformation, DATA_STACK, project / DATA_TEMPLATE, parameters)
    names = names_of(outputs)
    announce("Deploying the app with chalice deploy")
    app_folder = copy_app(project, aws.folder)
    record_names(app_folder, LOCAL, names)
    stage = Stage(LOCAL, aws.session, names)
    chalice_deploy(stage, app_folder, announce)
    return stage

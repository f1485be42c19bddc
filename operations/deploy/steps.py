"""The steps from a clone to a running stage, each safe to repeat, and the way back."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from botocore.exceptions import ClientError, NoCredentialsError, NoRegionError

from operations.deploy.chalice import chalice_deploy, copy_app, run_chalice
from operations.deploy.mapping_options import apply_mapping_options
from operations.deploy.remembered import deployed_file, find_deployed, write_deployed
from operations.errors import OperationFailed
from operations.local.pipeline import DATA_TEMPLATE, LOCAL_PARAMETERS
from operations.stage.config import forget_outputs, record_outputs, recorded_variables
from operations.stage.mappings import require_mapping
from operations.stage.stacks import PlannedChange, apply_stack, delete_stack, stack_outputs
from operations.stage.stage import (
    FUNCTIONS,
    Stage,
    data_stack_name,
    monitoring_stack_name,
    names_from_stack,
    stage_suffix,
)

MONITORING_TEMPLATE = Path("infrastructure") / "monitoring.yaml"

Announce = Callable[[str], None]
Review = Callable[[str, tuple[PlannedChange, ...]], bool]
"""Sees what will change in which stack; tells whether to go on, or raises OperationFailed."""


def describe_account(stage: Stage) -> str:
    """Which AWS the stage's deployment goes to, e.g. `account 123456789012, eu-west-1`.

    Raises OperationFailed where there are no credentials or no region.
    """
    try:
        sts = stage.aws.client("sts")
        account = sts.get_caller_identity()["Account"]
    except NoRegionError as error:
        raise OperationFailed(
            "No AWS region is configured: give --region, or set AWS_DEFAULT_REGION."
        ) from error
    except NoCredentialsError as error:
        raise OperationFailed(
            "No AWS credentials are found: run `aws configure`, or give --profile."
        ) from error
    except ClientError as error:
        raise OperationFailed(
            f"AWS does not accept the credentials ({error}): renew them, or give --profile."
        ) from error
    where = f" at {stage.aws.endpoint_url}" if stage.aws.endpoint_url else ""
    return f"account {account}, {stage.region}{where}"


def deploy_data(stage: Stage, project: Path, parameters: Mapping[str, str], review: Review) -> None:
    """Make the data stack match its template."""
    fixed = {"Suffix": stage_suffix(stage.name)}
    if stage.is_embedded:
        fixed |= LOCAL_PARAMETERS
    name = data_stack_name(stage.name)
    apply_stack(
        stage.aws.client("cloudformation"),
        name,
        project / DATA_TEMPLATE,
        {**fixed, **parameters},
        lambda changes: review(name, changes),
    )


def record(stage: Stage, project: Path) -> None:
    """Write the data stack's outputs into the stage's environment in .chalice/config.json."""
    names_from_stack(stage)
    outputs = stack_outputs(stage.aws.client("cloudformation"), data_stack_name(stage.name))
    record_outputs(project, stage.name, outputs)


def deploy_app(stage: Stage, project: Path) -> None:
    """Run `chalice deploy` on a clean copy of the app, with the names that are recorded.

    The copy keeps bytecode caches and old packages out of the package. What Chalice remembers
    goes back into the project, so that a plain `chalice deploy` works there, too.
    """
    _require_recorded(stage, project)
    with tempfile.TemporaryDirectory(prefix="game-scores-") as folder:
        app_folder = copy_app(project, Path(folder))
        write_deployed(stage, app_folder)
        chalice_deploy(app_folder, stage.name, chalice_variables(stage))
        target = deployed_file(project, stage.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(deployed_file(app_folder, stage.name), target)


def deploy_mappings(stage: Stage, project: Path) -> None:
    """Apply the options of infrastructure/mappings.yaml to the mappings."""
    apply_mapping_options(with_names_of_stack(stage), project)


def deploy_monitoring(
    stage: Stage, project: Path, parameters: Mapping[str, str], review: Review
) -> None:
    """Make the monitoring stack match its template and the mappings that there are now."""
    names = with_names_of_stack(stage).variables
    fixed = {
        "Stage": stage.name,
        "Stream": names["GAME_SCORES_STREAM"],
        "RecordsTable": names["GAME_SCORE_RECORDS_TABLE"],
        "TotalsTable": names["GAME_SCORES_BY_USER_TABLE"],
        "ReceiptsTable": names["GAME_SCORE_RECEIPTS_TABLE"],
        "MetricMath": "false" if stage.is_embedded else "true",
        **{f"{handler}Mapping": require_mapping(stage, handler).uuid for handler in FUNCTIONS},
    }
    name = monitoring_stack_name(stage.name)
    apply_stack(
        stage.aws.client("cloudformation"),
        name,
        project / MONITORING_TEMPLATE,
        {**fixed, **parameters},
        lambda changes: review(name, changes),
    )


def destroy_app(stage: Stage, project: Path, announce: Announce) -> None:
    """Take monitoring, functions, mappings, roles and logs away; the data stays."""
    groups = [
        each["log_group_name"]
        for each in find_deployed(stage)
        if each["resource_type"] == "log_group"
    ]
    announce("Deleting the monitoring stack")
    delete_stack(stage.aws.client("cloudformation"), monitoring_stack_name(stage.name))
    announce("Deleting the app with chalice delete")
    with tempfile.TemporaryDirectory(prefix="game-scores-") as folder:
        app_folder = copy_app(project, Path(folder))
        if write_deployed(stage, app_folder):
            run_chalice(app_folder, ["delete", "--stage", stage.name], chalice_variables(stage))
    deployed_file(project, stage.name).unlink(missing_ok=True)
    for group in groups:  # chalice delete takes away their retention only
        stage.aws.client("logs").delete_log_group(logGroupName=group)


def destroy_data(stage: Stage, project: Path, announce: Announce) -> None:
    """Delete the data stack and, as it retains what holds data, that, too: for good."""
    names = names_from_stack(stage)
    outputs = stack_outputs(stage.aws.client("cloudformation"), data_stack_name(stage.name))
    announce("Deleting the data stack")
    delete_stack(stage.aws.client("cloudformation"), data_stack_name(stage.name))
    announce("Deleting the stream, the tables and the bucket")
    stage.aws.client("kinesis").delete_stream(StreamName=names["GAME_SCORES_STREAM"])
    for variable in (
        "GAME_SCORE_RECORDS_TABLE",
        "GAME_SCORES_BY_USER_TABLE",
        "GAME_SCORE_RECEIPTS_TABLE",
    ):
        stage.aws.client("dynamodb").delete_table(TableName=names[variable])
    _delete_bucket(stage, names["REJECTS_BUCKET"])
    stage.aws.client("kinesis").get_waiter("stream_not_exists").wait(
        StreamName=names["GAME_SCORES_STREAM"]
    )
    forget_outputs(project, stage.name, outputs)


def with_names_of_stack(stage: Stage) -> Stage:
    """The stage with the names that its data stack tells now, whatever was recorded before."""
    return replace(stage, variables={**stage.variables, **names_from_stack(stage)})


def chalice_variables(stage: Stage) -> dict[str, str]:
    """The environment in which Chalice speaks to the same AWS as the stage's clients."""
    variables = {"AWS_DEFAULT_REGION": stage.region}
    if stage.aws.endpoint_url:
        variables["AWS_ENDPOINT_URL"] = stage.aws.endpoint_url
    credentials = stage.aws.get_credentials()
    if credentials:
        frozen = credentials.get_frozen_credentials()
        variables["AWS_ACCESS_KEY_ID"] = str(frozen.access_key)
        variables["AWS_SECRET_ACCESS_KEY"] = str(frozen.secret_key)
        variables["AWS_SESSION_TOKEN"] = frozen.token or ""
    return variables


def _require_recorded(stage: Stage, project: Path) -> None:
    """Raise OperationFailed where the recorded names are not those of the data stack."""
    names = names_from_stack(stage)
    if not names.items() <= recorded_variables(project, stage.name).items():
        raise OperationFailed(
            f"{project / '.chalice' / 'config.json'} has other names than the data stack: run "
            f"`python -m operations deploy record --stage {stage.name}` first."
        )


def _delete_bucket(stage: Stage, bucket: str) -> None:
    pages = stage.aws.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
    for page in pages:
        for found in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
            stage.aws.client("s3").delete_object(
                Bucket=bucket, Key=found["Key"], VersionId=found["VersionId"]
            )
    stage.aws.client("s3").delete_bucket(Bucket=bucket)

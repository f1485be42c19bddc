"""Takes a stage away; its data only if asked to."""

import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from operations.aws.config import forget_names, names_of
from operations.aws.mappings import delete_mapping, find_strays
from operations.aws.progress import Announce
from operations.aws.stacks import delete_stack, stack_outputs
from operations.aws.stage import (
    FUNCTIONS,
    RECORDS_STREAM,
    Stage,
    data_stack_name,
    monitoring_stack_name,
)
from operations.aws.templates import read_template
from operations.deploy.chalice import chalice_variables, copy_app, run_chalice
from operations.deploy.data_resources import (
    BUCKET,
    STREAM,
    TABLE,
    data_resources,
    is_there,
    retained,
)
from operations.deploy.other_regions import find_users
from operations.deploy.remembered import Resource, deployed_file, find_deployed, write_deployed
from operations.deploy.steps import DATA_TEMPLATE


def destroy_app(stage: Stage, project: Path, announce: Announce) -> None:
    """Take monitoring, functions, mappings, roles and logs away; the data stays.

    Roles that the stage has in another region of the account, too, stay for that.
    """
    groups = [each["log_group_name"] for each in find_deployed(stage) if "log_group_name" in each]
    announce("Deleting the monitoring stack")
    delete_stack(stage.aws.client("cloudformation"), monitoring_stack_name(stage.name))
    announce("Deleting the app with chalice delete")
    for stray in (each for function in FUNCTIONS for each in find_strays(stage, function)):
        delete_mapping(stage, stray)  # chalice delete is not told of them
    with tempfile.TemporaryDirectory(prefix="game-scores-") as folder:
        app_folder = copy_app(project, Path(folder))
        deployed = _keep_shared_roles(stage, find_deployed(stage), announce)
        if deployed:
            write_deployed(app_folder, stage.name, deployed)
            arguments = ["delete", "--stage", stage.name]
            run_chalice(app_folder, arguments, chalice_variables(stage.aws))
    deployed_file(project, stage.name).unlink(missing_ok=True)
    logs = stage.aws.client("logs")
    for group in groups:  # chalice delete takes away their retention only
        with suppress(logs.exceptions.ResourceNotFoundException):
            logs.delete_log_group(logGroupName=group)


def _keep_shared_roles(
    stage: Stage, deployed: Iterable[Resource], announce: Announce
) -> list[Resource]:
    """What is to be deleted of what is deployed: no roles where another region uses them."""
    deployed = list(deployed)
    roles = [each["role_name"] for each in deployed if "role_name" in each]
    users = find_users(stage, roles) if roles else []
    if not users:
        return deployed
    announce(f"Keeping the roles {', '.join(roles)}: they are used in {', '.join(users)}")
    return [each for each in deployed if "role_name" not in each]


def destroy_data(stage: Stage, project: Path, announce: Announce) -> None:
    """Delete the data stack and, as it retains what holds data, that, too: for good.

    It may be repeated after an interruption, or after a part was lost: what is there goes.
    """
    cloudformation, stack = stage.aws.client("cloudformation"), data_stack_name(stage.name)
    names = names_of(stack_outputs(cloudformation, stack))
    resources = data_resources(stage, read_template((project / DATA_TEMPLATE).read_text()), names)
    there = [each for each in resources if is_there(stage, each)]
    found = there if names else retained(stage, there)
    tables = [each.name for each in found if each.type == TABLE]
    streams = [each.name for each in found if each.type == STREAM]
    _lift_protection(stage, tables, announce)
    announce("Deleting the data stack")
    delete_stack(cloudformation, stack)
    announce("Deleting the stream, the tables and the bucket")
    for stream in streams:
        _delete_stream(stage, stream)
    for table in tables:
        _delete_table(stage, table)
    for bucket in (each.name for each in found if each.type == BUCKET):
        _delete_bucket(stage, bucket)
    for table in tables:
        stage.aws.client("dynamodb").get_waiter("table_not_exists").wait(TableName=table)
    for stream in streams:
        stage.aws.client("kinesis").get_waiter("stream_not_exists").wait(StreamName=stream)
    variables = (each.variable for each in resources)
    forget_names(project, stage.name, (*variables, RECORDS_STREAM))


def _lift_protection(stage: Stage, tables: Sequence[str], announce: Announce) -> None:
    """Let tables that are protected against deletion be deleted, before anything else is."""
    dynamodb = stage.aws.client("dynamodb")
    for table in tables:
        if dynamodb.describe_table(TableName=table)["Table"].get("DeletionProtectionEnabled"):
            announce(f"Lifting the deletion protection of {table}")
            dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
            dynamodb.get_waiter("table_exists").wait(TableName=table)


def _delete_stream(stage: Stage, stream: str) -> None:
    client = stage.aws.client("kinesis")
    with suppress(client.exceptions.ResourceNotFoundException):
        found = client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        if found["StreamStatus"] != "DELETING":
            client.delete_stream(StreamName=stream)


def _delete_table(stage: Stage, table: str) -> None:
    client = stage.aws.client("dynamodb")
    with suppress(client.exceptions.ResourceNotFoundException):
        if client.describe_table(TableName=table)["Table"]["TableStatus"] != "DELETING":
            client.delete_table(TableName=table)


def _delete_bucket(stage: Stage, bucket: str) -> None:
    s3 = stage.aws.client("s3")
    with suppress(s3.exceptions.NoSuchBucket):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for found in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                s3.delete_object(Bucket=bucket, Key=found["Key"], VersionId=found["VersionId"])
        s3.delete_bucket(Bucket=bucket)

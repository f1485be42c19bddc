"""Takes a stage away; its data only if asked to."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from operations.deploy.chalice import chalice_variables, copy_app, run_chalice
from operations.deploy.remembered import deployed_file, find_deployed, write_deployed
from operations.progress import Announce
from operations.stage.config import forget_names
from operations.stage.mappings import delete_mapping, find_strays
from operations.stage.stacks import delete_stack
from operations.stage.stage import (
    Stage,
    data_stack_name,
    monitoring_stack_name,
    names_from_stack,
)

TABLES = ("GAME_SCORE_RECORDS_TABLE", "GAME_SCORES_BY_USER_TABLE", "GAME_SCORE_RECEIPTS_TABLE")


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
    for stray in find_strays(stage):  # chalice delete is not told of them
        delete_mapping(stage, stray)
    with tempfile.TemporaryDirectory(prefix="game-scores-") as folder:
        app_folder = copy_app(project, Path(folder))
        if write_deployed(stage, app_folder):
            arguments = ["delete", "--stage", stage.name]
            run_chalice(app_folder, arguments, chalice_variables(stage.aws))
    deployed_file(project, stage.name).unlink(missing_ok=True)
    for group in groups:  # chalice delete takes away their retention only
        stage.aws.client("logs").delete_log_group(logGroupName=group)


def destroy_data(stage: Stage, project: Path, announce: Announce) -> None:
    """Delete the data stack and, as it retains what holds data, that, too: for good."""
    names = names_from_stack(stage)  # all or none: a default here would be the name of prod's
    _lift_protection(stage, [names[table] for table in TABLES], announce)
    announce("Deleting the data stack")
    delete_stack(stage.aws.client("cloudformation"), data_stack_name(stage.name))
    announce("Deleting the stream, the tables and the bucket")
    kinesis = stage.aws.client("kinesis")
    kinesis.delete_stream(StreamName=names["GAME_SCORES_STREAM"])
    for table in TABLES:
        stage.aws.client("dynamodb").delete_table(TableName=names[table])
    _delete_bucket(stage, names["REJECTS_BUCKET"])
    kinesis.get_waiter("stream_not_exists").wait(StreamName=names["GAME_SCORES_STREAM"])
    forget_names(project, stage.name, names)


def _lift_protection(stage: Stage, tables: Sequence[str], announce: Announce) -> None:
    """Let tables that are protected against deletion be deleted, before anything else is."""
    dynamodb = stage.aws.client("dynamodb")
    for table in tables:
        if dynamodb.describe_table(TableName=table)["Table"].get("DeletionProtectionEnabled"):
            announce(f"Lifting the deletion protection of {table}")
            dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
            dynamodb.get_waiter("table_exists").wait(TableName=table)


def _delete_bucket(stage: Stage, bucket: str) -> None:
    s3 = stage.aws.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for found in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
            s3.delete_object(Bucket=bucket, Key=found["Key"], VersionId=found["VersionId"])
    s3.delete_bucket(Bucket=bucket)

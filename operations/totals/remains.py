"""Where a player's data remains that nobody can take out, and for how long."""

from collections.abc import Iterator
from typing import NamedTuple

from botocore.exceptions import ClientError

from operations.aws.stage import FUNCTIONS, Stage
from operations.aws.table_stream import TABLE_STREAM_SECONDS


class Remainder(NamedTuple):
    """A place where data of the player may stand, and how long it stays there."""

    where: str
    stays: str


def find_remains(stage: Stage) -> list[Remainder]:
    """The places, by what AWS says of this stage."""
    names = stage.names
    return [
        Remainder(f"the stream {names.stream}", _of_stream(stage)),
        Remainder(f"the stream of {names.records_table}", f"{TABLE_STREAM_SECONDS // 3600} hours"),
        *(
            Remainder(f"point-in-time backups of {table}", _of_backups(stage, table))
            for table in (names.records_table, names.totals_table, names.receipts_table)
        ),
        *_named_backups(stage),
        *(Remainder(f"the log of {function}", _of_log(stage, function)) for function in FUNCTIONS),
        Remainder("exports and copies that you made elsewhere", "until you delete them"),
    ]


def _of_stream(stage: Stage) -> str:
    found = stage.aws.client("kinesis").describe_stream_summary(StreamName=stage.names.stream)
    return f"{found['StreamDescriptionSummary']['RetentionPeriodHours']} hours"


def _of_backups(stage: Stage, table: str) -> str:
    try:
        found = stage.aws.client("dynamodb").describe_continuous_backups(TableName=table)
    except ClientError as error:
        return _unknown(error)
    recovery = found["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
        return "there are none"
    return f"{recovery.get('RecoveryPeriodInDays', 35)} days"


def _named_backups(stage: Stage) -> Iterator[Remainder]:
    names = stage.names
    for table in (names.records_table, names.totals_table, names.receipts_table):
        try:
            found = stage.aws.client("dynamodb").list_backups(TableName=table)
        except ClientError as error:
            yield Remainder(f"backups of {table} by name", _unknown(error))
            continue
        for each in found.get("BackupSummaries", []):
            yield Remainder(f"the backup {each['BackupName']}", "until you delete it")


def _of_log(stage: Stage, function: str) -> str:
    name = f"/aws/lambda/{stage.function_name(function)}"
    try:
        found = stage.aws.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    except ClientError as error:
        return _unknown(error)
    days = next((each.get("retentionInDays") for each in found if each["logGroupName"] == name), 0)
    if days == 0:
        return "there is none"
    return f"{days} days" if days else "for ever: it has no retention"


def _unknown(error: ClientError) -> str:
    return f"unknown: {error.response['Error']['Code']}"

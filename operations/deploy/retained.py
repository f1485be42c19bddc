"""What a data stack retained that is gone itself: known by its names and by its tag.

Others may have a table called GameScoreRecords, too, so a name alone is not enough; but that of the
bucket, with account and region in it, is no accident.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from operations.aws.session import account_of
from operations.aws.stage import RECORDED, RECORDS_TABLE, Stage, data_stack_name, stage_suffix

STREAM = "GAME_SCORES_STREAM"
TABLES = (RECORDS_TABLE, "GAME_SCORES_BY_USER_TABLE", "GAME_SCORE_RECEIPTS_TABLE")


def names_of_data(stage: Stage) -> dict[str, str]:
    """What infrastructure/data.yaml calls the stage's resources, by environment variable."""
    suffix = stage_suffix(stage.name)
    account = account_of(stage.aws)
    return {
        STREAM: f"game-scores{suffix}",
        RECORDS_TABLE: f"GameScoreRecords{suffix}",
        "GAME_SCORES_BY_USER_TABLE": f"GameScoresByUser{suffix}",
        "GAME_SCORE_RECEIPTS_TABLE": f"GameScoreReceipts{suffix}",
        RECORDED: f"game-scores-rejects{suffix}-{account}-{stage.region}",
    }


def find_retained(stage: Stage) -> dict[str, str]:
    """The bucket's name, and those that bear the tag of the stage's data stack."""
    wanted = {"Key": "stack", "Value": data_stack_name(stage.name)}
    return {
        variable: name
        for variable, name in names_of_data(stage).items()
        if variable == RECORDED or wanted in _tags(stage, variable, name)
    }


def _tags(stage: Stage, variable: str, name: str) -> Sequence[Mapping[str, Any]]:
    """The tags of the stream or a table; none where there is no such resource."""
    try:
        if variable == STREAM:
            return stage.aws.client("kinesis").list_tags_for_stream(StreamName=name)["Tags"]
        return _tags_of_table(stage, name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return ()


def _tags_of_table(stage: Stage, name: str) -> Sequence[Mapping[str, Any]]:
    client = stage.aws.client("dynamodb")
    arn = client.describe_table(TableName=name)["Table"]["TableArn"]
    return client.list_tags_of_resource(ResourceArn=arn)["Tags"]

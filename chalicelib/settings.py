"""The environment of a deployed function, read once."""

from collections.abc import Mapping
from dataclasses import dataclass

UNRECORDED_STREAM_ARN = (
    "arn:aws:dynamodb:us-east-1:000000000000:table/GameScoreRecords/stream/not-recorded-yet"
)
"""Stands in where no data stack has been recorded, so that app.py can be imported anywhere."""


class MissingSetting(LookupError):
    """An environment variable that has no sensible default is not set."""


@dataclass(frozen=True)
class Settings:
    """The names of the stage's resources, as the data stack's outputs record them."""

    stream: str
    records_stream_arn: str
    records_table: str
    totals_table: str
    receipts_table: str
    log_level: str
    recorded_rejects_bucket: str | None

    @property
    def rejects_bucket(self) -> str:
        """The bucket for rejects.

        Raises MissingSetting where none is recorded: bucket names are unique in the world, so
        there is no default, and `chalice package` imports app.py without one.
        """
        if not self.recorded_rejects_bucket:
            raise MissingSetting(
                "REJECTS_BUCKET is not set: record the data stack's outputs into the stage's "
                "environment variables in .chalice/config.json, then deploy again"
            )
        return self.recorded_rejects_bucket

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings that the given environment variables make."""
        return cls(
            stream=environment.get("GAME_SCORES_STREAM", "game-scores"),
            records_stream_arn=environment.get(
                "GAME_SCORE_RECORDS_STREAM_ARN", UNRECORDED_STREAM_ARN
            ),
            records_table=environment.get("GAME_SCORE_RECORDS_TABLE", "GameScoreRecords"),
            totals_table=environment.get("GAME_SCORES_BY_USER_TABLE", "GameScoresByUser"),
            receipts_table=environment.get("GAME_SCORE_RECEIPTS_TABLE", "GameScoreReceipts"),
            log_level=environment.get("LOG_LEVEL", "INFO"),
            recorded_rejects_bucket=environment.get("REJECTS_BUCKET"),
        )

"""The environment of a deployed function."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

UNRECORDED = "not recorded: run `python -m operations deploy data record` first"
"""Stands in for a stream's name where no data stack has been recorded, so that app.py can be
imported anywhere. No stream can be called so: `chalice deploy` fails at the mapping, and the error
of AWS that Chalice prints quotes it."""

UNRECORDED_STREAM_ARN = f"arn:aws:dynamodb:us-east-1:000000000000:table/{UNRECORDED}/stream/none"


class _Environment(Mapping[str, str]):
    """os.environ as it is whenever a name is looked up.

    chalice.test.Client puts the recorded variables of its stage there for an invocation only, when
    app.py has long been imported.
    """

    def __getitem__(self, name: str) -> str:
        return os.environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter(os.environ)

    def __len__(self) -> int:
        return len(os.environ)


ENVIRONMENT = _Environment()


class MissingSetting(LookupError):
    """An environment variable that has no sensible default is not set."""


class InvalidSetting(ValueError):
    """An environment variable has a value that it cannot have."""


@dataclass(frozen=True)
class Settings:
    """The names of the stage's resources, as the data stack's outputs record them.

    A name of a table or of the bucket raises MissingSetting where it is not recorded. It has no
    default, as any name that could exist might be another stage's.
    """

    recorded: Mapping[str, str]

    @property
    def stream(self) -> str:
        """The Kinesis stream."""
        return self.recorded.get("GAME_SCORES_STREAM", UNRECORDED)

    @property
    def records_stream_arn(self) -> str:
        """The stream of the table of records."""
        return self.recorded.get("GAME_SCORE_RECORDS_STREAM_ARN", UNRECORDED_STREAM_ARN)

    @property
    def records_table(self) -> str:
        """The table of score records."""
        return self._require("GAME_SCORE_RECORDS_TABLE")

    @property
    def totals_table(self) -> str:
        """The table of totals."""
        return self._require("GAME_SCORES_BY_USER_TABLE")

    @property
    def receipts_table(self) -> str:
        """The table of archived receipts."""
        return self._require("GAME_SCORE_RECEIPTS_TABLE")

    @property
    def rejects_bucket(self) -> str:
        """The bucket for rejects."""
        return self._require("REJECTS_BUCKET")

    @property
    def log_level(self) -> str:
        """The level from which on the functions log."""
        return self.recorded.get("LOG_LEVEL", "INFO")

    @property
    def rejects_others(self) -> bool:
        """Whether what is no score record is a reject, instead of only a line of the log.

        Raises InvalidSetting if the environment says neither.
        """
        value = self.recorded.get("OTHER_PAYLOADS", "log")
        if value not in ("log", "reject"):
            raise InvalidSetting(f"OTHER_PAYLOADS is {value!r}: set it to log or to reject")
        return value == "reject"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings that the given environment variables make."""
        return cls(dict(environment))

    def _require(self, name: str) -> str:
        if not self.recorded.get(name):
            raise MissingSetting(
                f"{name} is not set: record the data stack's outputs into the stage's "
                "environment variables in .chalice/config.json, then deploy again"
            )
        return self.recorded[name]

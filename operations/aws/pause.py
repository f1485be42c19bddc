"""Holds both functions back, so that records wait in their streams."""

import time
from datetime import UTC, datetime

from operations.aws.mappings import list_mappings, switch_mappings
from operations.aws.stage import AGGREGATOR, FUNCTIONS, Stage

TABLE_STREAM_SECONDS = 24 * 3600
"""DynamoDB keeps a table's stream so long, always; a mapping without a limit has this one."""


class Pause:
    """Both mappings disabled, from `begin` to `end`."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._since = time.monotonic()
        self.waiting_since = datetime.now(UTC)
        self.was_begun_before = False

    def begin(self) -> None:
        """Disable what is enabled; where a mapping was disabled already, records wait since then.

        Lambda tells when a mapping was last changed, which may be later than when it was disabled.
        """
        found = [each for function in FUNCTIONS for each in list_mappings(self._stage, function)]
        disabled = [each["LastModified"] for each in found if each.get("State") == "Disabled"]
        self.was_begun_before = bool(disabled)
        switch_mappings(self._stage, enabled=False)
        self._since = time.monotonic()
        self.waiting_since = min([datetime.now(UTC), *disabled])

    def seconds_left(self) -> float:
        """How long an invocation of the aggregator that began before may still run."""
        name = self._stage.function_name(AGGREGATOR)
        function = self._stage.aws.client("lambda").get_function_configuration(FunctionName=name)
        return self._since + function["Timeout"] - time.monotonic()

    def waited_seconds(self) -> float:
        """How long records have been waiting."""
        return (datetime.now(UTC) - self.waiting_since).total_seconds()

    def end(self) -> None:
        switch_mappings(self._stage, enabled=True)


def longest_wait_seconds(stage: Stage) -> int:
    """How old a record may get before a mapping gives it up: the smaller maximum record age."""
    found = [each for function in FUNCTIONS for each in list_mappings(stage, function)]
    limits = [each.get("MaximumRecordAgeInSeconds", -1) for each in found]
    return min([TABLE_STREAM_SECONDS, *(limit for limit in limits if limit > 0)])

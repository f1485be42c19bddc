"""Holds both functions back, so that records wait in their streams."""

import time

from operations.stage.mappings import switch_mappings
from operations.stage.stage import AGGREGATOR, Stage


class Pause:
    """Both mappings disabled, from `begin` to `end`."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._since = time.monotonic()

    def begin(self) -> None:
        switch_mappings(self._stage, enabled=False)
        self._since = time.monotonic()

    def seconds_left(self) -> float:
        """How long an invocation of the aggregator that began before may still run."""
        name = self._stage.function_name(AGGREGATOR)
        function = self._stage.aws.client("lambda").get_function_configuration(FunctionName=name)
        return self._since + function["Timeout"] - time.monotonic()

    def end(self) -> None:
        switch_mappings(self._stage, enabled=True)

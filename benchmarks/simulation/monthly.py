"""What a month of steady traffic costs, by the prices in assumptions.py."""

from dataclasses import dataclass

from benchmarks.simulation import assumptions
from benchmarks.simulation.assumptions import SECONDS_A_MONTH
from benchmarks.simulation.deployed import alarms, count_custom_metrics, log_bytes_beside_payload

PAYLOADS = "Logs, the payloads"
"""The part that LOG_LEVEL WARNING leaves out."""


@dataclass(frozen=True)
class Invocations:
    """Of one function."""

    per_second: float
    milliseconds: float
    memory_mb: int

    @property
    def at_a_time(self) -> float:
        """How many are under way, on average."""
        return self.per_second * self.milliseconds / 1000

    @property
    def dollars(self) -> float:
        """A month's invocations, and the memory for as long as they take."""
        gb_seconds = self.at_a_time * SECONDS_A_MONTH * self.memory_mb / 1024
        return (
            self.per_second * SECONDS_A_MONTH / 1e6 * assumptions.DOLLARS_PER_MILLION_INVOCATIONS
            + gb_seconds * assumptions.DOLLARS_PER_GB_SECOND
        )


@dataclass(frozen=True)
class Month:
    """A steady rate, and what it takes: write units are those of a record."""

    records_per_second: float
    shards: int
    storing: Invocations
    adding: Invocations
    units_to_add: float
    payload_bytes: int = 60

    @property
    def parts(self) -> dict[str, float]:
        """Dollars by the service and what it does."""
        millions = self.records_per_second * SECONDS_A_MONTH / 1e6
        shard_hours = self.shards * assumptions.HOURS_A_MONTH
        units = millions * assumptions.DOLLARS_PER_MILLION_WRITE_UNITS
        line_bytes = self.payload_bytes + log_bytes_beside_payload() + assumptions.LOG_BYTES_ADDED
        return {
            "Kinesis": shard_hours * assumptions.DOLLARS_PER_SHARD_HOUR
            + millions * assumptions.DOLLARS_PER_MILLION_PUTS,
            "DynamoDB, records": units,
            "DynamoDB, totals": units * self.units_to_add,
            "Lambda": self.storing.dollars + self.adding.dollars,
            "Logs, an invocation's": _dollars_for_logs(
                self.storing.per_second + self.adding.per_second,
                assumptions.LOG_BYTES_AN_INVOCATION,
            ),
            PAYLOADS: _dollars_for_logs(self.records_per_second, line_bytes),
        }

    @property
    def dollars(self) -> float:
        """The whole, without monitoring."""
        return sum(self.parts.values())


def dollars_for_monitoring() -> float:
    """Dashboard, alarms and own metrics, whatever the rate."""
    metrics = [each.metrics for each in alarms()]
    return (
        assumptions.DOLLARS_PER_DASHBOARD
        + assumptions.DOLLARS_PER_ALARM_METRIC * sum(metrics)
        + assumptions.DOLLARS_PER_COMPOSITE_ALARM * metrics.count(0)
        + assumptions.DOLLARS_PER_CUSTOM_METRIC * count_custom_metrics()
    )


def _dollars_for_logs(lines_per_second: float, line_bytes: float) -> float:
    gigabytes = lines_per_second * line_bytes * SECONDS_A_MONTH / 1e9
    return gigabytes * assumptions.DOLLARS_PER_LOG_GB

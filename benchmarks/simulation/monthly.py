"""What a month of steady traffic costs, by the prices in assumptions.py."""

from dataclasses import dataclass

from benchmarks.simulation import assumptions

SECONDS_A_MONTH = assumptions.HOURS_A_MONTH * 3600
LOG_BYTES_BESIDE_THE_PAYLOAD = 139
"""Of a record's line, with the 26 bytes that CloudWatch Logs adds to each for billing."""

LOG_BYTES_AN_INVOCATION = 1_100
DOLLARS_PER_DASHBOARD = 3.00
DOLLARS_PER_ALARM_METRIC = 0.10
DOLLARS_PER_CUSTOM_METRIC = 0.30
CUSTOM_METRICS = 12
"""Of chalicelib/telemetry.py, five of ProcessKinesisRecords and seven of AggregateScoresByUser."""

DOLLARS_PER_COMPOSITE_ALARM = 0.50
ALARM_METRICS = 14 + 2 + 2 * 2
"""Fourteen alarms of one metric each, one of two, and the parts of two composite ones."""

COMPOSITE_ALARMS = 2


@dataclass(frozen=True)
class Invocations:
    """Of one function."""

    per_second: float
    milliseconds: float
    memory_mb: int

    @property
    def dollars(self) -> float:
        """A month's invocations, and the memory for as long as they take."""
        invocations = self.per_second * SECONDS_A_MONTH
        gb_seconds = invocations * self.milliseconds / 1000 * self.memory_mb / 1024
        return (
            invocations / 1e6 * assumptions.DOLLARS_PER_MILLION_INVOCATIONS
            + gb_seconds * assumptions.DOLLARS_PER_GB_SECOND
        )


@dataclass(frozen=True)
class Month:
    """A steady rate, and what it takes: write units are those of a record."""

    records_per_second: float
    shards: int
    ingestion: Invocations
    aggregation: Invocations
    units_to_add: float
    units_to_store: float = 1.0
    payload_bytes: int = 60

    @property
    def kinesis(self) -> float:
        """Dollars for shard hours and records up to 25 KB."""
        shard_hours = self.shards * assumptions.HOURS_A_MONTH
        puts = self._records / 1e6
        return (
            shard_hours * assumptions.DOLLARS_PER_SHARD_HOUR
            + puts * assumptions.DOLLARS_PER_MILLION_PUTS
        )

    @property
    def storing(self) -> float:
        """Dollars for the write units of GameScoreRecords."""
        return _dollars_for_units(self._records * self.units_to_store)

    @property
    def adding(self) -> float:
        """Dollars for the write units of totals and receipts."""
        return _dollars_for_units(self._records * self.units_to_add)

    @property
    def functions(self) -> float:
        """Dollars for Lambda."""
        return self.ingestion.dollars + self.aggregation.dollars

    @property
    def logs(self) -> float:
        """Dollars for each invocation's lines, and each record's payload."""
        return self.logs_of_invocations + _dollars_for_logs(
            self._records * (self.payload_bytes + LOG_BYTES_BESIDE_THE_PAYLOAD)
        )

    @property
    def logs_of_invocations(self) -> float:
        """The same with LOG_LEVEL WARNING: no payloads."""
        invocations = self.ingestion.per_second + self.aggregation.per_second
        return _dollars_for_logs(invocations * SECONDS_A_MONTH * LOG_BYTES_AN_INVOCATION)

    @property
    def parts(self) -> dict[str, float]:
        """All of them, by the service and what it does."""
        return {
            "Kinesis": self.kinesis,
            "DynamoDB, records": self.storing,
            "DynamoDB, totals": self.adding,
            "Lambda": self.functions,
            "Logs": self.logs,
        }

    @property
    def dollars(self) -> float:
        """The whole, without monitoring."""
        return sum(self.parts.values())

    @property
    def _records(self) -> float:
        return self.records_per_second * SECONDS_A_MONTH


def dollars_for_monitoring() -> float:
    """Dashboard, alarms and own metrics, whatever the rate."""
    return (
        DOLLARS_PER_DASHBOARD
        + DOLLARS_PER_ALARM_METRIC * ALARM_METRICS
        + DOLLARS_PER_COMPOSITE_ALARM * COMPOSITE_ALARMS
        + DOLLARS_PER_CUSTOM_METRIC * CUSTOM_METRICS
    )


def _dollars_for_units(units: float) -> float:
    return units / 1e6 * assumptions.DOLLARS_PER_MILLION_WRITE_UNITS


def _dollars_for_logs(size_in_bytes: float) -> float:
    return size_in_bytes / 1e9 * assumptions.DOLLARS_PER_LOG_GB

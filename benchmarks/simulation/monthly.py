"""What a month of steady traffic costs, by the prices in assumptions.py.

Not simulated: the rates are small, and nothing waits.
"""

from dataclasses import dataclass

from benchmarks.simulation import assumptions

SECONDS_A_MONTH = assumptions.HOURS_A_MONTH * 3600
INGESTION_GB, AGGREGATOR_GB = 1.0, 0.5
"""Of .chalice/config.json: 1,024 and 512 MB."""

LOG_BYTES_A_RECORD = 250
LOG_BYTES_AN_INVOCATION = 1_100
DOLLARS_PER_DASHBOARD = 3.00
DOLLARS_PER_ALARM_METRIC = 0.10
DOLLARS_PER_CUSTOM_METRIC = 0.30
CUSTOM_METRICS = 12
"""Of chalicelib/telemetry.py, five of ProcessKinesisRecords and seven of AggregateScoresByUser."""

DOLLARS_PER_COMPOSITE_ALARM = 0.50
ALARM_METRICS = 14 + 2 * 2
"""Fourteen alarms of one metric each, and the parts of two composite ones."""

COMPOSITE_ALARMS = 2


@dataclass(frozen=True)
class Traffic:
    """A steady rate, and what is assumed of it: invocations are of both functions together."""

    records_per_second: int
    shards: int
    invocations_per_second: float
    milliseconds: float
    units_to_add: float


TRAFFIC = (
    Traffic(1, 2, 2, 40, 1.04),
    Traffic(100, 2, 10, 60, 1.04),
    Traffic(10_000, 14, 300, 120, 1.00),
)


def dollars_for_lambda(traffic: Traffic) -> float:
    """Invocations, and the memory of each function, half of the invocations each."""
    invocations = traffic.invocations_per_second * SECONDS_A_MONTH
    gigabytes = (INGESTION_GB + AGGREGATOR_GB) / 2
    gb_seconds = invocations * traffic.milliseconds / 1000 * gigabytes
    return (
        invocations / 1e6 * assumptions.DOLLARS_PER_MILLION_INVOCATIONS
        + gb_seconds * assumptions.DOLLARS_PER_GB_SECOND
    )


def dollars_for_kinesis(traffic: Traffic) -> float:
    """Shard hours and records up to 25 KB."""
    records = traffic.records_per_second * SECONDS_A_MONTH
    shard_hours = traffic.shards * assumptions.HOURS_A_MONTH
    return (
        shard_hours * assumptions.DOLLARS_PER_SHARD_HOUR
        + records / 1e6 * assumptions.DOLLARS_PER_MILLION_PUTS
    )


def dollars_for_dynamodb(traffic: Traffic) -> float:
    """One write unit to store a record, and what adding it takes."""
    records = traffic.records_per_second * SECONDS_A_MONTH
    units = records * (1 + traffic.units_to_add)
    return units / 1e6 * assumptions.DOLLARS_PER_MILLION_WRITE_UNITS


def dollars_for_logs(traffic: Traffic, *, payloads: bool = True) -> float:
    """Each invocation's lines, and each record's payload unless LOG_LEVEL is WARNING."""
    invocations = traffic.invocations_per_second * SECONDS_A_MONTH
    records = traffic.records_per_second * SECONDS_A_MONTH if payloads else 0
    size = invocations * LOG_BYTES_AN_INVOCATION + records * LOG_BYTES_A_RECORD
    return size / 1e9 * assumptions.DOLLARS_PER_LOG_GB


def dollars_for_monitoring() -> float:
    """Dashboard, alarms and own metrics, whatever the rate."""
    return (
        DOLLARS_PER_DASHBOARD
        + DOLLARS_PER_ALARM_METRIC * ALARM_METRICS
        + DOLLARS_PER_COMPOSITE_ALARM * COMPOSITE_ALARMS
        + DOLLARS_PER_CUSTOM_METRIC * CUSTOM_METRICS
    )

"""What a month costs, beside what is deployed."""

import io
import json

import pytest

from benchmarks.simulation import assumptions, monthly
from benchmarks.simulation.deployed import deployed
from benchmarks.simulation.monthly import Invocations, Month
from chalicelib import telemetry
from operations.aws.config import PROJECT
from operations.aws.stage import AGGREGATOR, INGESTION

CONFIG = json.loads((PROJECT / ".chalice" / "config.json").read_text())
BYTES_THAT_CLOUDWATCH_ADDS = 26
"""To each line, in what it bills: https://aws.amazon.com/cloudwatch/pricing/"""


def test_lambda_is_paid_for_as_it_is_deployed() -> None:
    assert deployed(INGESTION).memory_mb == CONFIG["lambda_memory_size"]
    assert deployed(AGGREGATOR).memory_mb == CONFIG["lambda_memory_size"]
    assert deployed(INGESTION).batch_size == 500
    assert deployed(AGGREGATOR).batch_size == 1000
    assert CONFIG["lambda_architecture"] == "arm64"
    assert assumptions.DOLLARS_PER_GB_SECOND == 0.0000133334


def test_a_month_costs_what_was_reckoned_by_hand() -> None:
    month = Month(
        records_per_second=100,
        shards=2,
        ingestion=Invocations(per_second=2, milliseconds=500, memory_mb=2048),
        aggregation=Invocations(per_second=3, milliseconds=100, memory_mb=1024),
        units_to_add=0.5,
        payload_bytes=61,
    )
    records, seconds = 262.8, 2.628  # millions a month

    assert month.kinesis == pytest.approx(2 * 730 * 0.015 + records * 0.014)
    assert month.storing == pytest.approx(records * 0.625)
    assert month.adding == pytest.approx(records / 2 * 0.625)
    assert month.functions == pytest.approx(5 * seconds * 0.2 + 2.3 * seconds * 13.3334)
    assert month.logs == pytest.approx((records * 0.2 + 5 * seconds * 1.1) * 0.5)
    assert month.logs_of_invocations == pytest.approx(5 * seconds * 1.1 * 0.5)
    assert month.dollars == pytest.approx(sum(month.parts.values()))


NAME_BYTES = 11
"""Of the service's name, with which the costs are reckoned."""


def test_a_record_is_logged_with_as_many_bytes_as_are_paid_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(telemetry.logger.registered_handler, "stream", written)
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0")

    telemetry.log_payloads(["x" * 60])

    line = written.getvalue().rstrip("\n")
    beside = len(line) - 60 + BYTES_THAT_CLOUDWATCH_ADDS
    assert line.count(telemetry.SERVICE) == 1
    assert beside == monthly.LOG_BYTES_BESIDE_THE_PAYLOAD + len(telemetry.SERVICE) - NAME_BYTES


def test_every_alarm_is_paid_for() -> None:
    template = (PROJECT / "infrastructure" / "monitoring.yaml").read_text()

    alarmed = template.count("MetricName: ")

    assert alarmed == monthly.ALARM_METRICS
    assert template.count("AWS::CloudWatch::CompositeAlarm") == monthly.COMPOSITE_ALARMS

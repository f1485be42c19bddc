"""What a month costs, beside what is deployed."""

import json

import pytest

from benchmarks.simulation import assumptions, monthly
from operations.stage.config import PROJECT

CONFIG = json.loads((PROJECT / ".chalice" / "config.json").read_text())


def test_lambda_is_paid_for_with_the_memory_and_the_architecture_that_are_deployed() -> None:
    ingestion = CONFIG["lambda_functions"]["ProcessKinesisRecords"]["lambda_memory_size"]

    assert ingestion == monthly.INGESTION_GB * 1024
    assert CONFIG["lambda_memory_size"] == monthly.AGGREGATOR_GB * 1024
    assert CONFIG["lambda_architecture"] == "arm64"
    assert assumptions.DOLLARS_PER_GB_SECOND == 0.0000133334


@pytest.mark.parametrize(
    ("traffic", "dollars"), list(zip(monthly.TRAFFIC, (3.15, 21.02, 1103.76), strict=True))
)
def test_a_month_of_lambda_costs_what_was_reckoned_by_hand(
    traffic: monthly.Traffic, dollars: float
) -> None:
    assert monthly.dollars_for_lambda(traffic) == pytest.approx(dollars, abs=0.01)


def test_every_alarm_is_paid_for() -> None:
    template = (PROJECT / "infrastructure" / "monitoring.yaml").read_text()

    alarmed = template.count("MetricName: ")

    assert alarmed == monthly.ALARM_METRICS
    assert template.count("AWS::CloudWatch::CompositeAlarm") == monthly.COMPOSITE_ALARMS

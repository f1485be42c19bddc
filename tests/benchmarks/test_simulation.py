"""What a rate needs and costs follows what is deployed, logged and watched."""

import io
import itertools
import json
import random
from collections import Counter
from typing import Any

import pytest

import app
from benchmarks.events import Players
from benchmarks.looks import LOOKS
from benchmarks.results import PROJECT
from benchmarks.simulation import assumptions, steady
from benchmarks.simulation.deployed import (
    Deployed,
    alarms,
    count_custom_metrics,
    deployed,
    log_bytes_beside_payload,
)
from benchmarks.simulation.monthly import PAYLOADS, Invocations, Month
from benchmarks.simulation.players import zipf_players
from chalicelib import telemetry
from chalicelib.payloads import KinesisBatch
from chalicelib.records import Insertions
from chalicelib.stream_records import StreamBatch
from chalicelib.totals import Additions

CHANCE = 1


def change(monkeypatch: pytest.MonkeyPatch, function: str, setting: str, value: int) -> None:
    """Set it as app.py would."""
    source: Any = next(each for each in app.app.event_sources if each.name == function)
    monkeypatch.setattr(source, setting, value)


def test_smaller_batches_cost_more_write_units_and_invocations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = steady.month(10_000)

    change(monkeypatch, steady.ADDING, "batch_size", 10)
    after = steady.month(10_000)

    assert after.units_to_add > before.units_to_add
    assert after.adding.per_second > before.adding.per_second


def test_a_longer_window_gathers_more_where_a_batch_has_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for seconds, together in ((0, 1 + 100 / 2), (3, 1 + 4 * 100 / 2)):
        change(monkeypatch, steady.STORING, "maximum_batching_window_in_seconds", seconds)

        gathered = steady.gathered(100, 2, deployed(steady.STORING), poll_seconds=1)

        assert gathered == min(together, deployed(steady.STORING).batch_size)


@pytest.mark.parametrize("contender", LOOKS)
def test_ten_times_the_records_cost_ten_times_the_dollars(contender: str) -> None:
    small, large = steady.month(10_000, contender), steady.month(100_000, contender)

    assert large.shards == 10 * small.shards
    assert large.adding.at_a_time == pytest.approx(10 * small.adding.at_a_time)
    assert large.dollars == pytest.approx(10 * small.dollars)


def test_half_a_vcpu_takes_twice_the_time() -> None:
    work = steady.Work(requests=1, write_units=1, cpu_ms=5, workers=12)
    whole, half = (
        steady.invocations(
            100, 10, work, Deployed(10, 1, 1, memory_mb=memory_mb, timeout_seconds=60)
        )
        for memory_mb in (1770, 885)
    )

    assert whole.milliseconds == pytest.approx(2 + 10 * 5)
    assert half.milliseconds == pytest.approx(2 + 10 * 10, rel=0.01)


def test_between_two_measured_batches_the_cost_is_between_theirs() -> None:
    units = [
        steady.between_batches("write_units_per_record", batch)
        for batch in (1, 10, 31, 100, 1000, 10_000, 20_000)
    ]

    assert units == sorted(units, reverse=True)
    assert units[-2] == units[-1]


PRICES = {
    "SHARD_HOUR": 0.01,
    "MILLION_PUTS": 0.02,
    "MILLION_WRITE_UNITS": 0.6,
    "GB_SECOND": 0.00001,
    "MILLION_INVOCATIONS": 0.2,
    "LOG_GB": 0.5,
}


def test_a_month_costs_what_was_reckoned_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, dollars in PRICES.items():
        monkeypatch.setattr(assumptions, f"DOLLARS_PER_{name}", dollars)
    month = Month(
        records_per_second=100,
        shards=2,
        storing=Invocations(per_second=2, milliseconds=500, memory_mb=2048),
        adding=Invocations(per_second=3, milliseconds=100, memory_mb=1024),
        units_to_add=0.5,
        payload_bytes=200 - assumptions.LOG_BYTES_ADDED - log_bytes_beside_payload(),
    )
    records, seconds = 262.8, 2.628  # millions a month

    assert month.parts == pytest.approx(
        {
            "Kinesis": 2 * 730 * 0.01 + records * 0.02,
            "DynamoDB, records": records * 0.6,
            "DynamoDB, totals": records / 2 * 0.6,
            "Lambda": 5 * seconds * 0.2 + 2.3 * seconds * 10,
            "Logs, an invocation's": 5 * seconds * 1.1 * 0.5,
            PAYLOADS: records * 0.2 * 0.5,
        }
    )
    assert month.dollars == pytest.approx(sum(month.parts.values()))


def test_a_record_is_logged_with_as_many_bytes_as_are_paid_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(telemetry.logger.registered_handler, "stream", written)
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0")

    telemetry.log_payloads(["x" * 60])

    assert len(written.getvalue().strip()) == log_bytes_beside_payload() + 60


def test_every_alarm_is_paid_for() -> None:
    template = (PROJECT / "infrastructure" / "monitoring.yaml").read_text()
    composite = [each for each in alarms() if not each.metrics]

    assert len(alarms()) == template.count(" AlarmName: ")
    assert sum(each.metrics for each in alarms()) == template.count(" MetricName: ")
    assert len(composite) == template.count("AWS::CloudWatch::CompositeAlarm")
    assert all(each.name and each.description for each in alarms())


def test_every_metric_is_paid_for(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.report_ingestion(KinesisBatch((), (), (), 0), Insertions(), rejected=0)
    telemetry.report_aggregation(0, StreamBatch((), (), 0), Additions(), rejected=0)

    emitted = [json.loads(line)["_aws"] for line in capsys.readouterr().out.splitlines()]
    metrics = [each["CloudWatchMetrics"][0]["Metrics"] for each in emitted]
    assert sum(map(len, metrics)) == count_custom_metrics()


def test_players_follow_zipfs_law() -> None:
    drawn = Counter(itertools.islice(zipf_players(1000, random.Random(CHANCE)), 100_000))

    assert drawn[0] / drawn[9] == pytest.approx(10, rel=0.15)
    assert drawn[0] / drawn[99] == pytest.approx(100, rel=0.3)


def test_players_of_events_may_follow_it_too() -> None:
    names = itertools.islice(Players(1000, by_zipf=True).names("anybody"), 10_000)

    assert Counter(names).most_common(1)[0][0] == "anybody-0000000"

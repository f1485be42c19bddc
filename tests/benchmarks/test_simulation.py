"""The simulation follows the limits and the aggregator's own requests."""

import contextlib
import random
from typing import Any

import pytest

from benchmarks.events import Players
from benchmarks.simulation.adding import Adding
from benchmarks.simulation.assumptions import OURS as OUR_WRITER
from benchmarks.simulation.assumptions import WRITERS, Load
from benchmarks.simulation.hottest import keeps_up
from benchmarks.simulation.needs import plan, recover
from benchmarks.simulation.our_user import OurUser
from tests.benchmarks.usage import our_usage

ADDING = Adding(
    {
        "measured": "adding",
        "batch": batch,
        "write_units_per_record": units,
        "requests_per_record": units,
    }
    for batch, units in ((1, 1.04), (100, 0.93), (1000, 0.74))
)


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_ten_times_the_records_need_ten_times_the_shards_and_dollars(writer: Any) -> None:
    small, large = plan(Load(10_000), writer, ADDING), plan(Load(100_000), writer, ADDING)

    assert large.kinesis_shards == 10 * small.kinesis_shards
    assert large.aggregate_concurrency == pytest.approx(10 * small.aggregate_concurrency)
    assert large.dollars_a_month == pytest.approx(10 * small.dollars_a_month, rel=0.01)


def test_fuller_batches_cost_fewer_write_units() -> None:
    slow, fast = plan(Load(1000), OUR_WRITER, ADDING), plan(Load(10_000), OUR_WRITER, ADDING)

    assert (slow.records_a_batch, fast.records_a_batch) == (250, 1000)
    assert fast.write_units_per_record == 0.74 < slow.write_units_per_record


def test_a_backlog_is_what_came_in_meanwhile_and_is_worked_off() -> None:
    recovery = recover(Load(10_000), OUR_WRITER, ADDING, outage_seconds=60)

    assert recovery.backlog_records == 600_000
    assert recovery.curve[0] < recovery.curve[1]
    assert recovery.curve[-1] == 0


def test_no_item_takes_more_than_its_partitions_write_units() -> None:
    plain = next(writer for writer in WRITERS if writer.name == "lab")

    assert keeps_up(plain, 900, batch=100, share=1)
    assert not keeps_up(plain, 1100, batch=100, share=1)
    assert keeps_up(OUR_WRITER, 1100, batch=100, share=1)


@pytest.mark.slow
@pytest.mark.parametrize("batch", [5, 30, 100, 1000])
@pytest.mark.parametrize("batches_per_second", [1, 10])
def test_the_simulated_user_asks_what_the_aggregator_asks(
    batch: int, batches_per_second: int
) -> None:
    players = Players(1, batches_per_second=batches_per_second)
    user = OurUser(OUR_WRITER, random.Random(1))
    for number in range(60):
        run_alone(user, batch, number // batches_per_second)

    measured = our_usage(players, batch, batches=60)

    assert user.usage.requests == measured.requests
    assert user.usage.write_units == measured.write_units
    assert user.usage.read_units == measured.read_units


def test_larger_batches_let_a_hotter_user_keep_up() -> None:
    assert not keeps_up(OUR_WRITER, 10_000, batch=100, share=1)
    assert keeps_up(OUR_WRITER, 10_000, batch=200, share=1)


def run_alone(user: OurUser, records: int, second: int) -> None:
    """An invocation with records of that second, from its first request to its last."""
    now = float(second)
    run = user.add(records, now)
    with contextlib.suppress(StopIteration):
        now += next(run)
        while True:
            now += run.send(now)

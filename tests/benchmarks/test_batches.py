"""Records gather into batches as a mapping would have them, and cost what such batches take."""

import itertools
import random
from collections import Counter

import pytest

from benchmarks.events import Players
from benchmarks.results import load
from benchmarks.simulation.adding import Adding
from benchmarks.simulation.batches import Mapping, deliver, run_through
from benchmarks.simulation.hints import units_with_hints
from benchmarks.simulation.players import hottest_share, zipf_players
from docs.scale import ALIKE_WHERE_SLOW, SLOW

CHANCE = 1


def mapping(*, lanes: int = 1, batch_size: int = 100, milliseconds: float = 50) -> Mapping:
    return Mapping(lanes, batch_size, 1, 0.001, lambda _: milliseconds)


def test_a_batch_is_full_or_its_window_is_over() -> None:
    came = [0.01 * index for index in range(250)]

    delivered = deliver(came, mapping(), random.Random(CHANCE))

    assert delivered.sizes == [100, 100, 50]
    assert delivered.written[0] == pytest.approx(1.0, abs=0.02)
    assert delivered.written[249] == pytest.approx(3.0 + 0.05, abs=0.02)


def test_what_comes_while_a_batch_is_under_way_is_delivered_together() -> None:
    came = [0.01 * index for index in range(400)]

    delivered = deliver(came, mapping(batch_size=1000, milliseconds=2000), random.Random(CHANCE))

    assert delivered.sizes == pytest.approx([100, 200, 100], abs=3)


def test_no_record_is_lost_or_delivered_twice() -> None:
    came = [random.Random(CHANCE).uniform(0, 30) for _ in range(2000)]

    delivered = deliver(came, mapping(lanes=4), random.Random(CHANCE))

    assert sum(delivered.sizes) == 2000
    assert all(end > begin for begin, end in zip(came, delivered.written, strict=True))


def test_a_larger_batch_size_gathers_more_only_where_more_comes() -> None:
    def together(rate: float, batch_size: int) -> float:
        course = run_through(
            rate,
            mapping(lanes=2, batch_size=batch_size),
            mapping(lanes=4, batch_size=batch_size),
            seconds=20,
            chance=random.Random(CHANCE),
        )
        return course.aggregation.records_a_batch

    assert together(10, 100) == together(10, 1000)
    assert together(4000, 1000) > 5 * together(4000, 100)


def test_players_follow_zipfs_law() -> None:
    drawn = Counter(itertools.islice(zipf_players(1000, random.Random(CHANCE)), 100_000))

    assert drawn[0] / 100_000 == pytest.approx(hottest_share(1000), rel=0.05)
    assert drawn[0] / drawn[9] == pytest.approx(10, rel=0.15)


def test_players_of_events_may_follow_it_too() -> None:
    names = itertools.islice(Players(1000, by_zipf=True).names("anybody"), 10_000)

    assert Counter(names).most_common(1)[0][0] == "anybody-0000000"


def test_between_two_measured_sizes_the_cost_is_between_theirs() -> None:
    rows = [
        {
            "measured": "adding",
            "batch": batch,
            "write_units_per_record": units,
            "requests_per_record": 2 * units,
        }
        for batch, units in ((1, 1.0), (100, 0.9), (10_000, 0.5))
    ]
    adding = Adding([*rows, {"measured": "size", "batch": 100}])

    assert adding.write_units(10) == pytest.approx(0.95)
    assert adding.requests(1000) == pytest.approx(2 * 0.7)
    assert adding.write_units(0.5) == 1.0
    assert adding.write_units(20_000) == 0.5


def test_a_hint_saves_little_where_several_environments_write_a_user() -> None:
    alone, four, many = (units_with_hints(environments) for environments in (1, 4, 1000))

    assert alone == pytest.approx(1 + 1 / 51, abs=0.001)
    assert many == pytest.approx(1 + 2 / 51, abs=0.001)
    assert four == pytest.approx(1 + (1 + 3 / 4) / 51, abs=0.001)


def test_choices_that_a_page_leaves_out_come_to_the_same() -> None:
    for rate in {row["records_per_second"] for row in load("batching") if "choice" in row}:
        if rate > SLOW:
            continue
        dollars = {
            row["choice"]: row["dollars_a_month"]
            for row in load("batching")
            if row.get("records_per_second") == rate
        }
        for choice in ALIKE_WHERE_SLOW:
            assert dollars[choice] == pytest.approx(dollars["2,000"], rel=0.005)

"""On the way to a rate: what breaks first, what is done about it, and what that costs a month.

Negative dollars are saved.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.simulation import assumptions
from benchmarks.simulation.assumptions import Load
from benchmarks.simulation.monthly import LOG_BYTES_BESIDE_THE_PAYLOAD, SECONDS_A_MONTH
from benchmarks.simulation.needs import Needs
from benchmarks.simulation.players import hottest_share

SCORES_IN_AN_AGGREGATE = 100
SAMPLED = 0.01


@dataclass(frozen=True)
class Step:
    """A limit, what is done about it, and what that adds to the month's bill."""

    limit: str
    breaks_at_records_per_second: float
    remedy: str
    dollars_a_month: float


def steps(load: Load, needs: Needs, hottest_among_others: float) -> list[Step]:
    """In the order in which the limits are met; what costs without breaking comes last.

    `hottest_among_others` is how many records a second of one user go in, who has the busiest
    user's share of each batch.
    """
    share = hottest_share(load.users)
    quota = assumptions.CONCURRENCY_QUOTA
    concurrency = needs.ingest_concurrency + needs.aggregate_concurrency
    found = [
        Step(
            "a new table takes 4,000 write units a second, and on demand twice its last peak",
            assumptions.FEWEST_PARTITIONS * assumptions.PARTITION_WRITE_UNITS,
            f"grow by doubling, {_doublings(load)} times with half an hour between",
            0,
        ),
        Step(
            "the account's quota of write units a table",
            assumptions.TABLE_QUOTA,
            "ask for more; at a steady rate provision them",
            _provisioned(load, needs),
        ),
        Step(
            "the busiest user's item",
            hottest_among_others / share,
            f"several items a user, summed when read: {_items(load, hottest_among_others)} for "
            "the users who need them",
            _dollars_for_items(load, needs, hottest_among_others),
        ),
        Step(
            "the account's quota of concurrent executions",
            load.records_per_second * quota / concurrency,
            f"ask for {_round_up(concurrency):,}",
            0,
        ),
        Step(
            "nothing, but each record is paid for as 25 KB, and a shard takes 1,000 of them",
            math.inf,
            f"{SCORES_IN_AN_AGGREGATE} scores in an aggregate: {_shards_for_bytes(load):,} shards "
            f"instead of {needs.kinesis_shards:,}",
            _aggregated(load, needs),
        ),
        Step(
            "nothing, but each record is a line of log",
            math.inf,
            f"`LOG_LEVEL` WARNING, and all payloads of {SAMPLED:.0%} of the environments",
            _sampled(load),
        ),
    ]
    return sorted(found, key=lambda step: step.breaks_at_records_per_second)


def _doublings(load: Load) -> int:
    first = assumptions.FEWEST_PARTITIONS * assumptions.PARTITION_WRITE_UNITS
    return math.ceil(math.log2(load.records_per_second / first))


def _provisioned(load: Load, needs: Needs) -> float:
    """What the write units cost where all that are provisioned are used, less on demand."""
    units = load.records_per_second * (1 + needs.write_units_per_record)
    provisioned = units * assumptions.HOURS_A_MONTH * assumptions.DOLLARS_PER_PROVISIONED_UNIT_HOUR
    return provisioned - needs.dollars_by_part["DynamoDB, records"] - _totals(needs)


def _totals(needs: Needs) -> float:
    return needs.dollars_by_part["DynamoDB, totals"]


def _items_by_rank(load: Load, hottest: float) -> Iterator[int]:
    """How many items each user needs, the busiest first, as long as one is not enough."""
    busiest = load.records_per_second * hottest_share(load.users)
    for rank in range(1, math.ceil(busiest / hottest)):
        yield math.ceil(busiest / rank / hottest)


def _items(load: Load, hottest: float) -> str:
    items = list(_items_by_rank(load, hottest))
    return f"{max(items)} at most, {sum(items)}"


def _dollars_for_items(load: Load, needs: Needs, hottest: float) -> float:
    """Each further item is a further update in each batch."""
    more = sum(items - 1 for items in _items_by_rank(load, hottest)) / needs.records_a_batch
    units = load.records_per_second * more * SECONDS_A_MONTH
    return units / 1e6 * assumptions.DOLLARS_PER_MILLION_WRITE_UNITS


def _shards_for_bytes(load: Load) -> int:
    return math.ceil(load.records_per_second * load.payload_bytes / assumptions.KINESIS_SHARD_BYTES)


def _aggregated(load: Load, needs: Needs) -> float:
    fewer_shards = needs.kinesis_shards - _shards_for_bytes(load)
    fewer_puts = load.records_per_second * (1 - 1 / SCORES_IN_AN_AGGREGATE) * SECONDS_A_MONTH
    return -(
        fewer_shards * assumptions.HOURS_A_MONTH * assumptions.DOLLARS_PER_SHARD_HOUR
        + fewer_puts / 1e6 * assumptions.DOLLARS_PER_MILLION_PUTS
    )


def _sampled(load: Load) -> float:
    size = load.records_per_second * (load.payload_bytes + LOG_BYTES_BESIDE_THE_PAYLOAD)
    return -size * (1 - SAMPLED) * SECONDS_A_MONTH / 1e9 * assumptions.DOLLARS_PER_LOG_GB


def _round_up(figure: float) -> int:
    return math.ceil(figure / 1000) * 1000

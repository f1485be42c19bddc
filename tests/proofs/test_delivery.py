"""Exactly once against a model of delivery: any history, any redelivery, any crash."""

import itertools
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

import app
from operations.local.server import EmbeddedAws
from tests.data_stack import DataStack
from tests.proofs.environment import (
    Environment,
    Faults,
    handlers_in_environments,
    sdk_without_waiting,
)
from tests.proofs.history import History, Producers, correct
from tests.proofs.mapping import Mapping
from tests.proofs.oracle import ingestion_problems

Environments = list[Environment]

_runs = itertools.count(1)
scores = st.integers(-50, 100).map(lambda tenths: Decimal(tenths).scaleb(-1))


@pytest.fixture(scope="module")
def ten_environments(aws: EmbeddedAws) -> Environments:
    faults = Faults(random.Random(1), one_in=0)
    return [Environment(aws, faults) for _ in range(10)]


@pytest.fixture
def environments(ten_environments: Environments, data: DataStack) -> Iterator[Environments]:
    faults = ten_environments[0].faults
    faults.one_in = 0
    faults.injected.clear()
    faults.chance.seed(1)
    with sdk_without_waiting(), handlers_in_environments(data.variables):
        yield ten_environments


class DeliveryMachine(RuleBasedStateMachine):
    """Histories and deliveries as Hypothesis makes them up; small ones when they fail."""

    environments: Environments
    data: DataStack

    @initialize(shards=st.integers(1, 3), users=st.integers(1, 3), seed=st.integers(0, 2**16))
    def begin(self, shards: int, users: int, seed: int) -> None:
        run = next(_runs)
        self.faults = self.environments[0].faults
        self.faults.chance.seed(seed)
        self.history = History(shards, [f"run {run} user {user}" for user in range(users)])
        self.mapping = Mapping(self.history, app.aggregate_scores_by_user, self.environments)

    @rule(data=st.data(), count=st.integers(1, 60), spread=st.integers(0, 3))
    def write(self, data: st.DataObject, count: int, spread: int) -> None:
        chance = random.Random(data.draw(st.integers(0, 2**16)))
        for _ in range(count):
            self.history.write_at_random(chance)
            self.history.pass_time(chance.randint(0, spread))

    @rule(shard=st.integers(0, 2), size=st.integers(1, 100), bisect=st.booleans())
    def deliver(self, shard: int, size: int, bisect: bool) -> None:
        self.mapping.advance(shard % len(self.history.shards), size, bisect=bisect)

    @rule(shard=st.integers(0, 2), back=st.integers(1, 300))
    def rewind(self, shard: int, back: int) -> None:
        self.mapping.rewind(shard % len(self.history.shards), back)

    @rule(one_in=st.sampled_from([0, 2, 3, 5]))
    def change_faults(self, one_in: int) -> None:
        self.faults.one_in = one_in

    @precondition(lambda self: any(self.history.shards))
    @rule(
        parts=st.lists(
            st.tuples(st.integers(0, 2), st.integers(0, 200), st.integers(1, 60)),
            min_size=2,
            max_size=3,
        )
    )
    def deliver_at_once(self, parts: list[tuple[int, int, int]]) -> None:
        shards = self.history.shards
        ranges = []
        for number, start, size in parts:
            shard = number % len(shards)
            # A mapping reads on from its checkpoint, or again from before it.
            first = min(start, self.mapping.checkpoints[shard])
            ranges.append((shard, first, first + size))
        self.mapping.deliver_at_once(ranges)

    def teardown(self) -> None:
        if not hasattr(self, "mapping"):
            return
        assert self.mapping.drain() == 0
        self.check()
        for shard in range(len(self.history.shards)):
            self.mapping.rewind(shard, 10**6)
        assert self.mapping.drain(size=37) == 0
        self.check()

    def check(self) -> None:
        expected = self.history.totals()
        found = {name: self.total(name) for name in self.history.usernames}
        assert found == {name: expected.get(name, Decimal(0)) for name in found}

    def total(self, username: str) -> Decimal:
        item = self.data.total_item(username)
        return Decimal(item.get("Score", {"N": "0"})["N"])


def test_every_total_is_the_sum_over_the_history(
    environments: Environments, data: DataStack
) -> None:
    machine: Any = type(
        "Machine", (DeliveryMachine,), {"environments": environments[:3], "data": data}
    )
    machine.TestCase.settings = settings(
        max_examples=60,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )

    machine.TestCase("runTest").runTest()


def test_parallel_writers_to_few_users_are_exact_within_bounded_rounds(
    environments: Environments, data: DataStack
) -> None:
    chance = random.Random(5)
    history = History(10, ["Ann", "Ben", "Cid"])
    for _ in range(1500):
        history.insert(chance.choice(history.usernames), Decimal(chance.randint(1, 9)))
        history.pass_time(chance.random() < 0.1)
    mapping = Mapping(history, app.aggregate_scores_by_user, environments)

    longest = max(map(len, history.shards))
    for start in range(0, longest, 25):
        parts = [(shard, start, start + 25) for shard in range(10)]
        assert all(mapping.deliver_at_once(parts))

    assert data.totals == history.totals()
    assert mapping.failures == 0


def test_ingestion_stores_each_id_once_and_rejects_what_conflicts(
    environments: Environments, data: DataStack
) -> None:
    chance = random.Random(7)
    producers = Producers(shards=3, first_id=0)
    mapping = Mapping(producers, app.process_kinesis_records, environments)
    environments[0].faults.one_in = 6
    corrected: dict[str, Decimal] = {}

    for _ in range(15):
        for _ in range(20):
            producers.send_at_random(chance)
        mapping.deliver_at_once(
            [
                (shard, mapping.checkpoints[shard], mapping.checkpoints[shard] + 40)
                for shard in (0, 1, 2, chance.randrange(3))
            ]
        )
        mapping.advance(chance.randrange(3), chance.randint(1, 60), bisect=True)
        mapping.rewind(chance.randrange(3), chance.randint(0, 50))
        for record_id in chance.sample(sorted(data.records), k=min(2, len(data.records))):
            corrected[record_id] = Decimal(chance.randint(-99, -1))
            correct(data.dynamodb, "GameScoreRecords", record_id, corrected[record_id])
    assert mapping.drain() == 0

    assert environments[0].faults.injected.total() > 20
    assert ingestion_problems(producers, data.records, data.rejects, corrected) == []

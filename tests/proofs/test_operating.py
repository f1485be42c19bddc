"""A history in which people operate; `make soak` runs hundreds."""

import random
from collections import Counter
from decimal import Decimal
from unittest import mock

import pytest

from operations.local.server import EmbeddedAws
from operations.totals.judgement import Judgement
from tests.data_stack import DataStack
from tests.proofs.environment import (
    Environment,
    Faults,
    handlers_in_environments,
    sdk_without_waiting,
)
from tests.proofs.operating import Machines, operating, soak_operations

INVOCATIONS, OPERATORS = 4, 2


@pytest.fixture
def machines(aws: EmbeddedAws) -> Machines:
    faults = Faults(random.Random(1), one_in=0)
    environments = [Environment(aws, faults) for _ in range(INVOCATIONS + OPERATORS)]
    return Machines(aws, environments[:INVOCATIONS], environments[INVOCATIONS:])


@pytest.mark.parametrize("one_in", [0, 50])
def test_whatever_people_operate_no_total_ends_wrong_and_reconcile_is_right(
    machines: Machines, data: DataStack, one_in: int
) -> None:
    outcomes: Counter[str] = Counter()
    for environment in machines:
        environment.faults.one_in = one_in

    with sdk_without_waiting(), handlers_in_environments(data.variables):
        problems = soak_operations(data, machines, random.Random(4), outcomes)

    assert problems == []
    assert outcomes["reconciled at rest"] >= 1
    assert outcomes["stream records"] > 30


def test_a_reconcile_that_overlooks_an_error_is_found_out(
    machines: Machines, data: DataStack
) -> None:
    with (
        sdk_without_waiting(),
        handlers_in_environments(data.variables),
        operating(data, machines, random.Random(1), Counter()) as history,
        history.without_faults() as stage,
    ):
        history.write()
        history.mapping.drain()
        (user,) = history.sums
        history.damage_score(user)
        history.check_at_rest(stage)
        assert history.problems == []
        with mock.patch.object(Judgement, "error", Decimal(0)):
            history.check_at_rest(stage)

    assert history.problems == [f"reconcile says exact of {user}"]

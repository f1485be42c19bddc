"""A cut of the exploration: `make explore` runs the whole of it."""

import pytest

from tests.proofs.explorer import with_a_transaction
from tests.proofs.explorer.invocation import Limits
from tests.proofs.explorer.model import Service
from tests.proofs.explorer.run import add, explore_each, tasks_of
from tests.proofs.explorer.scopes import Family, Scope, families
from tests.proofs.explorer.search import Covered, Search, Violation

pytestmark = pytest.mark.slow

ONE_IN = 53
"""A scope in so many, all families together in some 20 seconds; prime, so that none of a scope's
parts is always the same."""

REDELIVERED_DURING_A_MOVE = Scope(
    times=(0, 1, 1, 2),
    before=((0,), (1,), (2,)),
    batches=((3,), (1,)),
    limits=Limits(room=2),
    faults=0,
)


@pytest.mark.parametrize("family", list(families()), ids=lambda family: family.name)
def test_every_interleaving_with_every_fault_ends_with_the_exact_total(family: Family) -> None:
    covered = Covered()

    for task in tasks_of(family, ONE_IN):
        found = explore_each(task)
        assert isinstance(found, Covered), found
        covered += found

    assert covered.scopes >= 3
    assert covered.schedules > 10 * covered.scopes
    assert covered.most_calls < 30


def test_a_transaction_seen_in_halves_counts_a_redelivered_record_twice() -> None:
    service = Service(halves_are_visible=True)

    with pytest.raises(Violation, match=r"the score is 1121") as found:
        Search(REDELIVERED_DURING_A_MOVE, with_a_transaction.add, service).run()

    assert found.value.trace[:4] == (
        "X UpdateItem: ConditionalCheckFailed",
        "X TransactWriteItems",
        "Y UpdateItem: ConditionalCheckFailed",
        "Y Query",
    )
    assert {"Y UpdateItem", "X the page of its transaction is visible"} == set(
        found.value.trace[4:]
    )


def test_a_transaction_seen_whole_and_the_page_first_do_not() -> None:
    whole = Search(REDELIVERED_DURING_A_MOVE, with_a_transaction.add, Service()).run()
    page_first = Search(REDELIVERED_DURING_A_MOVE, add, Service(halves_are_visible=True)).run()

    assert whole.schedules > 1
    assert page_first.schedules > 1

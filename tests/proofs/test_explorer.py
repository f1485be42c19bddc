"""A cut of the exploration: `make explore` runs the whole of it."""

import pytest

from tests.proofs.explorer import with_a_transaction, wrong_repairs
from tests.proofs.explorer.invocation import Limits
from tests.proofs.explorer.model import Service
from tests.proofs.explorer.repair_scopes import BASE, PAGES, repair_families
from tests.proofs.explorer.repairs import RepairScope, RepairSearch, Round, repair_round
from tests.proofs.explorer.run import add, explore_each, tasks_of
from tests.proofs.explorer.scopes import Family, Scope, families
from tests.proofs.explorer.search import Covered, Search, Violation

pytestmark = pytest.mark.slow

ONE_IN = 53
"""A scope in so many, all families together in some 20 seconds; prime, so that none of a scope's
parts is always the same."""

ONE_REPAIR_IN = 29
"""The same for the families with repairs, of which a family has fewer."""

WRONG_REPAIRS: dict[Round, tuple[RepairScope, str]] = {
    wrong_repairs.without_its_condition: (
        RepairScope((1, 1, 2), ((0,), (1,)), ((2,),), PAGES, 0, damaged=("the score is changed",)),
        "1 acknowledged changes are lost",
    ),
    wrong_repairs.without_waiting: (
        RepairScope((1, 2), ((0,),), ((1,),), Limits(room=2), faults=0, base=BASE),
        "the total is 5000000, not 5000011",
    ),
    wrong_repairs.waiting_for_the_item_only: (
        RepairScope((1, 2), ((0,),), ((1,),), PAGES, faults=0, base=BASE),
        "the total is 5000010, not 5000011",
    ),
    wrong_repairs.deleting_left_pages_first: (
        RepairScope(
            (1, 2, 2), ((0,), (1,)), (), PAGES, 0, repairs=2, damaged=("the item is deleted",)
        ),
        "the total is 111, not 11",
    ),
    wrong_repairs.leaving_receipts_in_their_pages: (
        RepairScope(
            (1, 1, 2, 1, 2),
            ((0,), (1,), (2,)),
            ((3,), (3,)),
            PAGES,
            faults=0,
            by_hand=("the item is deleted",),
        ),
        "the total is 12111, not 11111",
    ),
    wrong_repairs.deleting_damaged_pages_first: (
        RepairScope(
            (1, 1, 2, 2),
            ((0,), (1,), (2,)),
            ((3,),),
            PAGES,
            faults=0,
            by_hand=("the newest page is damaged",),
        ),
        "1 acknowledged changes are lost",
    ),
}

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


@pytest.mark.parametrize("family", list(repair_families()), ids=lambda family: family.name)
def test_whatever_is_damaged_by_hand_every_interleaving_with_repairs_ends_with_the_exact_total(
    family: Family,
) -> None:
    covered = Covered()

    for task in tasks_of(family, ONE_REPAIR_IN):
        found = explore_each(task)
        assert isinstance(found, Covered), found
        covered += found

    assert covered.scopes >= 1
    assert covered.schedules > 10 * covered.scopes


@pytest.mark.parametrize("repair", WRONG_REPAIRS, ids=lambda repair: repair.__name__)
def test_a_repair_that_looks_right_and_is_not_is_found_out(repair: Round) -> None:
    scope, problem = WRONG_REPAIRS[repair]

    with pytest.raises(Violation, match=problem):
        RepairSearch(scope, add, Service(), repair).run()

    assert RepairSearch(scope, add, Service(), repair_round).run().schedules > 1

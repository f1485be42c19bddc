"""The scopes with repairs: what is wrong, who delivers meanwhile, and what may go wrong."""

from collections.abc import Iterator

from tests.proofs.explorer.by_hand import DAMAGED_PAGES, DELETED_PAGES, ITEM
from tests.proofs.explorer.invocation import Limits
from tests.proofs.explorer.model import Service
from tests.proofs.explorer.repairs import RepairScope
from tests.proofs.explorer.scopes import ONE_BY_ONE, Batch, Family

BASE = 5_000_000
PAGES = Limits(room=1)
"""Each further record makes a page."""

TIMES = ((1, 1, 2, 2), (1, 2, 2, 1), (2, 1, 3, 0))
"""Of three records that were delivered one by one, and a fourth, which is new, late or untimed."""

DELIVERIES: tuple[tuple[Batch, ...], ...] = (((3,),), ((0,),), ((1, 3),))
"""A new record, one that is redelivered, both."""


def repair_families() -> Iterator[Family]:
    yield Family(
        "a repair with nothing to do, one fault",
        tuple(
            RepairScope(times, ONE_BY_ONE, batches, Limits(room), 1, repairs=repairs, base=BASE)
            for repairs, choice in ((1, DELIVERIES), (1, (((3,), (0,)),)), (2, (((3,),),)))
            for batches in choice
            for room in (1, 2)
            for times in TIMES
        ),
    )
    yield Family(
        "an item damaged before, one fault",
        tuple(
            RepairScope(times, ONE_BY_ONE, batches, Limits(room), 1, damaged=(what,), base=BASE)
            for what in ITEM
            for batches in DELIVERIES
            for room in (1, 2)
            for times in TIMES
        ),
    )
    yield Family(
        "an item damaged at any moment, one fault",
        tuple(
            RepairScope(times, ONE_BY_ONE, batches, PAGES, 1, by_hand=(what,), base=BASE)
            for what in ITEM
            for batches in DELIVERIES
            for times in TIMES
        ),
    )
    yield Family(
        "two deliveries while the item is damaged",
        tuple(
            RepairScope(times, ONE_BY_ONE, batches, PAGES, 0, by_hand=(what,), base=BASE)
            for what in ("the item is deleted", "LastPage is removed", "the receipts are removed")
            for batches in (((3,), (3,)), ((3,), (0,)))
            for times in TIMES
        ),
    )
    yield Family(
        "two repairs of a damaged item",
        tuple(
            RepairScope(
                times, ONE_BY_ONE, batches, PAGES, faults, repairs=2, damaged=(what,), base=BASE
            )
            for what in ITEM
            for times, batches, faults in (
                (TIMES[0], ((3,),), 0),
                (TIMES[1], ((3,),), 0),
                (TIMES[1], ((0,),), 0),
                (TIMES[0][:3], (), 1),
                (TIMES[1][:3], (), 1),
            )
        ),
    )
    yield Family(
        "damaged twice",
        tuple(
            RepairScope(
                TIMES[1],
                ONE_BY_ONE,
                ((3,),),
                PAGES,
                0,
                damaged=(first,),
                by_hand=(then,),
                base=BASE,
            )
            for first in ITEM
            for then in ITEM
            if first != then
        ),
    )
    yield Family(
        "pages damaged at any moment, one fault",
        tuple(
            RepairScope(times, ONE_BY_ONE, batches, PAGES, 1, by_hand=(what,), base=BASE)
            for what in DAMAGED_PAGES
            for batches in DELIVERIES
            for times in TIMES
        ),
    )
    yield Family(
        "two repairs of pages damaged or deleted before",
        tuple(
            RepairScope(
                times, ONE_BY_ONE, batches, PAGES, faults, repairs=2, damaged=(what,), base=BASE
            )
            for what in (*DAMAGED_PAGES, *DELETED_PAGES)
            for times, batches, faults in (
                (TIMES[0], ((3,),), 0),
                (TIMES[1], ((0,),), 0),
                (TIMES[1][:3], (), 1),
            )
        ),
    )
    yield Family(
        "a new user's item, two faults",
        tuple(
            RepairScope(times, ((0,),), batches, PAGES, 2, by_hand=by_hand)
            for by_hand in ((), ("the item is deleted",), ("the score is changed",))
            for batches in (((1,),), ((0, 1),))
            for times in ((1, 1), (1, 2), (2, 1))
        ),
    )
    yield Family(
        "records older than what is waited for, one page a response, one fault",
        tuple(
            RepairScope(
                times,
                ONE_BY_ONE,
                ((3,),),
                PAGES,
                1,
                by_hand=by_hand,
                base=BASE,
                recent_seconds=2,
            )
            for by_hand in ((), ("the item is deleted",), ("the receipts are removed",))
            for times in ((1, 1, 2, 2), (1, 2, 2, 3), (2, 1, 3, 1))
        ),
        Service(pages_a_response=1),
    )

"""The scopes: which records there are, who has them, and what may go wrong."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import product

from chalicelib.receipts import make_receipt
from chalicelib.scores import ScoreChange
from tests.proofs.explorer.invocation import Limits
from tests.proofs.explorer.model import Service

Batch = tuple[int, ...]
"""The numbers of the records that one invocation gets."""


@dataclass(frozen=True)
class Scope:
    """Records of one user by their times in seconds, and the batches in which they come.

    `before` were delivered one after another, `batches` come side by side.
    """

    times: tuple[int, ...]
    before: tuple[Batch, ...]
    batches: tuple[Batch, ...]
    limits: Limits
    faults: int
    amounts: tuple[int, ...] = ()

    @property
    def redelivered(self) -> tuple[Batch, ...]:
        """What is delivered again at the end: each batch by itself, then all records in one."""
        return (*self.before, *self.batches, tuple(range(len(self.times))))


@dataclass(frozen=True)
class Family:
    """Scopes of one kind, and how the model answers in them."""

    name: str
    scopes: tuple[Scope, ...]
    service: Service = field(default_factory=Service)


def amount_of(scope: Scope, record: int) -> int:
    """A power of ten, so that a sum tells which records are in it, and how often."""
    return scope.amounts[record] if scope.amounts else 10**record


def change_of(scope: Scope, record: int) -> ScoreChange:
    receipt = make_receipt(f"record {record}", "1", scope.times[record])
    return ScoreChange("Ann", Decimal(amount_of(scope, record)), receipt, record)


TIMES = (0, 1, 2)
"""Equal, in any order, and unknown: a record without a time passes for as old as can be."""

ONE_BY_ONE: tuple[Batch, ...] = ((0,), (1,), (2,))


def families() -> Iterator[Family]:
    yield Family(
        "a new user, two faults",
        tuple(
            Scope(times, (), batches, Limits(room), faults=2)
            for room in (1, 2)
            for records, groups in (
                (2, (((0,), (1,)), ((0, 1), (1,)), ((0,), (0,), (1,)))),
                (3, (((0,), (1,), (2,)), ((0, 1), (1, 2)))),
            )
            for times in times_of(records)
            for batches in groups
        ),
    )
    yield Family(
        "two over an archive, two faults",
        tuple(
            Scope(times, ONE_BY_ONE, batches, Limits(room), faults=2)
            for room in (2, 3)
            for records, pairs in (
                (4, (((3,), (0,)), ((3,), (1,)), ((3,), (2,)), ((3,), (3,)), ((0, 3), (1, 3)))),
                (5, (((3,), (4,)), ((3, 4), (1, 3)), ((0, 3), (1, 4)))),
            )
            for times in times_of(records)
            for batches in pairs
        ),
    )
    yield Family(
        "three over an archive, one fault",
        tuple(
            Scope(times, ONE_BY_ONE, batches, Limits(room), faults=1)
            for room in (2, 3)
            for records, triples in (
                (4, (((3,), (0,), (1,)), ((3,), (1,), (3,)), ((3,), (2,), (0, 3)))),
                (5, (((3,), (4,), (1,)), ((3, 4), (3,), (4,)))),
            )
            for times in times_of(records)
            for batches in triples
        ),
    )
    yield Family(
        "groups beyond the room, one fault",
        tuple(
            Scope(times, before, batches, Limits(room=2), faults=1)
            for records, before, pairs in (
                (4, ((0,),), (((1, 2, 3), (1, 2, 3)), ((1, 2, 3), (0,)), ((1, 2, 3), (0, 3)))),
                (5, ((0, 1),), (((2, 3, 4), (1, 2)), ((0, 1, 2, 3), (4,)), ((2, 3, 4), (0, 1, 2)))),
                (4, (), (((0, 1, 2), (2, 3)), ((0, 1, 2, 3), (0, 1, 2, 3)))),
            )
            for times in times_of(records)
            for batches in pairs
        ),
    )
    yield Family(
        "one page a response, one fault",
        tuple(
            Scope(times, ((0,), (1,), (2,), (3,)), batches, Limits(room), faults=1)
            for room in (1, 2)
            for times in times_of(5)
            for batches in (((4,), (0,)), ((4,), (1, 4)), ((0, 4), (2,)))
        ),
        Service(pages_a_response=1),
    )
    yield Family(
        "several pieces, one fault",
        tuple(
            Scope(times, before, batches, Limits(room, at_once), faults=1)
            for room, at_once in ((1, 2), (2, 1), (2, 3))
            for before, batches in (
                (((0,),), ((4, 3, 2, 1), (0, 2))),
                ((), ((4, 3, 2, 1, 0), (1, 3))),
                (((0, 1),), ((3, 0, 4, 2), (4, 1))),
            )
            for times in times_of(5)
        ),
    )
    yield Family(
        "refused sums, one fault",
        tuple(
            Scope(times, before, batches, Limits(room), faults=1, amounts=(1, 60, 50, 3, 70))
            for room in (2, 3)
            for before, batches in (
                (((0,),), ((1, 2, 3), (4,))),
                (((0,), (3,)), ((2, 4), (1, 2))),
            )
            for times in times_of(5)
        ),
        Service(largest_score=100),
    )


def times_of(records: int) -> Iterator[tuple[int, ...]]:
    """Times in every order; of more than four records, the first two come in their order."""
    for times in product(TIMES, repeat=records):
        if records <= 4 or (times[0] <= times[1] and 1 in times):
            yield times

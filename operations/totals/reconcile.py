"""Whether every total is the sum of the user's records; what differs is looked at again.

A look sums GameScoreRecords and compares with GameScoresByUser. While scores come in, a record may
stand in one and not yet in the other, so one look proves nothing about a user that differs. Hence
further looks: a user that is exact in one of them is well, one that differs by the same amount in
two has drifted, and one that differs by another amount each time is still moving.

Records that expired by time to live keep their score in the total, and no look can know them.
"""

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from chalicelib import words
from operations.aws.errors import Misuse
from operations.aws.items import require_username
from operations.aws.progress import Progress
from operations.aws.stage import Stage
from operations.aws.tables import ReadMeter
from operations.totals.read import (
    InvalidItem,
    RecordCount,
    expect_records,
    find_totals,
    has_total,
    read_total,
)
from operations.totals.sums import Comparison, UserSums

MOST_LOOKS = 5
FEW_USERS = 1000
"""Up to this many users, totals are read one by one; beyond, the whole table is scanned."""

MOST_SUSPECTS = 100_000
"""If more users differ, they are only counted and not looked at again."""

LISTED_USERS = 1000
"""Differences that a result lists; it counts them all."""


@dataclass(frozen=True)
class Difference:
    """A user whose total is not the sum; `is_moving` if by another amount at each look."""

    username: str
    expected: Decimal
    found: Decimal | None
    is_moving: bool


@dataclass(frozen=True)
class Reconciliation:
    """What was found.

    `differences` lists the first of the `differing_users`, `invalid` the first of the
    `invalid_records`.
    """

    records: int
    invalid_records: int
    invalid: tuple[InvalidItem, ...]
    users: int
    differing_users: int
    differences: tuple[Difference, ...]
    looks: int
    read_units: float
    seconds: float

    @property
    def is_exact(self) -> bool:
        """Whether every total is the sum of the user's records."""
        return not self.differing_users


def reconcile(
    stage: Stage,
    meter: ReadMeter,
    progress: Progress,
    *,
    user: str | None = None,
    settle_seconds: float,
) -> Reconciliation:
    """Compare all totals, or one user's, with the records; waits `settle_seconds` between looks.

    Raises Misuse where there is no such user.
    """
    if user is not None:
        require_username(user)
    started = time.monotonic()
    only = None if user is None else {user}
    with UserSums() as sums:
        counted = _look(stage, sums, meter, progress, only)
        if user is not None and not counted.summed and not has_total(stage, user):
            raise Misuse(
                f"There is no {words.PLAYER} {user!r}: no record and no total has that name."
            )
        users = differing = 0
        suspects: dict[str, Comparison] = {}
        for each in sums.comparisons():
            users += 1
            if not each.is_exact:
                differing += 1
                if differing <= MOST_SUSPECTS:
                    suspects[each.username] = each
    looks = 1
    drifted: dict[str, Comparison] = {}
    while suspects and differing <= MOST_SUSPECTS and looks < MOST_LOOKS:
        time.sleep(settle_seconds)
        suspects = _still_different(stage, suspects, meter)
        if not suspects:
            break
        looks += 1
        with UserSums() as sums:
            _look(stage, sums, meter, progress, suspects.keys())
            suspects = _compare_looks(suspects, sums.comparisons(), drifted)
    found = [Difference(*each, is_moving=False) for each in drifted.values()]
    found += [Difference(*each, is_moving=True) for each in suspects.values()]
    return Reconciliation(
        records=counted.records,
        invalid_records=counted.invalid,
        invalid=counted.named,
        users=users,
        differing_users=differing if differing > MOST_SUSPECTS else len(found),
        differences=tuple(sorted(found, key=lambda each: each.username)[:LISTED_USERS]),
        looks=looks,
        read_units=meter.units,
        seconds=time.monotonic() - started,
    )


def _look(
    stage: Stage,
    sums: UserSums,
    meter: ReadMeter,
    progress: Progress,
    only: Collection[str] | None,
) -> RecordCount:
    counted = expect_records(stage, sums, meter, progress, only=only)
    if only is not None and len(only) <= FEW_USERS:
        for username in only:
            sums.find(username, read_total(stage, username, meter))
    else:
        find_totals(stage, sums, meter, progress)
    return counted


def _still_different(
    stage: Stage, suspects: Mapping[str, Comparison], meter: ReadMeter
) -> dict[str, Comparison]:
    """Those whose total has not become the sum by now; this costs no scan."""
    if len(suspects) > FEW_USERS:
        return dict(suspects)
    return {
        username: each
        for username, each in suspects.items()
        if read_total(stage, username, meter) != each.expected
    }


def _compare_looks(
    suspects: Mapping[str, Comparison],
    comparisons: Iterable[Comparison],
    drifted: dict[str, Comparison],
) -> dict[str, Comparison]:
    """The suspects that are still moving; those that differ by the same again have drifted."""
    moving = {}
    for each in comparisons:
        before = suspects.get(each.username)
        if before is None or each.is_exact:
            continue
        if each.difference == before.difference:
            drifted[each.username] = each
        else:
            moving[each.username] = each
    return moving

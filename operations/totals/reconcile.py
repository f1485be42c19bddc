"""Whether every total is the sum of the user's records; what differs is looked at again.

A look sums GameScoreRecords and compares with GameScoresByUser. While scores come in, a record may
stand in one and not yet in the other, so one look proves nothing about a user that differs. Hence
further looks: a user that is exact in one of them is well, one that differs by the same amount in
two has drifted, and one that differs by another amount each time is still moving.

Records that expired by time to live keep their score in the total, and no look can know them.
"""

import time
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from chalicelib.scores import Place
from chalicelib.stream_records import decode_stream_record
from operations.stage.stage import Stage
from operations.tables.scan import ReadMeter, scan_segments
from operations.totals.sums import Comparison, UserSums

MOST_LOOKS = 5
FEW_USERS = 1000
"""The totals of so many users are read one by one, those of more with the whole table."""

MOST_SUSPECTS = 100_000
"""If more users differ, they are counted only, and not looked at again."""

LISTED_USERS = 1000
"""Differences that a result holds; it counts them all."""

Progress = Callable[[str, int, int], None]
"""Takes the table that is read, how many items so far, and about how many there are."""


@dataclass(frozen=True)
class Difference:
    """A user whose total is not the sum; is_moving: by another amount at each look."""

    username: str
    expected: Decimal
    found: Decimal | None
    is_moving: bool


@dataclass(frozen=True)
class Reconciliation:
    """What was found: `differences` holds the first of `differing_users`."""

    records: int
    invalid_records: int
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


class RecordCount(NamedTuple):
    """How many records a scan found, and how many of them count for nothing."""

    records: int
    invalid: int


def reconcile(
    stage: Stage,
    meter: ReadMeter,
    progress: Progress,
    *,
    user: str | None = None,
    settle_seconds: float,
) -> Reconciliation:
    """Compare all totals, or one user's, with the records; between two looks so long a wait."""
    started = time.monotonic()
    only = None if user is None else {user}
    with UserSums() as sums:
        counted = _look(stage, sums, meter, progress, only)
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
        users=users,
        differing_users=differing if differing > MOST_SUSPECTS else len(found),
        differences=tuple(sorted(found, key=lambda each: each.username)[:LISTED_USERS]),
        looks=looks,
        read_units=meter.units,
        seconds=time.monotonic() - started,
    )


def expect_records(
    stage: Stage,
    sums: UserSums,
    meter: ReadMeter,
    progress: Progress,
    *,
    only: Container[str] | None = None,
    consistent: bool = False,
) -> RecordCount:
    """Add what the records in the table give each user, or those users only, to the sums."""
    table = stage.names.records_table
    about = stage.aws.client("dynamodb").describe_table(TableName=table)["Table"]["ItemCount"]
    records = invalid = 0
    attributes = ("RecordID", "Username", "Score")
    for page in scan_segments(
        stage.aws.client("dynamodb"), table, attributes, meter, consistent=consistent
    ):
        for item in page:
            records += 1
            score = score_of(item)
            if score is None:
                invalid += 1
            elif only is None or score[0] in only:
                sums.expect(*score)
        progress(table, records, max(records, about))
    return RecordCount(records, invalid)


def find_totals(
    stage: Stage,
    sums: UserSums,
    meter: ReadMeter,
    progress: Progress,
    *,
    consistent: bool = False,
) -> None:
    """Add every total to the sums."""
    table = stage.names.totals_table
    about = stage.aws.client("dynamodb").describe_table(TableName=table)["Table"]["ItemCount"]
    found = 0
    attributes = ("Username", "Score")
    for page in scan_segments(
        stage.aws.client("dynamodb"), table, attributes, meter, consistent=consistent
    ):
        for item in page:
            found += 1
            sums.find(item["Username"]["S"], _number(item))
        progress(table, found, max(found, about))


def score_of(item: Mapping[str, Any]) -> tuple[str, Decimal] | None:
    """Whose score an item of GameScoreRecords is and how much; None if it counts for nothing.

    The rule is the aggregator's own.
    """
    inserted = {
        "eventName": "INSERT",
        "eventID": "scan",
        "dynamodb": {"SequenceNumber": "scan", "NewImage": item},
    }
    for change in decode_stream_record(Place(0), inserted).changes:
        return change.username, change.amount
    return None


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
            sums.find(username, _read_total(stage, username, meter))
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
        if _read_total(stage, username, meter) != each.expected
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


def _read_total(stage: Stage, username: str, meter: ReadMeter) -> Decimal | None:
    answer = stage.aws.client("dynamodb").get_item(
        TableName=stage.names.totals_table,
        Key={"Username": {"S": username}},
        ConsistentRead=True,
        ReturnConsumedCapacity="TOTAL",
    )
    meter.count(answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0.0))
    return _number(answer["Item"]) if "Item" in answer else Decimal(0)


def _number(item: Mapping[str, Any]) -> Decimal | None:
    score = item.get("Score", {}).get("N")
    return None if score is None else Decimal(score)

"""Whether every total is the sum of the player's records; nothing is changed."""

import time
from collections.abc import Collection
from dataclasses import dataclass

from operations.aws.items import require_username
from operations.aws.progress import Announce, Progress
from operations.aws.stage import Stage
from operations.aws.tables import ReadMeter
from operations.totals.audit import Audit, Verdict, until_whole
from operations.totals.read import InvalidItem

LISTED_USERS = 1000
"""Users that a result lists; it counts them all."""

NEVER = 2**32
"""Later than any receipt's time."""


@dataclass(frozen=True)
class Reconciliation:
    """What was found.

    `verdicts` lists the first of the `differing_users`, `invalid` the first of the
    `invalid_records`. Of all their changes, those `missing` will not be delivered any more; those
    `open` wait in a reject or in the stream, the oldest since `open_since`, in seconds.
    `unreadable` are objects among the rejects that nobody can read.
    """

    records: int
    invalid_records: int
    invalid: tuple[InvalidItem, ...]
    users: int
    differing_users: int
    verdicts: tuple[Verdict, ...]
    missing: int
    open: int
    open_since: int | None
    unreadable: tuple[str, ...]
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
    announce: Announce,
    *,
    users: Collection[str] | None = None,
    settle_seconds: float,
) -> Reconciliation:
    """Compare all totals, or those of some users, with the records.

    Raises Misuse where one of these is nobody.
    """
    for username in users or ():
        require_username(username)
    started = time.monotonic()

    def run() -> Reconciliation:
        with Audit(
            stage, meter, progress, announce, users=users, settle_seconds=settle_seconds
        ) as audit:
            return _reconciliation(audit, meter, started)

    return until_whole(run, announce)


def _reconciliation(audit: Audit, meter: ReadMeter, started: float) -> Reconciliation:
    audit.read()
    differing = missing = open_changes = 0
    since = NEVER
    listed: list[Verdict] = []
    for verdicts in audit.verdicts():
        differing += len(verdicts)
        listed += verdicts[: LISTED_USERS - len(listed)]
        for verdict in verdicts:
            missing += len(verdict.missing)
            open_changes += len(verdict.open)
            since = min([since, *(each.seconds for each in verdict.open)])
    return Reconciliation(
        records=audit.records.records,
        invalid_records=audit.records.invalid,
        invalid=audit.records.named,
        users=audit.users,
        differing_users=differing,
        verdicts=tuple(sorted(listed, key=lambda each: each.username)),
        missing=missing,
        open=open_changes,
        open_since=None if since == NEVER else since,
        unreadable=tuple(audit.unreadable),
        read_units=meter.units,
        seconds=time.monotonic() - started,
    )

"""Makes every total the sum of the player's records, beside the running pipeline.

The audit names whom to repair. Each of them is repaired by single steps, each planned from a new
look, that leave a total as it was, or right (repair.py); so nothing is paused, other rebuilds,
redrives and the functions go on, and a run that dies is run again. Those repaired are looked at
again, a settle time later, until a look finds nothing: what a slow stream showed too late for the
first looks is found by the next.
"""

import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import words
from chalicelib.scores import InvalidRecord
from chalicelib.totals import AdditionRefused, TotalContended
from operations.aws.errors import Misuse, OperationFailed, OperationInterrupted, explain
from operations.aws.items import require_username
from operations.aws.progress import Announce, Progress
from operations.aws.stage import Stage
from operations.aws.tables import ReadMeter
from operations.totals.audit import Audit, Verdict, until_whole
from operations.totals.judgement import Judgement
from operations.totals.read import Part, read_extremes
from operations.totals.repair import Step, plan_step, take_step

WRITERS = 16
MOST_STEPS = 40
"""Steps that one user's repair may take; where others keep writing, some are for nothing."""

LISTED_USERS = 1000


@dataclass(frozen=True)
class UnwritableTotal:
    """A user whose sum DynamoDB cannot hold, why, and the records to correct."""

    username: str
    reason: str
    records: tuple[Part, ...]


class Changed(NamedTuple):
    """A user's total before and after; None where its item held no number."""

    username: str
    before: Decimal | None
    after: Decimal


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild did or, in a dry run, would have done.

    `changed` lists the first of the `changed_users`. Those in `unwritable` keep what they have, and
    so do those in `contended`, whose items others kept changing. `added` counts the changes that
    were missing or waiting. `unreadable` are objects among the rejects that nobody can read: what
    they hold is in the totals, and would count twice if somebody mends and redrives them.
    """

    is_dry_run: bool
    records: int
    invalid_records: int
    users: int
    changed_users: int
    changed: tuple[Changed, ...]
    added: int
    unwritable: tuple[UnwritableTotal, ...]
    contended: tuple[str, ...]
    unreadable: tuple[str, ...]
    read_units: float
    seconds: float

    @property
    def is_done(self) -> bool:
        """Whether every total is right now, or would be."""
        return not (self.unwritable or self.contended or self.unreadable)


def rebuild(
    stage: Stage,
    meter: ReadMeter,
    progress: Progress,
    announce: Announce,
    *,
    users: Collection[str] | None = None,
    dry_run: bool = False,
    settle_seconds: float,
    without_expired: bool = False,
) -> Rebuilt:
    """Make all totals, or those of some users, the sum of the user's records in the table.

    `settle_seconds`: within it the stream shows what was written. Raises Misuse where one of the
    users is nobody, OperationFailed or OperationInterrupted, whose message says what was changed.
    """
    for username in users or ():
        require_username(username)
    if not without_expired:
        _refuse_time_to_live(stage)
    run = _Rebuild(stage, meter, progress, announce, is_dry_run=dry_run)

    def audited() -> Rebuilt:
        with Audit(
            stage,
            meter,
            progress,
            announce,
            users=users,
            settle_seconds=settle_seconds,
            without_expired=without_expired,
        ) as audit:
            audit.read()
            if audit.has_expiry and not without_expired:
                raise OperationFailed(_expires(f"A record in {stage.names.records_table} expired"))
            return run.repair(audit)

    try:
        return until_whole(audited, announce)
    except KeyboardInterrupt as error:
        raise OperationInterrupted(f"Interrupted. {run.left}") from error
    except Misuse:
        raise
    except OperationFailed as error:
        raise OperationFailed(f"{error} {run.left}") from error
    except (BotoCoreError, ClientError) as error:
        raise OperationFailed(f"{explain(error)} {run.left}") from error


class _Rebuild:
    """One rebuild, over several audits where the stream forgot what was not read yet."""

    def __init__(
        self,
        stage: Stage,
        meter: ReadMeter,
        progress: Progress,
        announce: Announce,
        *,
        is_dry_run: bool,
    ) -> None:
        self._stage = stage
        self._meter = meter
        self._progress = progress
        self._announce = announce
        self._is_dry_run = is_dry_run
        self._started = time.monotonic()
        self._changed: dict[str, Changed] = {}
        self._repaired = self._added = self._steps = 0
        self._unwritable: dict[str, str] = {}
        self._contended: set[str] = set()

    @property
    def left(self) -> str:
        """A sentence that says what an unfinished rebuild leaves."""
        if not self._steps:
            return "No total was changed."
        return (
            f"{self._repaired:,} {words.PLAYERS} are done with; every other total is as it was, or "
            "right already. Run this again to go on."
        )

    def repair(self, audit: Audit) -> Rebuilt:
        """Repair whom the audit names, until it names nobody."""
        for verdicts in audit.verdicts():
            if self._is_dry_run:
                self._foresee(verdicts)
            else:
                self._repair(audit, verdicts)
        return Rebuilt(
            is_dry_run=self._is_dry_run,
            records=audit.records.records,
            invalid_records=audit.records.invalid,
            users=audit.users,
            changed_users=self._repaired,
            changed=tuple(sorted(self._changed.values())),
            added=self._added,
            unwritable=self._with_records(),
            contended=tuple(sorted(self._contended)),
            unreadable=tuple(audit.unreadable),
            read_units=self._meter.units,
            seconds=time.monotonic() - self._started,
        )

    def _foresee(self, verdicts: Sequence[Verdict]) -> None:
        for verdict in verdicts:
            if self._plan(verdict.judgement):
                self._note(verdict, verdict.expected)

    def _repair(self, audit: Audit, verdicts: Sequence[Verdict]) -> None:
        """Repair these users, all side by side, a step at a time."""
        unfinished = {verdict.username: verdict for verdict in verdicts}
        judgements = {verdict.username: verdict.judgement for verdict in verdicts}
        for _ in range(MOST_STEPS):
            steps = []
            for username, judgement in judgements.items():
                if step := self._plan(judgement):
                    steps.append(step)
                    continue
                verdict = unfinished.pop(username)
                if username not in self._unwritable:
                    audit.again(username, ())
                    self._note(verdict, judgement.known.expected)
                    self._progress(words.PLAYERS, self._repaired, self._repaired)
            if not steps:
                return
            self._steps += len(steps)
            with ThreadPoolExecutor(WRITERS, thread_name_prefix="repair") as writers:
                list(writers.map(self._take, steps))
            judgements = audit.look([step.username for step in steps])
        self._contended |= unfinished.keys()

    def _plan(self, judgement: Judgement) -> Step | None:
        username = judgement.look.username
        if username in self._unwritable:
            return None
        try:
            return plan_step(judgement)
        except InvalidRecord as error:
            self._unwritable[username] = str(error)
            return None

    def _take(self, step: Step) -> None:
        names = self._stage.names
        dynamodb = self._stage.aws.client("dynamodb")
        try:
            take_step(dynamodb, names.totals_table, names.receipts_table, step)
        except AdditionRefused as error:
            self._unwritable[step.username] = str(error)
        except TotalContended:
            pass  # it is looked at again

    def _note(self, verdict: Verdict, after: Decimal) -> None:
        before = self._changed.get(verdict.username)
        self._repaired += before is None
        self._added += len(verdict.missing) + len(verdict.open)
        if len(self._changed) < LISTED_USERS:
            first = before.before if before else verdict.total
            self._changed[verdict.username] = Changed(verdict.username, first, after)

    def _with_records(self) -> tuple[UnwritableTotal, ...]:
        """The totals that cannot be written with the records to correct; one more scan for them."""
        if not self._unwritable:
            return ()
        self._announce("Looking for the records to correct")
        users = self._unwritable.keys()
        parts = read_extremes(self._stage, users, self._meter, self._progress)
        return tuple(
            UnwritableTotal(username, reason, parts.get(username, ()))
            for username, reason in sorted(self._unwritable.items())
        )


def _refuse_time_to_live(stage: Stage) -> None:
    table = stage.names.records_table
    found = stage.aws.client("dynamodb").describe_time_to_live(TableName=table)
    if found["TimeToLiveDescription"].get("TimeToLiveStatus") in ("ENABLED", "ENABLING"):
        raise OperationFailed(_expires(f"Records in {table} expire"))


def _expires(what: str) -> str:
    return (
        f"{what}, and a total keeps the {words.SCORE.lower()} of expired records: they are no "
        "longer there to sum. --without-expired sets totals to the sum of what is there."
    )

"""Sets every total from the records in the table: exact, or refused with nothing changed.

Both mappings are paused. The table's stream is read whole, as long as it is kept, then the table
is scanned, then the stream is read on: if nothing came, nothing was written since the scan began,
so the sums are those of one moment, and every stream record read up to then is in them. The
aggregator may still have to deliver many of these (it may be half a day behind), and rejected ones
may be redriven later. So each total is written together with the receipts of all of them, by which
the aggregator finds that they are counted. What is written later is in no sum, has no receipt, and
is counted as ever when the mappings are resumed.

A user whose sum is no number that DynamoDB holds keeps its total, and its records are named; all
others are set. Records wait no longer than the mappings' maximum record age, beyond which Lambda
moves them to the rejects bucket: a rebuild that would keep them longer is refused, or gives up as
long as it has written nothing.

A total and its receipts are one write, and doing it again writes nothing more: a rebuild that is
interrupted has set some totals right and left the others as they were. It is run again to go on.
"""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import words
from operations.aws.errors import OperationFailed, OperationInterrupted, explain
from operations.aws.pause import Pause, longest_wait_seconds
from operations.aws.progress import Announce, Progress
from operations.aws.stage import Stage
from operations.aws.table_stream import TableStream
from operations.aws.tables import ReadMeter
from operations.totals.counted import KnownReceipts, aggregator_rejects
from operations.totals.read import (
    Part,
    RecordCount,
    expect_records,
    find_totals,
    read_extremes,
)
from operations.totals.sums import Comparison, UserSums
from operations.totals.write_all import find_unwritable, set_totals

MOST_SCANS = 3
LISTED_USERS = 1000
FEW_USERS = 3

UNIT_BYTES = 4096
"""What one read unit reads of a table, consistently."""


SAFE_PART = 0.8
"""The part of the maximum record age that records may have waited before anything is written."""


@dataclass(frozen=True)
class UnwritableTotal:
    """A user whose sum DynamoDB cannot hold, why, and the records to correct."""

    username: str
    reason: str
    records: tuple[Part, ...]


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild did or, in a dry run, would have done.

    `changed` lists the first of the `changed_users` whose total was not the sum; those in
    `unwritable` are not among them, and keep theirs. `receipts` counts the changes recorded as
    counted, including those that were recorded before.
    """

    is_dry_run: bool
    records: int
    invalid_records: int
    users: int
    changed_users: int
    changed: tuple[Comparison, ...]
    unwritable: tuple[UnwritableTotal, ...]
    receipts: int
    read_units: float
    seconds: float


class _WrittenMeanwhile(Exception):
    """The table was written while it was scanned."""


def rebuild(
    stage: Stage,
    meter: ReadMeter,
    progress: Progress,
    announce: Announce,
    *,
    dry_run: bool = False,
    settle_seconds: float,
    without_expired: bool = False,
) -> Rebuilt:
    """Make every total the sum of the user's records in the table.

    `settle_seconds`: how long the stream must be quiet to count as read. Raises OperationFailed or
    OperationInterrupted, whose message says what was changed and what is paused.
    """
    if not without_expired:
        _refuse_time_to_live(stage)
    run = _Rebuild(stage, meter, progress, announce, settle_seconds)
    if dry_run:
        return run.dry()
    try:
        return run.wet()
    except _WrittenMeanwhile as error:
        run.resume()
        raise OperationFailed(
            f"The table was written during each of {MOST_SCANS} scans, so no sum would be exact. "
            "Nothing was changed and both functions go on. Stop those who write to it from "
            "consoles and programs, then run this again."
        ) from error
    except KeyboardInterrupt as error:
        raise OperationInterrupted(f"Interrupted. {run.leave()}") from error
    except OperationFailed as error:
        raise OperationFailed(f"{error} {run.leave()}") from error
    except (BotoCoreError, ClientError) as error:
        raise OperationFailed(f"{explain(error)} {run.leave()}") from error


class _Rebuild:
    def __init__(
        self,
        stage: Stage,
        meter: ReadMeter,
        progress: Progress,
        announce: Announce,
        settle_seconds: float,
    ) -> None:
        self._stage = stage
        self._meter = meter
        self._progress = progress
        self._announce = announce
        self._settle_seconds = settle_seconds
        self._started = time.monotonic()
        self._pause = Pause(stage)
        self._longest_wait_seconds = longest_wait_seconds(stage)
        self._users_done = 0
        self._is_writing = False

    def dry(self) -> Rebuilt:
        with UserSums() as sums:
            self._announce("Scanning the records, nothing is paused")
            counted = expect_records(self._stage, sums, self._meter, self._progress)
            find_totals(self._stage, sums, self._meter, self._progress)
            return self._result(counted, sums, find_unwritable(sums), receipts=0, is_dry_run=True)

    def wet(self) -> Rebuilt:
        with ExitStack() as opened:
            receipts = opened.enter_context(KnownReceipts())
            self._refuse_slow_reading()
            self._announce("Pausing both mappings")
            self._pause.begin()
            self._warn_of_age()
            arn = self._stage.names.records_stream_arn
            stream = TableStream(self._stage.aws.client("dynamodbstreams"), arn, "TRIM_HORIZON")
            self._announce("Reading the table's stream")
            receipts.add_stream_records(stream.read_until_quiet(self._settle_seconds))
            sums, counted = self._scan_undisturbed(opened, stream, receipts)
            proved_at = int(time.time() - self._settle_seconds)
            unwritable = find_unwritable(sums)
            self._announce_unwritable(unwritable)
            self._announce("Reading the aggregator's rejects")
            receipts.add_stream_records(aggregator_rejects(self._stage))
            self._wait_for_invocations()
            find_totals(self._stage, sums, self._meter, self._in_time, consistent=True)
            self._announce("Setting the totals")
            self._is_writing = True
            for done in set_totals(self._stage, sums, receipts, unwritable):
                self._users_done = done
                self._progress("totals set", done, done)
            self._announce("Making sure that the stream held nothing back")
            self._refuse_late(stream, proved_at)
            self._announce("Resuming both mappings")
            waited_seconds = self._pause.waited_seconds()
            self.resume()
            if waited_seconds > self._longest_wait_seconds:
                self._announce(self._where_old_records_go())
            return self._result(counted, sums, unwritable, len(receipts), is_dry_run=False)

    def resume(self) -> None:
        self._pause.end()

    def leave(self) -> str:
        """Leave a state from which a later run can go on; a sentence that describes it."""
        if not self._is_writing:
            try:
                self.resume()
            except (OperationFailed, BotoCoreError, ClientError):
                return (
                    "No total was changed, but mappings may be paused: run this again, or enable "
                    "them."
                )
            return "No total was changed and both functions go on."
        return (
            f"Some {self._users_done:,} {words.PLAYERS} are done with, the others are as they "
            "were, and both mappings are paused, so that records wait in their streams. Run this "
            "again: it goes on from here and resumes them at its end."
        )

    def _refuse_slow_reading(self) -> None:
        """Raise OperationFailed where the read units allowed keep records waiting too long."""
        if self._meter.units_a_second is None:
            return
        table = self._stage.names.records_table
        found = self._stage.aws.client("dynamodb").describe_table(TableName=table)["Table"]
        seconds = found["TableSizeBytes"] / UNIT_BYTES / self._meter.units_a_second
        if seconds > SAFE_PART * self._longest_wait_seconds:
            raise OperationFailed(
                f"At {self._meter.units_a_second:,.0f} read units a second, reading {table} takes "
                f"{_duration(seconds)}, but records wait for {self._longest_wait} at most, then "
                "Lambda moves them to the rejects bucket. Raise --max-read-units."
            )

    def _warn_of_age(self) -> None:
        """Say so where records wait already, since an earlier run or somebody paused a mapping."""
        if not self._pause.was_begun_before:
            return
        since = f"{self._pause.waiting_since:%Y-%m-%d %H:%M:%S} UTC"
        self._announce(f"A mapping is paused since {since} or longer")
        self._announce(self._where_old_records_go())

    def _where_old_records_go(self) -> str:
        return (
            f"Records that waited for more than {self._longest_wait} go to the rejects bucket when "
            "the mappings are resumed: afterwards run `rejects redrive --prefix aws/lambda/`"
        )

    @property
    def _longest_wait(self) -> str:
        return _duration(self._longest_wait_seconds)

    def _in_time(self, counted: str, now: int, about: int) -> None:
        """Show the progress; raises OperationFailed where records have waited long enough."""
        self._progress(counted, now, about)
        limit_seconds = SAFE_PART * self._longest_wait_seconds
        if not self._pause.was_begun_before and self._pause.waited_seconds() > limit_seconds:
            raise OperationFailed(
                f"Reading takes too long: records have been waiting for {_duration(limit_seconds)} "
                f"and may wait for {self._longest_wait}. Raise --max-read-units, or the mappings' "
                "MaximumRecordAgeInSeconds."
            )

    def _announce_unwritable(self, unwritable: Mapping[str, str]) -> None:
        if not unwritable:
            return
        named = ", ".join(map(repr, islice(unwritable, FEW_USERS)))
        more = len(unwritable) - FEW_USERS
        others = f" and {more:,} more" if more > 0 else ""
        self._announce(f"No number holds the totals of {named}{others}; they stay as they are")

    def _scan_undisturbed(
        self, opened: ExitStack, stream: TableStream, receipts: KnownReceipts
    ) -> tuple[UserSums, RecordCount]:
        """The sums of one moment: no change reached the stream since their scan began."""
        for _ in range(MOST_SCANS):
            self._announce("Scanning the records")
            sums = opened.enter_context(UserSums())
            counted = expect_records(self._stage, sums, self._meter, self._in_time, consistent=True)
            self._announce("Making sure by the stream that nothing was written meanwhile")
            written = receipts.add_stream_records(stream.read_until_quiet(self._settle_seconds))
            if not written:
                return sums, counted
            self._announce(f"{written:,} changes were written meanwhile")
        raise _WrittenMeanwhile

    def _wait_for_invocations(self) -> None:
        """Wait until every invocation that began before the pause is over."""
        remaining = self._pause.seconds_left()
        if remaining > 0:
            self._announce(f"Waiting {remaining:.0f} seconds for invocations under way")
            time.sleep(remaining)

    def _refuse_late(self, stream: TableStream, proved_at: int) -> None:
        """Raise OperationFailed if a record appears now that was written before the proof."""
        for record in stream.read_until_quiet(self._settle_seconds):
            created = record["dynamodb"].get("ApproximateCreationDateTime", 0)
            if created < proved_at:
                raise OperationFailed(
                    "The stream showed a record much later than it was written, so it may be in "
                    "a total without its receipt."
                )

    def _result(
        self,
        counted: RecordCount,
        sums: UserSums,
        unwritable: Mapping[str, str],
        receipts: int,
        *,
        is_dry_run: bool,
    ) -> Rebuilt:
        users = changed_users = 0
        changed = []
        for each in sums.comparisons():
            users += 1
            if not each.is_exact and each.username not in unwritable:
                changed_users += 1
                if changed_users <= LISTED_USERS:
                    changed.append(each)
        return Rebuilt(
            is_dry_run=is_dry_run,
            records=counted.records,
            invalid_records=counted.invalid,
            users=users,
            changed_users=changed_users,
            changed=tuple(changed),
            unwritable=self._with_records(unwritable),
            receipts=receipts,
            read_units=self._meter.units,
            seconds=time.monotonic() - self._started,
        )

    def _with_records(self, unwritable: Mapping[str, str]) -> tuple[UnwritableTotal, ...]:
        """The totals that cannot be written with the records to correct; one more scan for them."""
        if not unwritable:
            return ()
        self._announce("Looking for the records to correct")
        parts = read_extremes(self._stage, unwritable.keys(), self._meter, self._progress)
        return tuple(
            UnwritableTotal(username, reason, parts.get(username, ()))
            for username, reason in sorted(unwritable.items())
        )


def _duration(seconds: float) -> str:
    """The time for a person: `12 hours`, `90 seconds`."""
    if seconds < 2 * 60:
        return f"{seconds:.0f} seconds"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.0f} hours"


def _refuse_time_to_live(stage: Stage) -> None:
    table = stage.names.records_table
    found = stage.aws.client("dynamodb").describe_time_to_live(TableName=table)
    if found["TimeToLiveDescription"].get("TimeToLiveStatus") in ("ENABLED", "ENABLING"):
        raise OperationFailed(
            f"Records in {table} expire, and a total keeps the {words.SCORE.lower()} of expired "
            "ones: they are no longer there to sum. --without-expired sets totals to the sum of "
            "what is there."
        )

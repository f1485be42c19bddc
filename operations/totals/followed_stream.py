"""The table's stream, followed for an audit: what it shows goes into the book.

DynamoDB does not tell when its stream is read to the end. So a moment counts as shown when every
shard has shown something younger, or nothing more within the settle time. What is shown later all
the same makes the settle time longer, and its users are `late`: to be looked at again.
"""

import time
from collections.abc import Iterator, Set
from math import ceil

from operations.aws.errors import OperationFailed
from operations.aws.progress import Announce, Progress
from operations.aws.stage import Stage
from operations.aws.table_stream import Moment, ShardRecord, TableStream
from operations.totals.book import AuditBook

POLL_SECONDS = 0.5


class StreamForgot(OperationFailed):
    """The table's stream forgot records before they were read, so the audit has a gap."""


class FollowedStream:
    """Reads on whenever it is asked to; raises StreamForgot where something is gone."""

    def __init__(
        self,
        stage: Stage,
        book: AuditBook,
        progress: Progress,
        announce: Announce,
        settle_seconds: float,
    ) -> None:
        arn = stage.names.records_stream_arn
        self._stream = TableStream(stage.aws.client("dynamodbstreams"), arn, "TRIM_HORIZON")
        self._book = book
        self._progress = progress
        self._announce = announce
        self._settle_seconds = settle_seconds
        self._shown_to = Moment(0, 0.0)
        self._orphans: set[bytes] = set()
        self.late: set[str] = set()

    def catch_up(self, moment: Moment) -> None:
        """Read what there is, up to that moment or about."""
        self._take(self._stream.read_past(moment, settle_seconds=0))

    def read_past(self, moment: Moment) -> None:
        """Read until everything is shown that was written up to that moment."""
        self._read_past(moment, awaited=None)

    def wait_for(self, receipts: Set[bytes], moment: Moment) -> None:
        """Read until the changes of these receipts are shown, which were counted at that moment.

        What is not shown then has no record in the stream, and is not waited for again.
        """
        if awaited := set(receipts - self._orphans):
            self._read_past(moment, awaited)
            self._orphans |= awaited

    def settle(self, since: float) -> None:
        """Read on until the settle time has passed since then, by this machine's clock."""
        while (left := since + self._settle_seconds - time.monotonic()) > 0:
            self._tell_wait(self._settle_seconds - left)
            if not self._take(self._stream.read_with_shards()):
                time.sleep(min(left, POLL_SECONDS))
        self._tell_wait(self._settle_seconds)

    def _read_past(self, moment: Moment, awaited: set[bytes] | None) -> None:
        def is_enough() -> bool:
            self._tell_wait(time.monotonic() - moment.monotonic)
            return awaited is not None and not awaited

        self._take(self._stream.read_past(moment, self._settle_seconds, is_enough), awaited)
        self._tell_wait(self._settle_seconds)
        if awaited is None or awaited:
            self._shown_to = moment

    def _take(self, found: Iterator[ShardRecord], awaited: set[bytes] | None = None) -> int:
        """Put the records into the book; how many there were."""
        count = 0
        for shard, record in found:
            count += 1
            changes = self._book.add_stream_record(shard, record)
            if awaited:
                awaited.difference_update(each.receipt for each in changes)
            created = record["dynamodb"].get("ApproximateCreationDateTime", 0)
            if 0 < created <= self._shown_to.aws_seconds:
                self.late.update(each.username for each in changes)
                self._wait_longer(created)
        if self._stream.has_gap:
            raise StreamForgot(
                "The table's stream forgot records before they were read: run this again."
            )
        return count

    def _wait_longer(self, created: float) -> None:
        """Something that was written in that second was not shown within the settle time."""
        shown_seconds, shown_at = self._shown_to
        late_seconds = time.monotonic() - shown_at + shown_seconds - (created + 1)
        if late_seconds > self._settle_seconds:
            self._announce(f"The stream shows what was written {late_seconds:.0f} seconds ago")
            self._settle_seconds = late_seconds

    def _tell_wait(self, waited_seconds: float) -> None:
        """Count the seconds that are waited for the stream."""
        all_seconds = ceil(self._settle_seconds)
        self._progress("seconds", min(all_seconds, ceil(waited_seconds)), all_seconds)

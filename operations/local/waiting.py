"""Waits until the pipeline has done what was asked, or does nothing any more."""

import time
from collections.abc import Callable

from operations.progress import Progress
from operations.rejects.objects import RejectsObject, read_rejects
from operations.stage.stage import Stage
from operations.tables.scan import count_items, count_receipts, read_totals

POLL_SECONDS = 0.3
STILL_SECONDS = 1.5
STUCK_SECONDS = 60


class Waiting:
    """Waits for the pipeline and reports progress."""

    def __init__(self, stage: Stage, progress: Progress) -> None:
        self._dynamodb = stage.aws.client("dynamodb")
        self._names = stage.names
        self._progress = progress

    def until_stored(self, records: int) -> None:
        """Wait until the table holds this many records."""
        table = self._names.records_table
        self._until("stored", records, lambda: count_items(self._dynamodb, table))

    def until_aggregated(self, changes: int) -> None:
        """Wait until this many changes are counted and the totals have stopped moving."""
        tables = (self._names.totals_table, self._names.receipts_table)
        self._until("aggregated", changes, lambda: count_receipts(self._dynamodb, *tables))
        before = None
        while (totals := read_totals(self._dynamodb, self._names.totals_table)) != before:
            before = totals
            time.sleep(STILL_SECONDS)

    def _until(self, name: str, goal: int, measure: Callable[[], int]) -> None:
        moved_at, before = time.monotonic(), -1
        while (now := measure()) < goal:
            self._progress(name, now, goal)
            if now != before:
                moved_at, before = time.monotonic(), now
            elif time.monotonic() - moved_at > STUCK_SECONDS:
                return  # the comparison that follows tells what is missing
            time.sleep(POLL_SECONDS)
        self._progress(name, now, goal)


def await_rejects(stage: Stage, expected: int) -> tuple[RejectsObject, ...]:
    """The objects in the rejects bucket; waits a while until they hold all expected records."""
    deadline = time.monotonic() + STUCK_SECONDS
    while True:
        rejects = tuple(read_rejects(stage.aws.client("s3"), stage.names.rejects_bucket))
        records = sum(len(each.rejects) for each in rejects)
        if records >= expected or time.monotonic() > deadline:
            return rejects
        time.sleep(POLL_SECONDS)

"""Waits until the pipeline has done what was asked, or does nothing any more."""

import time
from collections.abc import Callable

from operations.aws.progress import Progress
from operations.aws.stage import Stage
from operations.aws.tables import count_items, count_receipts, read_totals
from operations.rejects.objects import RejectsObject, read_rejects

POLL_SECONDS = 0.1
LOOKING_AT_MOST = 0.2
"""The share of the time that goes into looking: the embedded AWS has to work for it, too."""

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
            time.sleep(POLL_SECONDS)

    def _until(self, name: str, goal: int, measure: Callable[[], int]) -> None:
        moved_at, before = time.monotonic(), -1
        while True:
            looked_at = time.monotonic()
            now = measure()
            self._progress(name, min(now, goal), goal)
            if now >= goal:
                return
            if now != before:
                moved_at, before = time.monotonic(), now
            elif time.monotonic() - moved_at > STUCK_SECONDS:
                return  # the comparison that follows tells what is missing
            _pause(looked_at)


def await_rejects(stage: Stage, expected: int) -> tuple[RejectsObject, ...]:
    """The objects in the rejects bucket; waits a while until they hold all expected records."""
    deadline = time.monotonic() + STUCK_SECONDS
    while True:
        looked_at = time.monotonic()
        rejects = tuple(read_rejects(stage.aws.client("s3"), stage.names.rejects_bucket))
        records = sum(len(each.rejects) for each in rejects)
        if records >= expected or time.monotonic() > deadline:
            return rejects
        _pause(looked_at)


def _pause(looked_at: float) -> None:
    """Sleep for a moment; for longer where looking took long, as on a busy machine."""
    took = time.monotonic() - looked_at
    time.sleep(max(POLL_SECONDS, took * (1 / LOOKING_AT_MOST - 1)))

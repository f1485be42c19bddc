"""Logs as JSON lines and metrics in CloudWatch's embedded metric format, by Powertools.

Metrics are emitted when a batch is done with, so a redelivered batch is counted in them again:
they show what goes on, they are no ledger.
"""

import os
from collections.abc import Iterable, Mapping, Sequence

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from chalicelib.payloads import KinesisBatch
from chalicelib.records import Insertions
from chalicelib.scores import EventRecord, Reject
from chalicelib.stream_records import StreamBatch
from chalicelib.totals import Additions

NAMESPACE = "GameScores"
SERVICE = "game-scores"

logger = Logger(
    service=SERVICE,
    level=os.environ.get("LOG_LEVEL", "INFO"),
    location=None,
    xray_trace_id=None,
)
"""Without the line of this file that wrote and a trace's id, which stand for nothing here: with a
line a record, these two would be a third of what logs cost."""

_metrics = Metrics(namespace=NAMESPACE, service=SERVICE)


def log_payloads(payloads: Iterable[str]) -> None:
    """A line for each payload, as the lab's function wrote it."""
    for payload in payloads:
        logger.info("Decoded payload: %s", payload)


def log_rejects(rejects: Sequence[Reject], batch: Sequence[EventRecord]) -> None:
    """A warning for each reject, an error with the traceback for one that nobody foresaw."""
    for reject in rejects:
        record = batch[reject.position]
        event_id = record.get("eventID") if isinstance(record, Mapping) else None
        write = logger.error if reject.traceback else logger.warning
        extra = {"event_id": event_id, "reason": reject.reason}
        if reject.traceback:
            extra["traceback"] = reject.traceback
        write("Rejected record: %s", reject.reason, extra=extra)


def report_ingestion(batch: KinesisBatch, insertions: Insertions, rejected: int) -> None:
    """The metrics of a batch that ProcessKinesisRecords is done with.

    All count user records, so that received ones are the stored, ignored and rejected together; a
    Kinesis record that could not be unpacked counts as one.
    """
    _emit(
        RecordsReceived=len(batch.records) + len(batch.rejects) + batch.ignored,
        RecordsStored=insertions.stored,
        RecordsAlreadyStored=insertions.already_stored,
        RecordsIgnored=batch.ignored,
        RecordsRejected=rejected,
    )


def report_aggregation(
    received: int, batch: StreamBatch, additions: Additions, rejected: int
) -> None:
    """The metrics of a batch that AggregateScoresByUser is done with."""
    _emit(
        RecordsReceived=received,
        RecordsIgnored=batch.ignored,
        RecordsRejected=rejected,
        RecordsAlreadyCounted=additions.already_counted,
        UsersUpdated=additions.users_updated,
        ArchiveMoves=additions.archive_moves,
        RoundsRepeated=additions.rounds_repeated,
    )


def _emit(**counts: int) -> None:
    function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "local")
    _metrics.add_dimension(name="FunctionName", value=function_name)
    for name, count in counts.items():
        _metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
    _metrics.flush_metrics()

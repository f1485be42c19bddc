"""The demo: play the lab, send scores through the pipeline, compare every total with the tally."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from chalicelib import words
from operations.aws.invoke import invoke
from operations.aws.progress import Progress
from operations.aws.stage import AGGREGATOR, FUNCTIONS, INGESTION, Stage
from operations.aws.tables import count_items, read_totals
from operations.local.plan import Plan
from operations.local.waiting import Waiting, await_rejects
from operations.rejects.objects import RejectsObject
from operations.scores.generate import Tally
from operations.scores.insert import insert_record, parse_record
from operations.scores.send import send_payloads
from operations.watch.logs import LogLine, read_logs

LAB = Path(__file__).with_name("lab")
LAB_EVENTS = (
    (INGESTION, "kinesis-test-event.json"),
    (AGGREGATOR, "dynamodb-test-event.json"),
)
LAB_RECORDS = 1
LAB_PLAYERS = LAB_CHANGES = 2
"""What the lab leaves: John's record; his total and Jane Doe's, by a change each."""


@dataclass(frozen=True)
class DemoResult:
    """What came out of the demo."""

    totals: dict[str, Decimal]
    differences: dict[str, tuple[Decimal, Decimal]]
    rejects: tuple[RejectsObject, ...]
    expected_rejects: int
    log_lines: dict[str, tuple[LogLine, ...]]

    @property
    def is_exact(self) -> bool:
        """Whether every total is as it should be and every malformed record is in the bucket."""
        return not self.differences and self.rejected_records == self.expected_rejects

    @property
    def rejected_records(self) -> int:
        return sum(len(each.rejects) for each in self.rejects)


def play_lab(stage: Stage, tally: Tally) -> list[str]:
    """Send the lab's two test events and insert John's record; the functions' answers."""
    answers = [
        str(json.loads(invoke(stage, function, (LAB / event).read_bytes())))
        for function, event in LAB_EVENTS
    ]
    tally.add("Jane Doe", Decimal(100))
    _insert(stage, (LAB / "record-to-insert.json").read_text())
    tally.add("John", Decimal(20))
    return answers


def run_demo(stage: Stage, tally: Tally, progress: Progress, plan: Plan) -> DemoResult:
    """Send, correct and delete scores; the result once the pipeline has come to rest.

    `tally` holds what was counted before, by one record each.
    """
    counted_before = len(tally.totals)
    items_before = count_items(stage.aws.client("dynamodb"), stage.names.records_table)
    waiting = Waiting(stage, progress)
    send_scores(stage, plan, progress)
    for score in plan.scores:
        tally.add(score.username, score.score)
    waiting.until_stored(items_before + len(plan.scores))
    correct_and_delete(stage, plan, tally)
    waiting.until_aggregated(counted_before + plan.changes)
    rejects = await_rejects(stage, expected=plan.rejects)
    totals = read_totals(stage.aws.client("dynamodb"), stage.names.totals_table)
    return DemoResult(
        totals=totals,
        differences=tally.differences(totals),
        rejects=rejects,
        expected_rejects=plan.rejects,
        log_lines={function: read_log(stage, function) for function in FUNCTIONS},
    )


def send_scores(stage: Stage, plan: Plan, progress: Progress) -> None:
    """Send what the plan tells to send, what is sent again in another packing."""
    sent = 0

    def on_sent(count: int) -> None:
        nonlocal sent
        sent += count
        progress("sent", sent, plan.to_send)

    kinesis, stream = stage.aws.client("kinesis"), stage.names.stream
    send_payloads(kinesis, stream, plan.aggregated, on_sent, aggregate=True)
    send_payloads(kinesis, stream, plan.singles, on_sent)
    send_payloads(kinesis, stream, plan.again, on_sent, aggregate=True)
    send_payloads(kinesis, stream, [plan.conflicting.payload], on_sent)


def correct_and_delete(stage: Stage, plan: Plan, tally: Tally) -> None:
    """Correct some records, give some to another player, delete some."""
    for before, after in plan.corrections:
        _insert(stage, after.payload.decode())
        tally.add(before.username, -before.score)
        tally.add(after.username, after.score)
    for deleted in plan.deletions:
        stage.aws.client("dynamodb").delete_item(
            TableName=stage.names.records_table,
            Key={words.RECORD_ID: {"N": str(deleted.record_id)}},
        )
        tally.add(deleted.username, -deleted.score)


def _insert(stage: Stage, payload: str) -> None:
    """Put a record straight into the table, as a person at a console does."""
    dynamodb, table = stage.aws.client("dynamodb"), stage.names.records_table
    insert_record(dynamodb, table, parse_record(payload), replace=True)


def read_log(stage: Stage, function: str) -> tuple[LogLine, ...]:
    """A function's log lines, oldest first, without Lambda's own."""
    lines = read_logs(stage, [function], since=datetime.fromtimestamp(0, UTC))
    return tuple(line for line in lines if line.fields is not None)

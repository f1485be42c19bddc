"""The demo: play the lab, send scores through the pipeline, compare every total with the truth."""

import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from operations.errors import OperationFailed
from operations.progress import Progress
from operations.rejects.objects import RejectsObject, read_rejects
from operations.scores.generate import GeneratedScore, Truth, generate_scores, malformed_payloads
from operations.scores.send import send_payloads
from operations.stage.stage import Stage
from operations.tables.scan import count_items, count_receipts, read_totals
from operations.watch.logs import LogLine, read_logs

LAB = Path(__file__).with_name("lab")
TEXTS = (b"Hello, this is a test 123.", b"[1, 2, 3]", b"\xff\xfe not text")

AGGREGATED_ONE_IN = 3
SENT_TWICE_ONE_IN = 20
MALFORMED_ONE_IN = 50
CORRECTED_ONE_IN = 25
DELETED_ONE_IN = 50
POLL_SECONDS = 0.3
STILL_SECONDS = 1.5
STUCK_SECONDS = 60


@dataclass(frozen=True)
class DemoResult:
    """All that the demo found out."""

    totals: dict[str, Decimal]
    differences: dict[str, tuple[Decimal, Decimal]]
    rejects: tuple[RejectsObject, ...]
    expected_rejects: int
    log_lines: dict[str, tuple[LogLine, ...]]

    @property
    def is_exact(self) -> bool:
        """Whether every total is the truth and every malformed record is in the bucket."""
        return not self.differences and self.rejected_records == self.expected_rejects

    @property
    def rejected_records(self) -> int:
        """How many records stand in the bucket."""
        return sum(len(each.rejects) for each in self.rejects)


def play_lab(stage: Stage, truth: Truth) -> tuple[str, str]:
    """What the two functions answer to the lab's test events; John's record is inserted, too."""
    answers = (
        _invoke(stage, "ProcessKinesisRecords", "kinesis-test-event.json"),
        _invoke(stage, "AggregateScoresByUser", "dynamodb-test-event.json"),
    )
    truth.add("Jane Doe", Decimal(100))
    john = json.loads((LAB / "record-to-insert.json").read_text())
    insert_record(stage, john["RecordID"], john["Username"], john["Score"])
    truth.add("John", Decimal(20))
    return answers


def run_demo(
    stage: Stage, truth: Truth, progress: Progress, *, records: int, users: int, seed: int
) -> DemoResult:
    """Send, correct and delete scores; what the pipeline made of them, when it came to rest.

    `truth` holds what was counted before, by one record each.
    """
    chance = random.Random(seed)
    scores = list(generate_scores(records, users, chance))
    twice = scores[::SENT_TWICE_ONE_IN]
    malformed = malformed_payloads(records // MALFORMED_ONE_IN, chance)
    conflicting = GeneratedScore(scores[0].record_id, "impostor", Decimal(1))
    counted_before = len(truth.totals)
    items_before = count_items(stage.aws.client("dynamodb"), stage.names.records_table)

    aggregated = [score.payload for score in scores[::AGGREGATED_ONE_IN]]
    singles = [s.payload for i, s in enumerate(scores) if i % AGGREGATED_ONE_IN]
    singles += malformed + list(TEXTS)
    chance.shuffle(singles)
    again = [score.payload for score in twice]
    last = [conflicting.payload]
    sent, to_send = 0, len(aggregated) + len(singles) + len(again) + len(last)

    def on_sent(count: int) -> None:
        nonlocal sent
        sent += count
        progress("sent", sent, to_send)

    stream = stage.names.stream
    send_payloads(stage.aws.client("kinesis"), stream, aggregated, on_sent, aggregate=True)
    send_payloads(stage.aws.client("kinesis"), stream, singles, on_sent)
    send_payloads(
        stage.aws.client("kinesis"), stream, again, on_sent, aggregate=True
    )  # packed otherwise
    send_payloads(stage.aws.client("kinesis"), stream, last, on_sent)
    for score in scores:
        truth.add(score.username, score.score)
    watch = Watch(stage, progress)
    watch.until_stored(items_before + len(scores))
    changes = correct_and_delete(stage, scores, truth)
    watch.until_aggregated(counted_before + len(scores) + changes)
    rejects = await_rejects(stage, expected=len(malformed) + 1)
    totals = read_totals(stage.aws.client("dynamodb"), stage.names.totals_table)
    return DemoResult(
        totals=totals,
        differences=truth.differences(totals),
        rejects=rejects,
        expected_rejects=len(malformed) + 1,
        log_lines={
            name: read_log(stage, name)
            for name in ("ProcessKinesisRecords", "AggregateScoresByUser")
        },
    )


def correct_and_delete(stage: Stage, scores: Sequence[GeneratedScore], truth: Truth) -> int:
    """Change some records' score, give some to another user, delete some: the changes to count.

    A record given to another user is two changes, one in each total.
    """
    changes = 0
    table = stage.names.records_table
    for index, score in enumerate(scores):
        if index % CORRECTED_ONE_IN == 1:
            corrected = score.score + 1
            username = "corrected player" if index % 2 else score.username
            insert_record(stage, score.record_id, username, corrected)
            truth.add(score.username, -score.score)
            truth.add(username, corrected)
            changes += 1 if username == score.username else 1 + bool(score.score)
        elif index % DELETED_ONE_IN == 2:
            stage.aws.client("dynamodb").delete_item(
                TableName=table, Key={"RecordID": {"N": str(score.record_id)}}
            )
            truth.add(score.username, -score.score)
            changes += bool(score.score)
    return changes


def insert_record(stage: Stage, record_id: int, username: str, score: Decimal | int) -> None:
    """Put a record straight into the table, as a person at a console does."""
    stage.aws.client("dynamodb").put_item(
        TableName=stage.names.records_table,
        Item={
            "RecordID": {"N": str(record_id)},
            "Username": {"S": username},
            "Score": {"N": str(score)},
        },
    )


class Watch:
    """Follows the pipeline until it has done what was asked, or does nothing any more."""

    def __init__(self, stage: Stage, progress: Progress) -> None:
        self._stage = stage
        self._progress = progress

    def until_stored(self, records: int) -> None:
        """Wait until so many records stand in the table."""
        table = self._stage.names.records_table
        self._until(
            "stored", records, lambda: count_items(self._stage.aws.client("dynamodb"), table)
        )

    def until_aggregated(self, changes: int) -> None:
        """Wait until so many changes are counted and the totals have stopped moving."""
        tables = (self._stage.names.totals_table, self._stage.names.receipts_table)
        self._until(
            "aggregated",
            changes,
            lambda: count_receipts(self._stage.aws.client("dynamodb"), *tables),
        )
        before = None
        while (totals := read_totals(self._stage.aws.client("dynamodb"), tables[0])) != before:
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
    """The objects in the rejects bucket; waits a while for as many records as expected."""
    deadline = time.monotonic() + STUCK_SECONDS
    while True:
        rejects = tuple(read_rejects(stage.aws.client("s3"), stage.names.rejects_bucket))
        records = sum(len(each.rejects) for each in rejects)
        if records >= expected or time.monotonic() > deadline:
            return rejects
        time.sleep(POLL_SECONDS)


def read_log(stage: Stage, handler: str) -> tuple[LogLine, ...]:
    """The lines that a function has logged, oldest first, without Lambda's own."""
    lines = read_logs(stage, [handler], since=datetime.fromtimestamp(0, UTC))
    return tuple(line for line in lines if line.fields is not None)


def _invoke(stage: Stage, handler: str, event_file: str) -> str:
    response = stage.aws.client("lambda").invoke(
        FunctionName=stage.function_name(handler), Payload=(LAB / event_file).read_bytes()
    )
    answer = response["Payload"].read().decode()
    if "FunctionError" in response:
        raise OperationFailed(f"{handler} failed on the lab's {event_file}: {answer}")
    return str(json.loads(answer))

"""The demo: play the lab, send scores through the pipeline, compare every total with the tally."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from operations.local.waiting import Waiting, await_rejects
from operations.progress import Progress
from operations.rejects.objects import RejectsObject
from operations.scores.generate import GeneratedScore, Tally, generate_scores, malformed_payloads
from operations.scores.insert import insert_record, parse_record
from operations.scores.send import send_payloads
from operations.stage.invoke import invoke
from operations.stage.stage import AGGREGATOR, FUNCTIONS, INGESTION, Stage
from operations.tables.scan import count_items, read_totals
from operations.watch.logs import LogLine, read_logs

LAB = Path(__file__).with_name("lab")
LAB_EVENTS = (
    (INGESTION, "kinesis-test-event.json"),
    (AGGREGATOR, "dynamodb-test-event.json"),
)
TEXTS = (b"Hello, this is a test 123.", b"[1, 2, 3]", b"\xff\xfe not text")

AGGREGATED_ONE_IN = 3
SENT_TWICE_ONE_IN = 20
MALFORMED_ONE_IN = 50
CORRECTED_ONE_IN = 25
DELETED_ONE_IN = 50


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


def run_demo(
    stage: Stage, tally: Tally, progress: Progress, *, records: int, users: int, seed: int
) -> DemoResult:
    """Send, correct and delete scores; the result once the pipeline has come to rest.

    `tally` holds what was counted before, by one record each.
    """
    chance = random.Random(seed)
    scores = list(generate_scores(records, users, chance))
    twice = scores[::SENT_TWICE_ONE_IN]
    malformed = malformed_payloads(records // MALFORMED_ONE_IN, chance)
    conflicting = GeneratedScore(scores[0].record_id, "impostor", Decimal(1))
    counted_before = len(tally.totals)
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

    kinesis, stream = stage.aws.client("kinesis"), stage.names.stream
    send_payloads(kinesis, stream, aggregated, on_sent, aggregate=True)
    send_payloads(kinesis, stream, singles, on_sent)
    send_payloads(kinesis, stream, again, on_sent, aggregate=True)  # packed otherwise
    send_payloads(kinesis, stream, last, on_sent)
    for score in scores:
        tally.add(score.username, score.score)
    waiting = Waiting(stage, progress)
    waiting.until_stored(items_before + len(scores))
    changes = correct_and_delete(stage, scores, tally)
    waiting.until_aggregated(counted_before + len(scores) + changes)
    rejects = await_rejects(stage, expected=len(malformed) + 1)
    totals = read_totals(stage.aws.client("dynamodb"), stage.names.totals_table)
    return DemoResult(
        totals=totals,
        differences=tally.differences(totals),
        rejects=rejects,
        expected_rejects=len(malformed) + 1,
        log_lines={function: read_log(stage, function) for function in FUNCTIONS},
    )


def correct_and_delete(stage: Stage, scores: Sequence[GeneratedScore], tally: Tally) -> int:
    """Correct some records, give some to another user, delete some; the number of changes.

    A record given to another user is two changes, one in each total.
    """
    changes = 0
    table = stage.names.records_table
    for index, score in enumerate(scores):
        if index % CORRECTED_ONE_IN == 1:
            corrected = score.score + 1
            username = "corrected player" if index % 2 else score.username
            _insert(stage, GeneratedScore(score.record_id, username, corrected).payload.decode())
            tally.add(score.username, -score.score)
            tally.add(username, corrected)
            changes += 1 if username == score.username else 1 + bool(score.score)
        elif index % DELETED_ONE_IN == 2:
            stage.aws.client("dynamodb").delete_item(
                TableName=table, Key={"RecordID": {"N": str(score.record_id)}}
            )
            tally.add(score.username, -score.score)
            changes += bool(score.score)
    return changes


def _insert(stage: Stage, payload: str) -> None:
    """Put a record straight into the table, as a person at a console does."""
    dynamodb, table = stage.aws.client("dynamodb"), stage.names.records_table
    insert_record(dynamodb, table, parse_record(payload), replace=True)


def read_log(stage: Stage, function: str) -> tuple[LogLine, ...]:
    """A function's log lines, oldest first, without Lambda's own."""
    lines = read_logs(stage, [function], since=datetime.fromtimestamp(0, UTC))
    return tuple(line for line in lines if line.fields is not None)

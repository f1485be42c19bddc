"""End to end: from a put on the Kinesis stream to the total, deployed on the embedded AWS.

The embedded AWS shares this machine's cores with the functions and with the sender, so these
figures tell how the whole behaves, not what AWS does.
"""

import dataclasses
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from unittest import mock

from benchmarks.measuring import Announce
from benchmarks.report import Column, Report
from benchmarks.results import Row
from operations.aws.stage import Stage
from operations.aws.tables import count_items, count_receipts
from operations.deploy.steps import LOCAL_PARAMETERS
from operations.local.pipeline import deploy_locally
from operations.local.server import EmbeddedAws, embedded_aws
from operations.scores.generate import generate_scores
from operations.scores.send import send_payloads

USERS = 200
RUNS = {2: (1_000, 5_000, 20_000), 1: (5_000,), 4: (5_000,)}
"""How many records are sent one after another, by the stream's shards."""

QUICK_RUNS = {1: (200,)}
POLL_SECONDS = 0.5
LONGEST_SECONDS = 240
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class CpuSeconds:
    """CPU time so far: of the embedded AWS itself, of the functions' workers, of this process."""

    services: float
    functions: float
    sender: float


def measure(*, quick: bool, announce: Announce) -> list[Row]:
    """A row a run; each deployment begins with its smallest."""
    rows: list[Row] = []
    for shards, sizes in (QUICK_RUNS if quick else RUNS).items():
        announce(f"end to end: deploying with {shards} shards")
        with (
            mock.patch.dict(LOCAL_PARAMETERS, {"ShardCount": str(shards)}),
            embedded_aws() as aws,
        ):
            stage = deploy_locally(aws, lambda step: announce(f"end to end: {step}"))
            first_id = count(1, 1_000_000)
            before = 0
            for records in sizes:
                announce(f"end to end: {records:,} records, {shards} shards")
                rows.append(
                    {
                        "shards": shards,
                        "records": records,
                        **_run(aws, stage, records, next(first_id), before),
                    }
                )
                before += records
    return rows


def _run(aws: EmbeddedAws, stage: Stage, records: int, first_id: int, before: int) -> Row:
    scores = [
        dataclasses.replace(score, record_id=first_id + index)
        for index, score in enumerate(generate_scores(records, USERS, random.Random(first_id)))
    ]
    payloads = [score.payload for score in scores]
    tables = (stage.names.totals_table, stage.names.receipts_table)
    records_table = stage.names.records_table
    started, cpu = time.monotonic(), _cpu_seconds(aws.folder)
    send_payloads(stage.aws.client("kinesis"), stage.names.stream, payloads)
    sent = time.monotonic() - started
    goal = before + records
    stored = _wait(lambda: count_items(stage.aws.client("dynamodb"), records_table), goal, started)
    totalled = _wait(lambda: count_receipts(stage.aws.client("dynamodb"), *tables), goal, started)
    after = _cpu_seconds(aws.folder)
    return {
        "sent_seconds": sent,
        "stored_seconds": stored,
        "totalled_seconds": totalled,
        "stored_per_second": records / stored,
        "totalled_per_second": records / totalled,
        "services_cpu_seconds": after.services - cpu.services,
        "functions_cpu_seconds": after.functions - cpu.functions,
        "sender_cpu_seconds": after.sender - cpu.sender,
    }


def _wait(measure_now: Callable[[], int], goal: int, started: float) -> float:
    """How many seconds after the start the goal was first seen reached."""
    while measure_now() < goal:
        if time.monotonic() - started > LONGEST_SECONDS:
            raise TimeoutError(
                f"Only {measure_now():,} of {goal:,} came through in {LONGEST_SECONDS} seconds: "
                "the machine is busy with something else, try again."
            )
        time.sleep(POLL_SECONDS)
    return time.monotonic() - started


def _cpu_seconds(folder: Path) -> CpuSeconds:
    """CPU time of the processes that run in the embedded AWS's folder; zero where no /proc is."""
    services = functions = 0.0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() not in (process / "environ").read_bytes():
                continue
            command = (process / "cmdline").read_bytes()
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile, or is another user's
            continue
        seconds = (int(fields[11]) + int(fields[12])) / CLOCK_TICKS
        if b"bin/ministack" in command:
            services += seconds
        else:
            functions += seconds
    return CpuSeconds(services, functions, time.process_time())


REPORT = Report(
    "End to end on the embedded AWS",
    (
        Column("shards", "Shards", "d"),
        Column("records", "Records", ","),
        Column("sent_seconds", "Sent", ".1f", " s"),
        Column("stored_seconds", "Stored", ".1f", " s"),
        Column("totalled_seconds", "In totals", ".1f", " s"),
        Column("stored_per_second", "Stored/s", ",.0f"),
        Column("totalled_per_second", "In totals/s", ",.0f"),
        Column("services_cpu_seconds", "CPU: services", ".1f", " s"),
        Column("functions_cpu_seconds", "functions", ".1f", " s"),
        Column("sender_cpu_seconds", "sender", ".1f", " s"),
    ),
    ("shards",),
)

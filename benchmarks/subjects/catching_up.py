"""Catching up: how fast a backlog is worked off, where each request takes 4 milliseconds.

One shard's consumers are processes of their own, as execution environments are: as many as the
ParallelizationFactor allows batches at a time. Each has its batches ready and takes one after the
other. The machine's cores are shared by them and by the service.
"""

import itertools
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median
from typing import NamedTuple

import app
from benchmarks.contenders import TOTALS_TABLE, contenders, rival_session
from benchmarks.events import Event, Players, kinesis_events, stream_events
from benchmarks.looks import OURS
from benchmarks.measuring import CONTEXT, Announce, silent
from benchmarks.report import Column, Report
from benchmarks.results import Row
from benchmarks.rivals import AGGREGATORS, INGESTERS
from benchmarks.seeds import STEADY_USER
from dynamodb_model.server import DynamoDBServer, dynamodb_server

LATENCY_MS = 4
PAYLOAD_BYTES = 200
CONTENDERS = ("lab", "powertools-batch", OURS)
PLAYERS: Mapping[str, Players] = {
    "adding, each user new": Players(None),
    "adding, 20 users": Players(20),
}
STORING = "storing"
SETTINGS = ((100, 1, 3), (100, 2, 3), (1000, 1, 2))
"""Batch size, ParallelizationFactor, and how many runs."""

RECORDS_APART = 10_000_000


class Shard(NamedTuple):
    """What its consumers do, and how it is handed to them."""

    work: str
    batch: int
    parallelization: int


def measure(*, quick: bool, announce: Announce) -> list[Row]:
    rows: list[Row] = []
    numbers = itertools.count(1)
    settings = ((20, 1, 1),) if quick else SETTINGS
    with dynamodb_server() as server, ProcessPoolExecutor(2, get_context("spawn")) as consumers:
        server.set_latency(LATENCY_MS)
        for work, (batch, parallel, runs) in itertools.product((*PLAYERS, STORING), settings):
            shard = Shard(work, batch, parallel)
            announce(f"catching up: {work}, batches of {batch:,}, {parallel} at a time")
            rates: dict[str, list[float]] = {name: [] for name in CONTENDERS}
            for run in range(runs):
                for name in CONTENDERS[:: 1 if run % 2 else -1]:
                    server.reset()
                    server.seed(TOTALS_TABLE, STEADY_USER)
                    rates[name].append(_rate(server, consumers, numbers, shard, name))
            rows += _rows(shard, rates)
    return rows


def _rate(
    server: DynamoDBServer,
    consumers: ProcessPoolExecutor,
    numbers: Iterator[int],
    shard: Shard,
    contender: str,
) -> float:
    """Records a second that the consumers work off together."""
    runs = [
        consumers.submit(_consume, server.endpoint_url, shard, contender, next(numbers))
        for _ in range(shard.parallelization)
    ]
    return sum(run.result() for run in runs)


def _consume(endpoint_url: str, shard: Shard, contender: str, number: int) -> float:
    """One consumer's records a second, after a small batch that makes its connections."""
    work, batch, _ = shard
    ours, rivals = (
        (app.process_kinesis_records, INGESTERS)
        if work == STORING
        else (app.aggregate_scores_by_user, AGGREGATORS)
    )
    batches = max(1, (2000 if contender == OURS else 100) // batch)
    with silent(), contenders(ours, rivals, endpoint_url, rival_session()) as handlers:
        handler = handlers[contender]
        handler(next(_events(work, 20, 2 * number)), CONTEXT)
        events = list(itertools.islice(_events(work, batch, 2 * number + 1), batches))
        started = time.perf_counter()
        for event in events:
            handler(event, CONTEXT)
        return batch * batches / (time.perf_counter() - started)


def _events(work: str, batch: int, number: int) -> Iterator[Event]:
    if work == STORING:
        return kinesis_events("scores", PAYLOAD_BYTES, batch, number * RECORDS_APART)
    players = PLAYERS[work]
    return stream_events(players, batch, f"{'fresh' if players.users is None else 'of'}-{number}")


def _rows(shard: Shard, rates: Mapping[str, list[float]]) -> list[Row]:
    lab = median(rates["lab"])
    return [
        {
            **shard._asdict(),
            "contender": name,
            "times_the_labs_rate": median(each) / lab,
            "records_per_second": median(each),
            "slowest_run": min(each),
            "fastest_run": max(each),
        }
        for name, each in rates.items()
    ]


REPORT = Report(
    "Catching up at 4 ms a request",
    (
        Column("work", "Work"),
        Column("batch", "Batch", ",d"),
        Column("parallelization", "at a time", "d"),
        Column("contender", ""),
        Column("times_the_labs_rate", "Times the lab's rate", ".1f"),
        Column("records_per_second", "Records/s", ",.0f"),
        Column("slowest_run", "slowest run", ",.0f"),
        Column("fastest_run", "fastest", ",.0f"),
    ),
    ("work", "batch", "parallelization"),
)

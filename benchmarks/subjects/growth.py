"""Growth: what a record costs as users, batches, the archive and a hot user's share grow.

Measured in process, without any network: the CPU time holds botocore's work on each request but
not its HTTP client's, and the tables' own is taken off.
"""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import app
from benchmarks.contenders import TOTALS_TABLE, our_environment
from benchmarks.events import START_SECONDS, Event, Players, insertion, stream_events
from benchmarks.measuring import CONTEXT, Announce, silent
from benchmarks.report import Column, Report
from benchmarks.results import Row
from benchmarks.seeds import archive_page, steady_user
from dynamodb_model.stub import NOWHERE, Stub, answer_in_process
from dynamodb_model.tables import Tables

RECEIPTS_TABLE = "GameScoreReceipts"
ANYBODY = Players(10_000)


@dataclass(frozen=True)
class Setting:
    """One point of one curve."""

    grows: str
    value: float
    batch: int = 100
    players: Players = ANYBODY
    pages: int = 0


def settings() -> Iterator[Setting]:
    """All points: one thing grows at a time."""
    for users in (10, 100, 1_000, 10_000, 100_000, 1_000_000):
        yield Setting("users", users, players=Players(users, scattered=True))
    for batch in (1, 10, 100, 1_000, 10_000):
        yield Setting("batch", batch, batch=batch, players=Players(1_000_000, by_zipf=True))
    for pages in (0, 1, 10, 100, 1_000):
        yield Setting("archive pages", pages, players=Players(100), pages=pages)
    for pages in (0, 1, 10, 100, 1_000):
        yield Setting("archive pages, late records", pages, batch=10, pages=pages)
    for percent in (0, 1, 10, 50, 90, 100):
        players = Players(10_000, hot=percent / 100, scattered=True)
        yield Setting("hot user's percent", percent, players=players)


def measure(*, quick: bool, announce: Announce) -> list[Row]:
    rows: list[Row] = []
    with silent():
        for setting in itertools.islice(settings(), 3 if quick else None):
            announce(f"growth: {setting.value:,} {setting.grows}")
            rows.append(_measure_point(setting, records=200 if quick else 2_500))
    return rows


def _measure_point(setting: Setting, records: int) -> Row:
    late = setting.grows.endswith("late records")
    batches = 3 if late else max(3, records // setting.batch)
    with our_environment(NOWHERE):
        tables = Tables()
        tables.seeds[TOTALS_TABLE] = steady_user
        if setting.pages:
            tables.seed_pages(
                RECEIPTS_TABLE, [archive_page(number) for number in range(setting.pages)]
            )
        stub = answer_in_process(app.connections.clients.dynamodb.meta.events, tables)
        events = stream_events(setting.players, setting.batch, "steady")
        if late:
            events = _late_events(setting.batch)
        app.aggregate_scores_by_user(next(events), CONTEXT)
        before = dict(vars(tables.usage))
        times = [_cpu_seconds(next(events), stub) for _ in range(batches)]
    counted = batches * setting.batch
    usage = {name: value - before[name] for name, value in vars(tables.usage).items()}
    return {
        "grows": setting.grows,
        "value": setting.value,
        "cpu_us_per_record": median(times) / setting.batch * 1e6,
        "requests_per_record": usage["requests"] / counted,
        "write_units_per_record": usage["write_units"] / counted,
        "read_units_per_record": usage["read_units"] / counted,
    }


def _cpu_seconds(event: Event, stub: Stub) -> float:
    tables_before, cpu = stub.cpu_seconds, time.process_time()
    app.aggregate_scores_by_user(event, CONTEXT)
    return time.process_time() - cpu - (stub.cpu_seconds - tables_before)


def _late_events(batch: int) -> Iterator[Event]:
    """Batches of records that are older than the whole archive, as after a day's outage."""
    for number in itertools.count():
        yield {
            "Records": [
                insertion(
                    f"late-{number}-{index}", f"steady-{index:07d}", START_SECONDS - 10**6, index
                )
                for index in range(batch)
            ]
        }


REPORT = Report(
    "Growth: what our record costs",
    (
        Column("grows", "What grows"),
        Column("value", "to", ",.0f"),
        Column("cpu_us_per_record", "CPU", ".0f", " µs"),
        Column("requests_per_record", "Requests"),
        Column("write_units_per_record", "Write units"),
        Column("read_units_per_record", "Read units", ".1f"),
    ),
    ("grows",),
)

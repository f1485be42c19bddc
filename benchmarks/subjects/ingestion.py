"""Ingestion: what decoding, logging and storing a Kinesis record costs."""

import itertools
from collections.abc import Iterator
from functools import partial

import app
from benchmarks.contenders import contenders, rival_session
from benchmarks.events import Event, kinesis_events
from benchmarks.measuring import Announce, alternate, peak_memory_kib, silent
from benchmarks.report import Column, Report
from benchmarks.results import Row
from benchmarks.rivals import INGESTERS
from dynamodb_model.server import dynamodb_server

LATENCY_MS = 4
PAYLOADS = (
    ("scores", 100),
    ("scores", 1_000),
    ("scores", 10_000),
    ("text", 1_000),
    ("a-tenth-malformed", 1_000),
)
"""What they are, and their size in bytes."""

RECORDS_APART = 10_000_000
"""Between the first record ids of two runs, so that none is stored already."""


def measure(*, quick: bool, announce: Announce) -> list[Row]:
    rows: list[Row] = []
    batch = 20 if quick else 100
    first_ids = itertools.count(0, RECORDS_APART)
    with dynamodb_server() as server, silent():
        session = rival_session()
        with contenders(
            app.process_kinesis_records, INGESTERS, server.endpoint_url, session
        ) as handlers:
            for kind, size in PAYLOADS[: 1 if quick else None]:
                announce(f"ingestion: {kind}, {size:,} bytes")
                server.reset()
                make_events = partial(_events, kind, size, batch, first_ids)
                run = partial(alternate, handlers, make_events, server.usage, prefix="")
                batches = 1 if quick else 9
                costs = run(batches=batches, rival_batches=1 + batches // 3)
                server.set_latency(LATENCY_MS)
                walls = run(batches=1 if quick else 7, rival_batches=1 if quick else 3)
                server.set_latency(0)
                for name, cost in costs.items():
                    rows.append(
                        {
                            "payloads": kind,
                            "payload_bytes": size,
                            "contender": name,
                            "cpu_us_per_record": cost.cpu_us,
                            "cpu_spread": cost.cpu_spread,
                            "wall_spread": walls[name].wall_spread,
                            "cpu_to_lab": cost.cpu_us / costs["lab"].cpu_us,
                            "requests_per_record": cost.requests,
                            "write_units_per_record": cost.write_units,
                            "wall_ms_per_batch": walls[name].wall_ms_per_batch,
                            "wall_to_lab": walls[name].wall_ms_per_batch
                            / walls["lab"].wall_ms_per_batch,
                            "peak_kib": peak_memory_kib(handlers[name], next(make_events(""))),
                        }
                    )
    return rows


def _events(
    kind: str, size: int, batch: int, first_ids: Iterator[int], _prefix: str
) -> Iterator[Event]:
    return kinesis_events(kind, size, batch, next(first_ids))


REPORT = Report(
    "Ingestion, a record",
    (
        Column("payloads", "Payloads"),
        Column("payload_bytes", "Bytes", ","),
        Column("contender", ""),
        Column("cpu_to_lab", "CPU to the lab's"),
        Column("wall_to_lab", "time at 4 ms"),
        Column("write_units_per_record", "Write units"),
        Column("requests_per_record", "Requests"),
        Column("cpu_us_per_record", "CPU", ".0f", " µs"),
        Column("wall_ms_per_batch", "Batch", ".0f", " ms"),
        Column("peak_kib", "Peak memory", ",.0f", " KiB"),
    ),
    ("payloads", "payload_bytes"),
)

"""The aggregator: what adding a record to its user's total costs."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

import app
from benchmarks.capacity import count_capacity
from benchmarks.contenders import RIVAL_TABLES, TOTALS_TABLE, contenders, rival_session
from benchmarks.events import Event, Players, stream_events
from benchmarks.looks import OURS
from benchmarks.measuring import Announce, Cost, alternate, peak_memory_kib, silent
from benchmarks.report import Column, Report
from benchmarks.results import Row
from benchmarks.rivals import AGGREGATORS
from benchmarks.rivals.interface import Handler, create_markers_table
from benchmarks.seeds import STEADY_USER
from dynamodb_model.server import DynamoDBServer, dynamodb_server
from dynamodb_model.tables import Usage
from operations.aws.stacks import apply_stack
from operations.deploy.steps import DATA_TEMPLATE, LOCAL_PARAMETERS
from operations.local.pipeline import DATA_STACK
from operations.local.server import embedded_aws

LATENCY_MS = 4
LARGE = 1_000
CYCLE = 52
"""Batches of one record a user in which each user's item fills up and moves its receipts once."""


def scenarios(batch: int) -> dict[str, Players]:
    """Who plays; `steady` users have one record in each batch, `fresh` ones never had any."""
    return {
        "fresh": Players(None),
        "steady": Players(batch),
        "20 users": Players(20),
        "one user": Players(1),
    }


def measured_scenarios() -> Iterator[tuple[str, Players, int, int, int]]:
    """Scenario, players, batch, and how many batches are measured: of ours, of a rival."""
    for scenario, players in scenarios(100).items():
        yield scenario, players, 100, 12 if scenario == "fresh" else CYCLE, 5
    for scenario in ("steady", "one user"):
        yield scenario, scenarios(LARGE)[scenario], LARGE, 8, 1


def quick_scenarios() -> Iterator[tuple[str, Players, int, int, int]]:
    """The same, to see that it runs."""
    for scenario, players in scenarios(20).items():
        yield scenario, players, 20, 2, 2


def reported_scenarios() -> Iterator[tuple[str, Players, int, int]]:
    """Scenario, players, batch and number of batches of what the service reports on."""
    for scenario, players in scenarios(100).items():
        yield scenario, players, 100, 4 if scenario == "fresh" else CYCLE
    for scenario in ("steady", "one user"):
        hurried = replace(scenarios(100)[scenario], batches_per_second=10)
        yield f"{scenario}, ten batches a second", hurried, 100, CYCLE
    yield "one user", scenarios(LARGE)["one user"], LARGE, 10


def measure(*, quick: bool, announce: Announce) -> list[Row]:
    """A row for each scenario, batch and contender."""
    rows: list[Row] = []
    with dynamodb_server() as server, silent():
        session = rival_session()
        with contenders(
            app.aggregate_scores_by_user, AGGREGATORS, server.endpoint_url, session
        ) as handlers:
            for setting in quick_scenarios() if quick else measured_scenarios():
                announce(f"aggregator: batches of {setting[2]:,}, {setting[0]}")
                rows += _measure_scenario(server, handlers, setting, quick=quick)
    if not quick:
        announce("aggregator: write units as the embedded AWS reports them")
        rows += _measure_on_embedded_aws()
    merged: dict[tuple[str, int, str], Row] = {}
    for row in rows:
        merged.setdefault((row["scenario"], row["batch"], row["contender"]), {}).update(row)
    return list(merged.values())


def _measure_scenario(
    server: DynamoDBServer,
    handlers: Mapping[str, Handler],
    setting: tuple[str, Players, int, int, int],
    *,
    quick: bool,
) -> list[Row]:
    scenario, players, batch, batches, rival_batches = setting
    server.reset()
    server.seed(TOTALS_TABLE, STEADY_USER)
    make_events = partial(_events, players, batch)
    costs = alternate(
        handlers,
        make_events,
        server.usage,
        batches=batches,
        rival_batches=rival_batches,
        prefix=scenario,
    )
    walls: dict[str, Cost] = {}
    if batch < LARGE:
        server.set_latency(LATENCY_MS)
        walls = alternate(
            handlers,
            make_events,
            server.usage,
            batches=1 if quick else 7,
            rival_batches=1 if quick else 3,
            prefix=f"{scenario}-with-latency",
        )
        server.set_latency(0)
    rows: list[Row] = []
    for name, cost in costs.items():
        rows.append(
            {
                "scenario": scenario,
                "batch": batch,
                "contender": name,
                "cpu_us_per_record": cost.cpu_us,
                "cpu_spread": cost.cpu_spread,
                "cpu_to_lab": cost.cpu_us / costs["lab"].cpu_us,
                "requests_per_record": cost.requests,
                "write_units_per_record": cost.write_units,
                "read_units_per_record": cost.read_units,
                "batches": cost.batches,
            }
        )
        if walls:
            rows[-1] |= _at_latency(walls[name], walls["lab"])
        if batch < LARGE and scenario in ("steady", "one user"):
            event = next(make_events(f"{scenario}-memory-{name}"))
            rows[-1]["peak_kib"] = peak_memory_kib(handlers[name], event)
    return rows


def _at_latency(cost: Cost, lab: Cost) -> Row:
    return {
        "cpu_us_per_record_at_4_ms": cost.cpu_us,
        "cpu_to_lab_at_4_ms": cost.cpu_us / lab.cpu_us,
        "cpu_spread_at_4_ms": cost.cpu_spread,
        "wall_ms_per_batch": cost.wall_ms_per_batch,
        "wall_to_lab": cost.wall_ms_per_batch / lab.wall_ms_per_batch,
        "wall_spread": cost.wall_spread,
    }


def _events(players: Players, batch: int, prefix: str) -> Iterator[Event]:
    return stream_events(players, batch, prefix)


def _measure_on_embedded_aws() -> list[Row]:
    """Requests and write units, from the service's own answers."""
    rows: list[Row] = []
    with embedded_aws() as aws, silent():
        cloudformation = aws.session.client("cloudformation")
        apply_stack(cloudformation, DATA_STACK, DATA_TEMPLATE, LOCAL_PARAMETERS)
        dynamodb = aws.session.client("dynamodb")
        create_markers_table(dynamodb, RIVAL_TABLES.markers)
        dynamodb.create_table(
            TableName=RIVAL_TABLES.totals,
            AttributeDefinitions=[{"AttributeName": "Username", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "Username", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        session = rival_session()
        theirs = count_capacity(session.events)
        with contenders(
            app.aggregate_scores_by_user, AGGREGATORS, aws.endpoint_url, session
        ) as handlers:
            ours = count_capacity(app.connections.clients.dynamodb.meta.events)

            def usage() -> Usage:
                return Usage(
                    ours.requests + theirs.requests,
                    ours.refused + theirs.refused,
                    ours.write_units + theirs.write_units,
                    ours.read_units + theirs.read_units,
                )

            for scenario, players, batch, batches in reported_scenarios():
                costs = alternate(
                    {OURS: handlers[OURS]} if batch == LARGE else handlers,  # rivals' do not differ
                    partial(_events, players, batch),
                    usage,
                    batches=batches,
                    rival_batches=1,
                    prefix=f"{scenario}-{batch}",
                )
                rows += [
                    {
                        "scenario": scenario,
                        "batch": batch,
                        "contender": name,
                        "reported_requests_per_record": cost.requests,
                        "reported_write_units_per_record": cost.write_units,
                    }
                    for name, cost in costs.items()
                ]
    return rows


REPORT = Report(
    "The aggregator, a record",
    (
        Column("scenario", "Users"),
        Column("batch", "Batch", ","),
        Column("contender", ""),
        Column("cpu_to_lab_at_4_ms", "CPU at 4 ms, to the lab's"),
        Column("wall_to_lab", "time"),
        Column("cpu_to_lab", "CPU at once"),
        Column("reported_write_units_per_record", "Write units, reported"),
        Column("write_units_per_record", "counted"),
        Column("requests_per_record", "Requests"),
        Column("cpu_us_per_record_at_4_ms", "CPU", ".0f", " µs"),
        Column("wall_ms_per_batch", "Batch", ".0f", " ms"),
        Column("peak_kib", "Peak memory", ",.0f", " KiB"),
    ),
    ("scenario", "batch"),
)

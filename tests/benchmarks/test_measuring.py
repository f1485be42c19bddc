"""The measuring can be trusted: it charges what the service charges."""

import itertools
from decimal import Decimal

import pytest

import app
from benchmarks.capacity import count_capacity
from benchmarks.contenders import TOTALS_TABLE, contenders, our_environment, rival_session
from benchmarks.events import Players, stream_events
from benchmarks.looks import OURS
from benchmarks.measuring import CONTEXT, alternate
from benchmarks.rivals import AGGREGATORS
from benchmarks.subjects.deaggregation import compare
from chalicelib.deaggregation import UserRecord
from dynamodb_model.server import dynamodb_server
from dynamodb_model.stub import answer_in_process
from dynamodb_model.tables import Tables, Usage
from operations.aws.aggregation import encode_aggregate
from operations.local.server import EmbeddedAws
from tests.data_stack import DataStack


def our_usage(players: Players, batch: int, batches: int) -> Usage:
    """What the aggregator asks of DynamoDB for batches of users without a history."""
    with our_environment("http://127.0.0.1:9"):
        tables = Tables()
        answer_in_process(app.connections.clients.dynamodb.meta.events, tables)
        for each in itertools.islice(stream_events(players, batch, "fresh"), batches):
            app.aggregate_scores_by_user(each, CONTEXT)
    return tables.usage


@pytest.mark.parametrize(("users", "batch"), [(3, 40), (1, 100)])
def test_the_measuring_dynamodb_charges_what_the_embedded_aws_reports(
    aws: EmbeddedAws, data: DataStack, users: int, batch: int
) -> None:
    batches = [next(stream_events(Players(users), batch, f"fresh-{number}")) for number in (1, 2)]
    tables = Tables()
    with our_environment("http://127.0.0.1:9"):
        answer_in_process(app.connections.clients.dynamodb.meta.events, tables)
        for each in (*batches, *batches):
            app.aggregate_scores_by_user(each, CONTEXT)

    with our_environment(aws.endpoint_url):
        reported = count_capacity(app.connections.clients.dynamodb.meta.events)
        for each in (*batches, *batches):
            app.aggregate_scores_by_user(each, CONTEXT)

    assert tables.usage == reported
    assert {
        name: Decimal(tables.item(TOTALS_TABLE, name)["Score"]["N"]) for name in data.totals
    } == data.totals


def test_a_refused_condition_costs_its_unit(aws: EmbeddedAws, data: DataStack) -> None:
    batch = next(stream_events(Players(3), 40, "fresh"))
    with our_environment(aws.endpoint_url):
        reported = count_capacity(app.connections.clients.dynamodb.meta.events)
        app.aggregate_scores_by_user(batch, CONTEXT)
        app.aggregate_scores_by_user(batch, CONTEXT)

    assert (reported.requests, reported.refused, reported.write_units) == (6, 3, 6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("players", "batch", "most_units", "most_requests"),
    [
        (Players(None), 100, 1.0, 100),
        (Players(100), 100, 1.05, 105),
        (Players(100, batches_per_second=10), 100, 1.05, 105),
        (Players(20), 100, 0.25, 25),
        (Players(1), 100, 0.04, 3),
        (Players(1, batches_per_second=10), 100, 0.04, 4),
        (Players(1), 1000, 0.032, 3),
    ],
)
def test_a_record_costs_no_more_than_the_readme_tells(
    players: Players, batch: int, most_units: float, most_requests: float
) -> None:
    batches = 50 if players.users else 10  # of a new player each batch costs the same

    usage = our_usage(players, batch, batches)

    assert usage.write_units / batches / batch <= most_units
    assert usage.requests / batches <= most_requests


@pytest.mark.slow
def test_contenders_take_turns_and_are_charged_for_themselves_only() -> None:
    with (
        dynamodb_server() as server,
        contenders(
            app.aggregate_scores_by_user, AGGREGATORS, server.endpoint_url, rival_session()
        ) as handlers,
    ):
        costs = alternate(
            handlers,
            lambda prefix: stream_events(Players(2), 4, prefix),
            server.usage,
            batches=2,
            rival_batches=1,
            prefix="fresh",
        )

    assert {name: (cost.requests, cost.write_units) for name, cost in costs.items()} == {
        OURS: (0.5, 0.5),
        "lab": (1, 1),
        "powertools-batch": (1, 1),
        "powertools-idempotent": (3, 3),
        "transaction": (1, 4),
    }
    assert all(cost.cpu_us > 0 for cost in costs.values())


def test_the_same_records_are_counted_by_both_decoders() -> None:
    ann, ben = UserRecord(b'{"Score": 1}', "Ann"), UserRecord(b'{"Score": 2}', "Ben", "7")

    measured = compare("two", [encode_aggregate([ann, ben]), encode_aggregate([ann])], rounds=1)

    assert measured["user_records"] == 3
    assert measured["here_per_second"] > 0 < measured["module_per_second"]

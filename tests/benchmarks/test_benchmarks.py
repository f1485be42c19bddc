"""The rivals do what their documentation promises, and the measuring itself can be trusted."""

import contextlib
import itertools
import random
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

import app
from benchmarks.capacity import count_capacity
from benchmarks.contenders import TOTALS_TABLE, contenders, our_environment, rival_session
from benchmarks.dynamodb.server import dynamodb_server
from benchmarks.dynamodb.stub import answer_in_process
from benchmarks.dynamodb.tables import Tables, Usage
from benchmarks.events import Players, stream_events
from benchmarks.looks import OURS
from benchmarks.measuring import alternate
from benchmarks.rivals import AGGREGATORS, INGESTERS
from benchmarks.rivals.interface import RivalSession, RivalTables, create_markers_table
from benchmarks.simulation.assumptions import OURS as OUR_WRITER
from benchmarks.simulation.assumptions import WRITERS, Load
from benchmarks.simulation.hottest import keeps_up
from benchmarks.simulation.needs import plan, recover
from benchmarks.simulation.our_user import OurUser
from operations.local.server import EmbeddedAws
from tests.builders import event, inserted, kinesis_record, stream_record
from tests.data_stack import DataStack

CONTEXT = SimpleNamespace(
    function_name="rival", aws_request_id="1", get_remaining_time_in_millis=lambda: 60_000
)
TABLES = RivalTables(records="GameScoreRecords", totals="GameScoresByUser")
REMOVAL = stream_record(old={"Username": {"S": "Ada"}, "Score": {"N": "5"}})


@pytest.fixture
def rivals(aws: EmbeddedAws, data: DataStack) -> RivalSession:
    """Where the rivals' tables are."""
    create_markers_table(data.dynamodb, TABLES.markers)
    return RivalSession(aws.session, aws.endpoint_url)


@pytest.mark.parametrize("name", AGGREGATORS)
def test_a_rival_adds_up_what_is_delivered_once(
    rivals: RivalSession, data: DataStack, name: str
) -> None:
    handler = AGGREGATORS[name](rivals, TABLES)

    handler(event(inserted("Ada", "20.5"), inserted("Bob", 7), inserted("Ada", 1)), CONTEXT)

    assert data.totals == {"Ada": Decimal("21.5"), "Bob": Decimal(7)}


@pytest.mark.parametrize(
    ("name", "total"),
    [("lab", 40), ("powertools-batch", 40), ("powertools-idempotent", 20), ("transaction", 20)],
)
def test_rivals_differ_in_what_a_redelivery_does(
    rivals: RivalSession, data: DataStack, name: str, total: int
) -> None:
    handler = AGGREGATORS[name](rivals, TABLES)
    batch = event(inserted("Ada", 20))

    handler(batch, CONTEXT)
    handler(batch, CONTEXT)

    assert data.totals == {"Ada": total}


def test_the_lab_crashes_on_a_deletion(rivals: RivalSession) -> None:
    with pytest.raises(KeyError, match="NewImage"):
        AGGREGATORS["lab"](rivals, TABLES)(event(REMOVAL), CONTEXT)


@pytest.mark.parametrize("name", ["powertools-batch", "powertools-idempotent"])
def test_the_batch_processor_reports_the_record_that_failed(
    rivals: RivalSession, data: DataStack, name: str
) -> None:
    answer: Any = AGGREGATORS[name](rivals, TABLES)(event(inserted("Ada", 20), REMOVAL), CONTEXT)

    failed = REMOVAL["dynamodb"]["SequenceNumber"]
    assert answer == {"batchItemFailures": [{"itemIdentifier": failed}]}
    assert data.totals == {"Ada": 20}


@pytest.mark.parametrize("name", INGESTERS)
def test_a_rival_stores_score_records(rivals: RivalSession, data: DataStack, name: str) -> None:
    score = {"RecordID": 1, "Username": "Ada", "Score": 20}

    INGESTERS[name](rivals, TABLES)(event(kinesis_record(score), kinesis_record(b"text")), CONTEXT)

    assert data.records == {
        "1": {"RecordID": {"N": "1"}, "Username": {"S": "Ada"}, "Score": {"N": "20"}}
    }


@pytest.mark.parametrize(("users", "batch"), [(3, 40), (1, 100)])
def test_the_measuring_dynamodb_charges_what_the_embedded_aws_reports(
    aws: EmbeddedAws, data: DataStack, users: int, batch: int
) -> None:
    batches = [next(stream_events(Players(users), batch, f"fresh-{number}")) for number in (1, 2)]
    tables = Tables()
    with our_environment("http://127.0.0.1:9"):
        answer_in_process(app.dynamodb_client().meta.events, tables)
        for each in (*batches, *batches):
            app.aggregate_scores_by_user(each, CONTEXT)

    with our_environment(aws.endpoint_url):
        reported = count_capacity(app.dynamodb_client().meta.events)
        for each in (*batches, *batches):
            app.aggregate_scores_by_user(each, CONTEXT)

    assert tables.usage == reported
    assert {
        name: Decimal(tables.item(TOTALS_TABLE, name)["Score"]["N"]) for name in data.totals
    } == data.totals


def test_a_refused_condition_costs_its_unit(aws: EmbeddedAws, data: DataStack) -> None:
    batch = next(stream_events(Players(3), 40, "fresh"))
    with our_environment(aws.endpoint_url):
        reported = count_capacity(app.dynamodb_client().meta.events)
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
    usage = our_usage(players, batch, batches=50)

    assert usage.write_units / 50 / batch <= most_units
    assert usage.requests / 50 <= most_requests


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


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_ten_times_the_records_need_ten_times_the_shards_and_dollars(writer: Any) -> None:
    small, large = plan(Load(10_000), writer), plan(Load(100_000), writer)

    assert large.kinesis_shards == 10 * small.kinesis_shards
    assert large.aggregate_concurrency == pytest.approx(10 * small.aggregate_concurrency)
    assert large.dollars_a_month == pytest.approx(10 * small.dollars_a_month, rel=0.01)


def test_fewer_users_in_a_batch_cost_fewer_write_units() -> None:
    alike = plan(Load(1000, even=True), OUR_WRITER)
    skewed = plan(Load(1000), OUR_WRITER)
    few = plan(Load(1000, users=20, even=True), OUR_WRITER)

    assert alike.write_units_per_record == pytest.approx(1.04, abs=0.001)
    assert few.write_units_per_record < skewed.write_units_per_record
    assert skewed.write_units_per_record < alike.write_units_per_record


def test_a_backlog_is_what_came_in_meanwhile_and_is_worked_off() -> None:
    recovery = recover(Load(10_000), OUR_WRITER, outage_seconds=60)

    assert recovery.backlog_records == 600_000
    assert recovery.curve[0] < recovery.curve[1]
    assert recovery.curve[-1] == 0


def test_no_item_takes_more_than_its_partitions_write_units() -> None:
    plain = next(writer for writer in WRITERS if writer.name == "lab")

    assert keeps_up(plain, 900, batch=100, share=1)
    assert not keeps_up(plain, 1100, batch=100, share=1)
    assert keeps_up(OUR_WRITER, 1100, batch=100, share=1)


@pytest.mark.slow
@pytest.mark.parametrize("batch", [5, 30, 100, 1000])
@pytest.mark.parametrize("batches_per_second", [1, 10])
def test_the_simulated_user_asks_what_the_aggregator_asks(
    batch: int, batches_per_second: int
) -> None:
    players = Players(1, batches_per_second=batches_per_second)
    user = OurUser(OUR_WRITER, random.Random(1))
    for number in range(60):
        run_alone(user, batch, number // batches_per_second)

    measured = our_usage(players, batch, batches=60)

    assert user.usage.requests == measured.requests
    assert user.usage.write_units == measured.write_units
    assert user.usage.read_units == measured.read_units


def test_larger_batches_let_a_hotter_user_keep_up() -> None:
    assert not keeps_up(OUR_WRITER, 10_000, batch=100, share=1)
    assert keeps_up(OUR_WRITER, 10_000, batch=200, share=1)


def our_usage(players: Players, batch: int, batches: int) -> Usage:
    """What the aggregator asks of DynamoDB for so many batches of users without a history."""
    with our_environment("http://127.0.0.1:9"):
        tables = Tables()
        answer_in_process(app.dynamodb_client().meta.events, tables)
        for each in itertools.islice(stream_events(players, batch, "fresh"), batches):
            app.aggregate_scores_by_user(each, CONTEXT)
    return tables.usage


def run_alone(user: OurUser, records: int, second: int) -> None:
    """An invocation with so many records of that second, from its first request to its last."""
    now = float(second)
    run = user.add(records, now)
    with contextlib.suppress(StopIteration):
        now += next(run)
        while True:
            now += run.send(now)

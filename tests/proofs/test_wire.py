"""Both functions, with their own clients and retries, behind a proxy that fails as AWS does."""

import random
import time
from collections.abc import Iterator

import pytest
from botocore.exceptions import BotoCoreError, ClientError

import app
from chalicelib.connections import Connections
from operations.local.server import EmbeddedAws
from tests.builders import inserted, kinesis_record
from tests.conftest import Invoke
from tests.data_stack import DataStack
from tests.proofs.environment import Environment, handlers_in_environments, sdk_without_waiting
from tests.proofs.history import History
from tests.proofs.mapping import Mapping
from tests.proofs.oracle import aggregation_problems
from tests.proofs.soak import INVOCATIONS_AT_ONCE, deliver_somehow
from tests.proofs.wire import (
    DYNAMODB_FAULTS,
    LATE_MILLISECONDS,
    RARE_DYNAMODB_FAULTS,
    S3_FAULTS,
    WireFaults,
    environments_on_the_wire,
)


@pytest.fixture(scope="module")
def wire(aws: EmbeddedAws) -> Iterator[Environment]:
    with environments_on_the_wire(aws, 1, seed=1) as (environment,):
        yield environment


@pytest.fixture
def faults(
    wire: Environment, invoke: Invoke, data: DataStack, monkeypatch: pytest.MonkeyPatch
) -> Iterator[WireFaults]:
    """The proxy's faults; the functions' requests go through it."""
    monkeypatch.setattr(app, "connections", Connections(data.names, wire.clients))
    assert isinstance(wire.faults, WireFaults)
    with sdk_without_waiting():
        yield wire.faults
    wire.faults.use([])


AFTER_THE_WORK = {"reset after", "cut", "truncated"}
"""The service did what was asked, and the SDK cannot know."""


@pytest.mark.parametrize("kind", [kind for kind in DYNAMODB_FAULTS if kind != "garbled"])
def test_a_change_is_counted_once_although_the_sdk_sends_it_again(
    faults: WireFaults, wire: Environment, aggregate: Invoke, data: DataStack, kind: str
) -> None:
    fault = {"service": "dynamodb", "times": 1, **DYNAMODB_FAULTS[kind]}

    def add_blindly() -> None:
        wire.clients.dynamodb.update_item(
            TableName="GameScoresByUser",
            Key={"Username": {"S": "blindly"}},
            UpdateExpression="ADD Score :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )

    faults.use([fault])
    add_blindly()
    faults.use([fault])
    aggregate(inserted("Ann", 1))

    assert data.totals["Ann"] == 1
    assert data.totals["blindly"] >= (2 if kind in AFTER_THE_WORK else 1)


@pytest.mark.parametrize("kind", RARE_DYNAMODB_FAULTS)
def test_a_request_that_comes_too_late_or_never_counts_once(
    faults: WireFaults, aggregate: Invoke, data: DataStack, kind: str
) -> None:
    faults.use([{"service": "dynamodb", "times": 1, **RARE_DYNAMODB_FAULTS[kind]}])

    aggregate(inserted("Ann", 1))
    time.sleep(LATE_MILLISECONDS / 1000 - 3)  # by the proxy's clock the first request comes now

    assert data.totals == {"Ann": 1}


def test_a_garbled_answer_rises_and_the_redelivery_counts_once(
    faults: WireFaults, aggregate: Invoke, data: DataStack
) -> None:
    record = inserted("Ann", 1)
    refused = inserted("Ann", 2)
    aggregate(record)
    faults.use([{"service": "dynamodb", "times": 1, **DYNAMODB_FAULTS["garbled"]}])

    with pytest.raises((BotoCoreError, ClientError, ValueError)):
        aggregate(record, refused)
    aggregate(record, refused)

    assert data.totals == {"Ann": 3}


@pytest.mark.parametrize("kind", S3_FAULTS)
def test_a_reject_is_kept_although_the_bucket_fails_once(
    faults: WireFaults, ingest: Invoke, data: DataStack, kind: str
) -> None:
    broken = kinesis_record(b'{"Score": 1}')
    faults.use([{"service": "s3", "times": 1, **S3_FAULTS[kind]}])

    ingest(broken)

    assert [reject["record"] for reject in data.rejects] == [broken]


def test_a_table_of_records_that_resets_connections_rises_and_the_redelivery_stores_all(
    faults: WireFaults, ingest: Invoke, data: DataStack
) -> None:
    batch = [
        kinesis_record({"RecordID": number, "Username": "Ann", "Score": 1}) for number in range(5)
    ]
    batch.append(kinesis_record(b'{"Score": 1}'))
    faults.use([{"service": "dynamodb", **DYNAMODB_FAULTS["reset after"]}])

    with pytest.raises(BotoCoreError):
        ingest(*batch)
    faults.use([])
    ingest(*batch)

    assert len(data.records) == 5
    assert len(data.rejects) == 1


@pytest.mark.parametrize("kind", ["reset before", "throttled"])
def test_a_table_of_totals_that_fails_for_good_rises_and_the_redelivery_counts_once(
    faults: WireFaults, aggregate: Invoke, data: DataStack, kind: str
) -> None:
    counted, batch = inserted("Ann", 1), [inserted("Ann", 10), inserted("Ben", 100)]
    aggregate(counted)
    faults.use([{"service": "dynamodb", **DYNAMODB_FAULTS[kind]}])

    with pytest.raises((BotoCoreError, ClientError)):
        aggregate(counted, *batch)
    faults.use([])
    aggregate(counted, *batch)

    assert data.totals == {"Ann": 11, "Ben": 100}


def test_a_history_delivered_on_the_wire_leaves_nothing_wrong_lost_or_stuck(
    aws: EmbeddedAws, data: DataStack
) -> None:
    """A cut of `make soak ARGS=--on-the-wire`."""
    chance = random.Random(14)
    history = History(3, [f"user {number}" for number in range(12)])

    with (
        environments_on_the_wire(aws, INVOCATIONS_AT_ONCE, seed=14) as environments,
        handlers_in_environments(data.variables),
        sdk_without_waiting(),
    ):
        mapping = Mapping(history, app.aggregate_scores_by_user, environments)
        mapping.faults.one_in = 3
        for _ in range(3):
            for _ in range(60):
                history.write_at_random(chance)
            deliver_somehow(mapping, chance)
        stuck = mapping.drain()
        injected = mapping.faults.injected

    assert injected.total() > 20
    assert stuck == 0
    assert aggregation_problems(history, data.totals, data.rejects) == []

"""Delivers a seeded history to one implementation, with faults, redeliveries and restarts.

A batch that fails comes again, whole or as a partial response asks; after ten attempts its first
record is given up, as a mapping does that discards old records: that is a shard that got stuck, and
a record that is lost.
"""

import random
import time
from collections.abc import Callable
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from types import SimpleNamespace
from typing import Any
from unittest import mock

import app
from benchmarks.looks import OURS
from benchmarks.rivals import AGGREGATORS
from benchmarks.rivals.interface import RivalSession, RivalTables, create_markers_table
from operations.local.server import EmbeddedAws
from tests.data_stack import DataStack, empty_data_stack
from tests.proofs.environment import (
    Environment,
    Faults,
    Handler,
    handlers_in_environments,
    sdk_without_waiting,
)
from tests.proofs.history import History

TABLES = RivalTables(records="GameScoreRecords", totals="GameScoresByUser")
USERS = 40
SHARDS = 4
MOST_ATTEMPTS = 10
ONE_FAULT_IN = 200
REMAINING_MILLISECONDS = 20
"""What a rival takes for the time until a crashed invocation's marker expires."""

NO_BACKOFF = SimpleNamespace(sleep=lambda _: None)

CONTEXT = SimpleNamespace(
    function_name="rival",
    aws_request_id="1",
    get_remaining_time_in_millis=lambda: REMAINING_MILLISECONDS,
)


@dataclass
class Outcome:
    """What became of one history."""

    users: int
    records: int
    wrong_totals: int = 0
    lost_records: int = 0
    times_stuck: int = 0


def insert_only(history: History, chance: random.Random) -> None:
    """A new score: all that the lab and most tutorials think of."""
    history.insert(chance.choice(history.usernames), Decimal(chance.randint(1, 100)))


HISTORIES: dict[str, Callable[[History, random.Random], None]] = {
    "insertions": insert_only,
    "all writes": History.write_at_random,
}


def deliver_history(
    aws: EmbeddedAws,
    name: str,
    write: Callable[[History, random.Random], None],
    records: int,
    seed: int,
) -> Outcome:
    """The outcome of a seeded history for one implementation."""
    chance = random.Random(seed)
    history = History(SHARDS, [f"user {number}" for number in range(USERS)])
    for _ in range(records):
        write(history, chance)
        history.pass_time(chance.random() < 0.2)
    data = empty_data_stack(aws)
    environment = Environment(aws, Faults(random.Random(seed), ONE_FAULT_IN))
    outcome = Outcome(USERS, sum(map(len, history.shards)))
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(StringIO()))
        stack.enter_context(mock.patch("botocore.endpoint.time", NO_BACKOFF))
        stack.enter_context(sdk_without_waiting())
        stack.enter_context(handlers_in_environments(data.variables))
        handler = make_handler(name, aws, environment, data)
        for shard in history.shards:
            _deliver_shard(shard, environment, handler, chance, outcome)
    found, expected = data.totals, history.totals()
    outcome.wrong_totals = sum(
        found.get(user, Decimal(0)) != expected.get(user, Decimal(0)) for user in history.usernames
    )
    return outcome


def make_handler(name: str, aws: EmbeddedAws, environment: Environment, data: DataStack) -> Handler:
    """The implementation, its clients hit by the environment's faults."""
    if name == OURS:
        handler: Handler = app.aggregate_scores_by_user
        return handler
    create_markers_table(data.dynamodb, TABLES.markers)
    return AGGREGATORS[name](RivalSession(environment.session, aws.endpoint_url), TABLES)


def _deliver_shard(
    shard: list[dict[str, Any]],
    environment: Environment,
    handler: Handler,
    chance: random.Random,
    outcome: Outcome,
) -> None:
    checkpoint = attempts = 0
    while checkpoint < len(shard):
        batch = shard[checkpoint : checkpoint + chance.choice((10, 50, 100))]
        done = _deliver(batch, environment, handler)
        if done:
            checkpoint, attempts = checkpoint + done, 0
            if chance.random() < 0.1:
                checkpoint = max(0, checkpoint - chance.randint(1, 100))
            continue
        attempts += 1
        time.sleep(REMAINING_MILLISECONDS / 1000)
        if attempts == MOST_ATTEMPTS:
            outcome.times_stuck += 1
            outcome.lost_records += 1
            checkpoint, attempts = checkpoint + 1, 0


def _deliver(batch: list[dict[str, Any]], environment: Environment, handler: Handler) -> int:
    """How many of the batch's records are done with: with a partial response, those before it."""
    try:
        answer = environment.invoke(handler, batch, CONTEXT)
    except Exception:  # noqa: BLE001 - Lambda does not ask which
        return 0
    if not isinstance(answer, dict) or not answer.get("batchItemFailures"):
        return len(batch)
    failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
    return next(index for index, number in enumerate(numbers) if number in failed)

"""Histories in which people operate: they damage totals by hand, repair, forget, redrive.

Operations run two at a time, with faults of their own, while functions are invoked with faults and
the table is written to. The oracle is the table of records.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from unittest import mock

from botocore.exceptions import BotoCoreError, ClientError

import app
from chalicelib import totals
from chalicelib.receipts import make_receipt
from chalicelib.scores import ScoreChange, exact_sum
from chalicelib.totals import GameScoresByUser
from operations.aws.errors import OperationFailed
from operations.aws.invoke import FunctionFailed
from operations.aws.stage import AGGREGATOR, Stage
from operations.aws.tables import ReadMeter, scan
from operations.local.server import EmbeddedAws
from operations.rejects import redrive as redriving
from operations.rejects.discard import discard, find_to_discard
from operations.rejects.redrive import redrive
from operations.rejects.unfinished import find_unfinished
from operations.totals import followed_stream
from operations.totals.forget import Means, forget, forget_due
from operations.totals.rebuild import Rebuilt, rebuild
from operations.totals.reconcile import Reconciliation, reconcile
from tests.data_stack import DataStack
from tests.proofs.environment import Crash, Environment, Handler
from tests.proofs.forgetful import Clock, ForgetfulStream
from tests.proofs.mapping import Mapping

SETTLE_SECONDS = 0.05
ROOM = 6
"""Receipts on an item, so few that there are many pages."""

LEAVER = "Leaver"
USERS = ("Ada", "Ben", "Cid", LEAVER)
MOST_REPAIRS = 5

Operation = Callable[[Stage], Any]


class ForgettingMapping(Mapping):
    """A mapping that goes back no further than its stream remembers."""

    def __init__(
        self, stream: ForgetfulStream, handler: Handler, environments: Sequence[Environment]
    ) -> None:
        super().__init__(stream, handler, environments)
        self._stream = stream

    def rewind(self, shard: int, records: int) -> None:
        back = self.checkpoints[shard] - records
        self.checkpoints[shard] = max(self._stream.floors[shard], back)


@dataclass(frozen=True)
class Machines:
    """The AWS, where the functions run, and where the operations do."""

    aws: EmbeddedAws
    invocations: Sequence[Environment]
    operators: Sequence[Environment]

    def __iter__(self) -> Iterator[Environment]:
        return iter((*self.invocations, *self.operators))


@dataclass
class Operated:
    """A history: the pipeline's tables, who writes to them, and what was done by hand.

    `doubtful` are users whose totals may be wrong since the last whole repair: somebody damaged
    them, a batch was given up, or the stream forgot what was never delivered. `changed` are those
    whose score alone was changed since any repair.
    """

    data: DataStack
    chance: random.Random
    stream: ForgetfulStream
    mapping: ForgettingMapping
    machines: Machines
    outcomes: Counter[str]
    doubtful: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    owners: dict[str, str] = field(default_factory=dict)
    is_leaving: bool = False

    @property
    def sums(self) -> dict[str, Decimal]:
        """What every total must be, by the table."""
        scores: dict[str, list[Decimal]] = {}
        for item in self.data.records.values():
            if "N" in item["Score"]:
                scores.setdefault(item["Username"]["S"], []).append(Decimal(item["Score"]["N"]))
        return {user: exact_sum(each) for user, each in scores.items()}

    @property
    def wrong(self) -> set[str]:
        """Whose total is not the sum."""
        sums, wrong = self.sums, set()
        for user in USERS:
            score = self.data.total_item(user).get("Score", {"N": "0"})
            if Decimal(score.get("N", "NaN")) != sums.get(user, 0):
                wrong.add(user)
        return wrong

    def write(self) -> None:
        """One write of any kind to the table of records, by hand."""
        users = USERS[:-1] if self.is_leaving else USERS
        ids = [record_id for record_id, user in self.owners.items() if user in users]
        kind = self.chance.choice(("insert", "insert", "insert", "correct", "delete"))
        table = self.data.names.records_table
        if kind == "delete" and ids:
            key = {"RecordID": {"N": self.chance.choice(ids)}}
            self.data.dynamodb.delete_item(TableName=table, Key=key)
            return
        new_id = str(len(self.owners) + 1)
        record_id = self.chance.choice(ids) if kind == "correct" and ids else new_id
        score = {"N": str(self.chance.randint(-30, 100))}
        if self.chance.random() < 0.03:
            score = {"S": "no number"}
        user = self.chance.choice(users)
        item: Any = {"RecordID": {"N": record_id}, "Username": {"S": user}, "Score": score}
        self.data.dynamodb.put_item(TableName=table, Item=item)
        self.owners[record_id] = user

    def deliver(self) -> None:
        """What a mapping does, and what it does when it goes back or gives up."""
        shard = self.chance.randrange(len(self.mapping.checkpoints))
        kind = self.chance.random()
        if kind < 0.6:
            self.mapping.advance(shard, self.chance.choice((1, 10, 50)), bisect=kind < 0.3)
        elif kind < 0.8:
            self.mapping.rewind(shard, self.chance.choice((1, 5, 100)))
        else:
            self.give_up(shard, self.chance.randint(1, 5))

    def give_up(self, shard: int, count: int) -> None:
        """Let Lambda give a batch up: it goes to the bucket, and the mapping goes on."""
        start = self.mapping.checkpoints[shard]
        records = self.stream.shards[shard][start : start + count]
        if not records:
            return
        content = {
            "requestContext": {
                "functionArn": f"arn:aws:lambda:::function:game-scores-local-{AGGREGATOR}",
                "condition": "RetryAttemptsExhausted",
            },
            "payload": {"Records": records},
        }
        self.data.s3.put_object(
            Bucket=self.data.names.rejects_bucket,
            Key=f"aws/lambda/uuid/{shard}/2026/{start}",
            Body=json.dumps(content).encode(),
        )
        self.mapping.checkpoints[shard] += len(records)
        self.doubt(records)

    def doubt(self, records: Sequence[Any]) -> None:
        """Somebody's total may lack what these records change."""
        for record in records:
            images = (record["dynamodb"].get(name, {}) for name in ("NewImage", "OldImage"))
            self.doubtful |= {image["Username"]["S"] for image in images if image}

    def pass_a_day(self) -> None:
        """What was never delivered is forgotten, and no request is under way any more."""
        self.let_arrive()
        before, shards = list(self.mapping.checkpoints), self.stream.shards
        self.mapping.checkpoints = list(self.stream.pass_a_day())
        for shard, start in zip(shards, before, strict=True):
            self.doubt(shard[start:])
        self.outcomes["days"] += 1

    def let_arrive(self) -> None:
        for environment in self.machines:
            environment.faults.let_arrive()

    def damage(self) -> None:
        """Do something to a user's item or pages by hand."""
        user = self.chance.choice(USERS)
        if self.chance.random() < 0.4 and user not in self.doubtful:
            changed = self.damage_score(user)
        else:
            self.damage_anything(user)
            changed = False
        self.doubtful.add(user)
        if changed:
            self.changed.add(user)
        else:
            self.changed.discard(user)
        self.outcomes["damaged by hand"] += 1

    def damage_score(self, user: str) -> bool:
        """Whether the item had a score to change; by an amount that no other makes up for."""
        item = self.data.total_item(user)
        if "N" not in item.get("Score", {}):
            return False
        added = {"N": f"0.00{self.chance.randint(1, 9)}"}
        self._update(user, "ADD Score :value", added)
        return True

    def damage_anything(self, user: str) -> None:
        text = {"S": "by hand"}
        table, receipts = self.data.names.totals_table, self.data.names.receipts_table
        key: Any = {"Username": {"S": user}}
        pages = [
            {**key, "Page": page["Page"]}
            for page in self.data.pages
            if page["Username"] == key["Username"]
        ]
        match self.chance.choice(
            ("delete", "score", "receipts", "page", "event", "remove", "delete page")
        ):
            case "delete":
                self.data.dynamodb.delete_item(TableName=table, Key=key)
            case "score":
                self._update(user, "SET Score = :value", text)
            case "receipts":
                self._update(
                    user, f"SET {self.chance.choice(('Receipts', 'LastPage'))} = :value", text
                )
            case "remove":
                attributes = self.chance.sample(("Score", "Receipts", "LastPage"), 2)
                self._update(user, f"REMOVE {', '.join(attributes)}")
            case "event":
                receipt = make_receipt(f"by hand {self.chance.random()}", "1", 0)
                names = self.data.names
                core = GameScoresByUser(
                    self.data.dynamodb, names.totals_table, names.receipts_table
                )
                core.add([ScoreChange(user, Decimal(5), receipt, 0)])
            case "page" if pages:
                self.data.dynamodb.put_item(
                    TableName=receipts, Item={**self.chance.choice(pages), "Receipts": text}
                )
            case "delete page" if pages:
                self.let_arrive()
                self.data.dynamodb.delete_item(TableName=receipts, Key=self.chance.choice(pages))

    def _update(self, user: str, expression: str, value: Any = None) -> None:
        values: Any = {"ExpressionAttributeValues": {":value": value}} if value else {}
        self.data.dynamodb.update_item(
            TableName=self.data.names.totals_table,
            Key={"Username": {"S": user}},
            UpdateExpression=expression,
            **values,
        )

    def stage(self, environment: Environment) -> Stage:
        environment.session._clients["dynamodbstreams"] = self.stream
        environment.resume()
        return Stage("local", environment.session, self.data.variables)

    def operate(self) -> None:
        """Two operations side by side, beside writes and deliveries."""
        chosen = self.chance.choices(tuple(OPERATIONS), tuple(OPERATIONS.values()), k=2)
        if any(each in (operate_forget, operate_rebuild, operate_one) for each in chosen):
            self.changed.clear()
        if operate_forget in chosen:
            self.is_leaving = True
        certain, off = set(USERS) - self.doubtful, set(self.changed)
        with ThreadPoolExecutor(2) as pool:
            running = [
                pool.submit(operation, self, self.stage(environment))
                for operation, environment in zip(chosen, self.machines.operators, strict=True)
            ]
            for _ in range(self.chance.randint(0, 10)):
                self.chance.choice((self.write, self.deliver))()
            for operation, future in zip(chosen, running, strict=True):
                self.outcomes[operation.__name__] += 1
                try:
                    result = future.result()
                except (Crash, OperationFailed, BotoCoreError, ClientError):
                    self.outcomes["operations that failed"] += 1
                    continue
                if isinstance(result, Reconciliation):
                    self.check_meanwhile(result, certain - self.doubtful, off)

    def check_meanwhile(self, found: Reconciliation, certain: set[str], off: set[str]) -> None:
        """A total that nobody touched has no error, one whose score was changed has."""
        verdicts = {verdict.username: verdict for verdict in found.verdicts}
        for user in certain & verdicts.keys():
            if verdicts[user].judgement.error != 0 or verdicts[user].problem:
                self.problems.append(f"{user} is right, and reconcile says {verdicts[user]}")
        self.problems += [
            f"reconcile says exact of {user}, whose score was changed"
            for user in off - verdicts.keys()
        ]

    @contextmanager
    def without_faults(self) -> Iterator[Stage]:
        """Everything has arrived and is delivered; nothing goes wrong."""
        before = [each.faults.one_in for each in self.machines]
        for environment in self.machines.operators:
            environment.faults.one_in = 0
        self.let_arrive()
        if stuck := self.mapping.drain():
            self.problems.append(f"{stuck} shards are stuck")
        yield self.stage(self.machines.operators[0])
        for environment, one_in in zip(self.machines, before, strict=True):
            environment.faults.one_in = one_in

    def check_at_rest(self, stage: Stage) -> None:
        """Reconcile names whose total is wrong, and nobody else who was left alone."""
        rejected = [reject["record"] for reject in self.data.rejects]
        self.doubt([each for each in rejected if "dynamodb" in each])
        named = {verdict.username for verdict in operate_reconcile(self, stage).verdicts}
        self.problems += [f"reconcile says exact of {user}" for user in self.wrong - named]
        self.problems += [
            f"reconcile says wrong of {user}" for user in named - self.wrong - self.doubtful
        ]
        self.outcomes["reconciled at rest"] += 1

    def repair_at_rest(self, stage: Stage) -> None:
        """A rebuild leaves every total right, and nothing to do for another."""
        operate_rebuild(self, stage)
        again = operate_rebuild(self, stage)
        self.problems += [f"rebuild leaves {user} wrong" for user in self.wrong]
        if again.changed_users or not again.is_done:
            self.problems.append(f"a second rebuild changes {again}")
        self.doubtful.clear()
        self.changed.clear()


def operate_reconcile(history: Operated, stage: Stage) -> Reconciliation:
    return reconcile(stage, ReadMeter(), _nobody, _nobody, settle_seconds=SETTLE_SECONDS)


def operate_rebuild(history: Operated, stage: Stage, users: Sequence[str] | None = None) -> Rebuilt:
    return rebuild(stage, ReadMeter(), _nobody, _nobody, users=users, settle_seconds=SETTLE_SECONDS)


def operate_one(history: Operated, stage: Stage) -> Rebuilt:
    return operate_rebuild(history, stage, ["Ada"])


def operate_forget(history: Operated, stage: Stage) -> Any:
    return forget(stage, LEAVER, Means(ReadMeter(), _nobody, _nobody, SETTLE_SECONDS))


def operate_forget_due(history: Operated, stage: Stage) -> Any:
    return list(forget_due(stage, Means(ReadMeter(), _nobody, _nobody, SETTLE_SECONDS)))


def operate_redrive(history: Operated, stage: Stage) -> None:
    for each in redrive(stage, ""):
        history.outcomes[f"redriven: {each.outcome}"] += 1
        history.outcomes["redriven records"] += each.done


def operate_discard(history: Operated, stage: Stage) -> None:
    for _ in discard(stage, find_to_discard(stage, (), "rejects/")):
        history.outcomes["discarded objects"] += 1


OPERATIONS: dict[Any, int] = {
    operate_reconcile: 4,
    operate_rebuild: 4,
    operate_one: 1,
    operate_redrive: 4,
    operate_forget: 1,
    operate_forget_due: 1,
    operate_discard: 1,
}


def soak_operations(
    data: DataStack,
    machines: Machines,
    chance: random.Random,
    outcomes: Counter[str],
) -> list[str]:
    """One history, and what is wrong after it."""
    redriven = outcomes["redriven records"]
    with operating(data, machines, chance, outcomes) as history:
        for _ in range(chance.randint(3, 7)):
            for _ in range(chance.randint(1, 40)):
                history.write()
            for _ in range(chance.randint(0, 4)):
                history.deliver()
            if chance.random() < 0.5:
                history.damage()
            if chance.random() < 0.15:
                history.pass_a_day()
            history.operate()
            if chance.random() < 0.3:
                with history.without_faults() as stage:
                    history.check_at_rest(stage)
                    if chance.random() < 0.5:
                        history.repair_at_rest(stage)
        _end(history)
    outcomes["histories"] += 1
    outcomes["histories that redrive"] += outcomes["redriven records"] > redriven
    outcomes["stream records"] += sum(map(len, history.stream.shards))
    outcomes["archive pages"] += len(data.pages)
    outcomes["wrong"] += len(history.problems)
    return history.problems


def _end(history: Operated) -> None:
    """Repair, deliver everything again, bring back what was discarded, and forget for good."""
    with history.without_faults() as stage:
        history.check_at_rest(stage)
        history.repair_at_rest(stage)
        for shard in range(len(history.mapping.checkpoints)):
            history.mapping.rewind(shard, 10**6)
        history.mapping.drain()
        _bring_back(history.data)
        operate_redrive(history, stage)
        history.problems += [f"{user} is wrong after redelivery" for user in history.wrong]
        if not operate_reconcile(history, stage).is_exact:
            history.problems.append("reconcile says wrong at the end")
        if not history.is_leaving:
            return
        with suppress(OperationFailed):  # there may be nothing of the player any more
            operate_forget(history, stage)
        for _ in range(MOST_REPAIRS):
            history.pass_a_day()
            operate_forget_due(history, stage)
        if list(find_unfinished(history.data.s3, history.data.names.rejects_bucket)):
            history.problems.append("an erasure is never finished")
        left = [
            table
            for table in (history.data.names.totals_table, history.data.names.receipts_table)
            for item in scan(history.data.dynamodb, table)
            if item["Username"] == {"S": LEAVER}
        ]
        history.problems += [f"the forgotten player is in {table}" for table in left]
        history.outcomes["players forgotten"] += 1


def _bring_back(data: DataStack) -> None:
    """Take back every removal of an object: what was discarded or redriven is there again."""
    bucket = data.names.rejects_bucket
    pages = data.s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
    for page in pages:
        for marker in page.get("DeleteMarkers", []):
            data.s3.delete_object(Bucket=bucket, Key=marker["Key"], VersionId=marker["VersionId"])


@contextmanager
def operating(
    data: DataStack, machines: Machines, chance: random.Random, outcomes: Counter[str]
) -> Iterator[Operated]:
    """A new history; operations invoke the function in an environment, and wait for nothing."""
    clock = Clock()
    streams = machines.aws.session.client("dynamodbstreams")
    arn = data.names.records_stream_arn
    stream = ForgetfulStream(streams, arn, chance.randint(1, 3), clock)
    mapping = ForgettingMapping(stream, app.aggregate_scores_by_user, machines.invocations)

    def invoke(stage: Stage, _: str, event: bytes) -> str:
        sessions = [each.session for each in machines.operators]
        environment = machines.invocations[1 + sessions.index(stage.aws)]
        try:
            environment.invoke(app.aggregate_scores_by_user, json.loads(event)["Records"])
        except Exception as error:
            raise FunctionFailed(str(error)) from error
        return "null"

    with (
        clock.tells_moments(),
        mock.patch.object(redriving, "invoke", invoke),
        mock.patch.object(followed_stream, "POLL_SECONDS", 0.01),
        mock.patch.object(totals, "room_on_item", return_value=ROOM),
    ):
        yield Operated(data, chance, stream, mapping, machines, outcomes)


def _nobody(*_: Any) -> None:
    """Is told."""

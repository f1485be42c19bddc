"""The pipeline's tables and bucket, delivered to by hand: no function and no mapping runs.

So a test decides what is counted when, down to the API call.
"""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from chalicelib.rejects import object_key
from chalicelib.scores import exact_sum
from chalicelib.stream_records import decode_stream_batch
from chalicelib.totals import GameScoresByUser
from operations.aws.session import AwsSession
from operations.aws.stage import AGGREGATOR, Stage
from operations.aws.table_stream import TableStream
from operations.aws.tables import ReadMeter
from operations.local.server import EmbeddedAws
from operations.totals.rebuild import Rebuilt, rebuild
from operations.totals.reconcile import Reconciliation, reconcile
from tests.data_stack import DataStack
from tests.faults import record_calls

SETTLE_SECONDS = 0.1

_ids = itertools.count(1)


@dataclass
class ByHand:
    """A stage without functions; `steps` are what operations said that they do.

    What a test does by hand goes by clients of their own, so hooks meet operations only.
    """

    stage: Stage
    data: DataStack
    hands: AwsSession
    steps: list[str] = field(default_factory=list)
    _stream: TableStream | None = None

    @property
    def dynamodb(self) -> Any:
        return self.hands.client("dynamodb")

    @property
    def core(self) -> GameScoresByUser:
        names = self.data.names
        return GameScoresByUser(self.dynamodb, names.totals_table, names.receipts_table)

    def write(self, user: str, score: str | int, record_id: int | None = None) -> int:
        """Write a record into the table, as a console does; its id."""
        record_id = next(_ids) if record_id is None else record_id
        item = {"Username": {"S": user}, "Score": {"N": str(score)}}
        self.dynamodb.put_item(
            TableName=self.data.names.records_table,
            Item={"RecordID": {"N": str(record_id)}, **item},
        )
        return record_id

    def erase(self, record_id: int) -> None:
        self.dynamodb.delete_item(
            TableName=self.data.names.records_table, Key={"RecordID": {"N": str(record_id)}}
        )

    def shown(self) -> list[dict[str, Any]]:
        """What the stream shows that was not taken from it before."""
        if self._stream is None:
            arn = self.data.names.records_stream_arn
            client = self.hands.client("dynamodbstreams")
            self._stream = TableStream(client, arn, "TRIM_HORIZON")
        return list(self._stream.read())

    def deliver(self, records: list[dict[str, Any]] | None = None) -> int:
        """Add what the stream shows, or these of its records, as the function does."""
        records = self.shown() if records is None else records
        return self.core.add(decode_stream_batch(records).changes).counted

    def redeliver(self) -> int:
        """Deliver everything again; how many changes were counted."""
        self._stream = None
        return self.deliver()

    def play(self, *users: str, scores: int = 3) -> None:
        """Each of them gets 1, 2, 3 …, all counted, some at a time, so that many fill pages."""
        for score in range(1, scores + 1):
            for user in users:
                self.write(user, score)
            if score % 20 == 0:
                self.deliver()
        self.deliver()

    def change_total(self, user: str, **attributes: Any) -> None:
        self.dynamodb.update_item(
            TableName=self.data.names.totals_table,
            Key={"Username": {"S": user}},
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in attributes),
            ExpressionAttributeValues={f":{name}": value for name, value in attributes.items()},
        )

    def set_total(self, user: str, total: str | int) -> None:
        self.change_total(user, Score={"N": str(total)})

    def delete_total(self, user: str) -> None:
        self.dynamodb.delete_item(
            TableName=self.data.names.totals_table, Key={"Username": {"S": user}}
        )

    def reject(self, *records: Any, key: str = "", reason: str = "it could not be taken") -> str:
        """Put the records into the bucket, as the aggregator does; the object's key."""
        rejects = [{"reason": reason, "record": record} for record in records]
        body = json.dumps({"function": AGGREGATOR, "rejects": rejects})
        return self.put_object(key or object_key(AGGREGATOR, list(records)), body)

    def give_up(self, *records: Any, key: str = "aws/lambda/uuid/shard/2026/given-up") -> str:
        """Put the records into the bucket, as Lambda does with a batch that it gives up."""
        content = {
            "requestContext": {
                "functionArn": f"arn:aws:lambda:::function:game-scores-local-{AGGREGATOR}",
                "condition": "RecordAgeExceeded",
            },
            "payload": {"Records": list(records)},
        }
        return self.put_object(key, json.dumps(content))

    def put_object(self, key: str, body: str) -> str:
        self.data.s3.put_object(Bucket=self.data.names.rejects_bucket, Key=key, Body=body.encode())
        return key

    def discard(self, key: str) -> None:
        self.data.s3.delete_object(Bucket=self.data.names.rejects_bucket, Key=key)

    @property
    def totals(self) -> dict[str, Decimal]:
        return {user: total for user, total in self.data.totals.items() if total}

    @property
    def sums(self) -> dict[str, Decimal]:
        """The sum of each user's records."""
        sums: dict[str, list[Decimal]] = {}
        for item in self.data.records.values():
            sums.setdefault(item["Username"]["S"], []).append(Decimal(item["Score"]["N"]))
        return {user: exact_sum(scores) for user, scores in sums.items()}

    def is_exact_for_ever(self) -> bool:
        """Whether every total is the sum, and stays so when everything is delivered again."""
        before = self.totals
        self.redeliver()
        return before == self.totals == self.sums

    def reconcile(self, **options: Any) -> Reconciliation:
        return reconcile(*self._arguments, **{"settle_seconds": SETTLE_SECONDS, **options})

    def rebuild(self, **options: Any) -> Rebuilt:
        return rebuild(*self._arguments, **{"settle_seconds": SETTLE_SECONDS, **options})

    @property
    def _arguments(self) -> Any:
        return (self.stage, ReadMeter(), lambda *_: None, self.steps.append)

    @contextmanager
    def hooked(self, event: str, act: Callable[[str], Any]) -> Iterator[None]:
        """Do that at each `before-send` or `after-call` of operations, except those that it makes.

        It takes the operation's name; what it returns is what botocore takes for an answer.
        """
        is_acting = False

        def hook(event_name: str, **_: Any) -> Any:
            nonlocal is_acting
            if is_acting:
                return None
            is_acting = True
            try:
                return act(event_name.rsplit(".", maxsplit=1)[-1])
            finally:
                is_acting = False

        clients = [self.stage.aws.client(name) for name in ("dynamodb", "dynamodbstreams", "s3")]
        for client in clients:
            client.meta.events.register(event, hook)
        try:
            yield
        finally:
            for client in clients:
                client.meta.events.unregister(event, hook)

    @property
    def calls(self) -> list[str]:
        """The calls that operations make to DynamoDB from now on; it grows."""
        calls: list[str] = record_calls(self.stage.aws.client("dynamodb"))
        return calls


def by_hand(aws: EmbeddedAws, data: DataStack) -> ByHand:
    """A new one, on empty tables."""
    return ByHand(Stage("local", aws.session, data.variables), data, aws.session)

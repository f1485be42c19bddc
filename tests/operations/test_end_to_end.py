"""The deployed pipeline: real `chalice deploy`, both streams, IAM enforced."""

import gzip
import json
import time
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from chalice.policy import policy_from_source_code

from operations.aws.config import PROJECT
from operations.aws.stage import Stage
from operations.aws.tables import read_totals, scan
from operations.local.demo import play_lab, run_demo
from operations.local.pipeline import deploy_locally
from operations.local.plan import plan_demo
from operations.local.server import EmbeddedAws
from operations.scores.generate import Tally
from tests.builders import TODAY, aggregate, event, inserted, kinesis_record
from tests.operations.conftest import until

ROLE = "game-scores-local"
DECLARED_CALLS = {
    "dynamodb.put_item": "dynamodb:PutItem",
    "dynamodb.update_item": "dynamodb:UpdateItem",
    "dynamodb.query": "dynamodb:Query",
    "s3.put_object": "s3:PutObject",
}


@pytest.fixture(scope="module")
def stage(aws: EmbeddedAws) -> Stage:
    aws.reset()
    return deploy_locally(aws, announce=lambda _: None)


@pytest.fixture
def role_policy(aws: EmbeddedAws) -> Iterator[tuple[Any, str, dict[str, Any]]]:
    """The IAM client, the role's policy's name, and the policy, which is restored afterwards."""
    iam = aws.session.client("iam")
    (name,) = iam.list_role_policies(RoleName=ROLE)["PolicyNames"]
    document: Any = iam.get_role_policy(RoleName=ROLE, PolicyName=name)["PolicyDocument"]
    policy = json.loads(document) if isinstance(document, str) else document
    yield iam, name, policy
    iam.put_role_policy(RoleName=ROLE, PolicyName=name, PolicyDocument=json.dumps(policy))


def test_the_lab_and_the_demo_come_out_exact(stage: Stage) -> None:
    tally, counted = Tally(), []

    answers = play_lab(stage, tally)
    result = run_demo(stage, tally, lambda *now: counted.append(now), plan_demo(300, 30, seed=3))

    assert answers == ["Successfully processed 1 records."] * 2
    assert result.differences == {}
    assert result.is_exact
    assert result.totals["Jane Doe"] == 100
    assert result.totals["John"] == Decimal(20)
    assert {name for name, _, _ in counted} == {"sent", "stored", "aggregated"}
    assert all(now <= goal for _, now, goal in counted)
    messages = [line.message for line in result.log_lines["ProcessKinesisRecords"]]
    assert "Decoded payload: Hello, this is a test 123." in messages


def test_an_aggregate_of_300_scores_is_300_rows_and_exact_totals_however_often_it_comes(
    stage: Stage,
) -> None:
    scores = [
        {"RecordID": 10**9 + number, "Username": f"packed-{number % 7}", "Score": number}
        for number in range(300)
    ]
    expected = {f"packed-{user}": sum(range(user, 300, 7)) for user in range(7)}
    last = {"RecordID": 2 * 10**9, "Username": "packed-last", "Score": 1}
    packed = aggregate(*scores)

    put(stage, packed)
    await_totals(stage, expected)
    for data in (packed, gzip.compress(packed), aggregate(*scores[::2], *scores[1::2])):
        put(stage, data)
    put(stage, json.dumps(last).encode())

    assert await_totals(stage, {"packed-last": 1}).items() >= expected.items()
    table = stage.names.records_table
    stored = [int(item["RecordID"]["N"]) for item in scan(stage.aws.client("dynamodb"), table)]
    assert [each for each in sorted(stored) if 10**9 <= each < 2 * 10**9] == [
        score["RecordID"] for score in scores
    ]


def test_the_role_has_what_chalice_generates(
    stage: Stage, role_policy: tuple[Any, str, dict[str, Any]]
) -> None:
    actions = {
        action for statement in role_policy[2]["Statement"] for action in statement["Action"]
    }

    assert actions >= {
        *DECLARED_CALLS.values(),
        "s3:ListBucket",
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        *(
            f"{service}:{action}"
            for service in ("kinesis", "dynamodb")
            for action in ("GetRecords", "GetShardIterator", "DescribeStream", "ListStreams")
        ),
    }


def test_all_declared_calls_suffice(stage: Stage) -> None:
    assert call_everything(stage, "Ann") == []
    totals = read_totals(stage.aws.client("dynamodb"), stage.names.totals_table)
    assert totals["Ann"] == 60


@pytest.mark.parametrize("call", DECLARED_CALLS)
def test_the_pipeline_fails_when_one_declared_call_is_taken_out_of_app_py(
    stage: Stage, role_policy: tuple[Any, str, dict[str, Any]], call: str
) -> None:
    iam, name, policy = role_policy
    source = (PROJECT / "app.py").read_text()
    lines = source.splitlines(keepends=True)
    without = "".join(line for line in lines if not line.strip().startswith(f"{call}("))
    taken_out = generated_actions(source) - generated_actions(without)
    assert taken_out == {DECLARED_CALLS[call]}
    statements = [
        {**statement, "Action": sorted(set(statement["Action"]) - taken_out)}
        for statement in policy["Statement"]
    ]
    smaller = {**policy, "Statement": [each for each in statements if each["Action"]]}
    iam.put_role_policy(RoleName=ROLE, PolicyName=name, PolicyDocument=json.dumps(smaller))

    failures = call_everything(stage, f"without {call}")

    assert any("AccessDenied" in failure and str(*taken_out) in failure for failure in failures), (
        failures
    )


def put(stage: Stage, data: bytes) -> None:
    """Send the data as one Kinesis record, to one shard, so that what is sent last comes last."""
    stage.aws.client("kinesis").put_record(
        StreamName=stage.names.stream, Data=data, PartitionKey="one shard"
    )


def await_totals(stage: Stage, expected: dict[str, int]) -> dict[str, Decimal]:
    """All totals, as soon as those expected are among them."""
    totals = partial(read_totals, stage.aws.client("dynamodb"), stage.names.totals_table)
    until(lambda: {name: totals().get(name) for name in expected}, expected)
    return totals()


def generated_actions(source: str) -> set[str]:
    policy = policy_from_source_code(source)
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def call_everything(stage: Stage, username: str) -> list[str]:
    """The functions' failures on events that make them do all they can do.

    A score, a reject, additions until receipts move to a page, and a redelivery of the archived.
    """
    changes = [inserted(username, 1, at=TODAY + second) for second in range(60)]
    score = {"RecordID": time.time_ns(), "Username": "somebody else", "Score": 1}
    deliveries = [
        ("ProcessKinesisRecords", event(kinesis_record(score), kinesis_record(b'{"Score": 1}'))),
        ("AggregateScoresByUser", event(*changes[:40])),
        ("AggregateScoresByUser", event(*changes[40:])),
        ("AggregateScoresByUser", event(*changes, {"eventName": "UNHEARD OF"})),
    ]
    failures = []
    for handler, delivered in deliveries:
        response = stage.aws.client("lambda").invoke(
            FunctionName=stage.function_name(handler), Payload=json.dumps(delivered).encode()
        )
        if "FunctionError" in response:
            failures.append(response["Payload"].read().decode())
    return failures

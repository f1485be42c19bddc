"""The calls that app.py declares for the policy generator, and those really made."""

import json

from chalice.policy import policy_from_source_code

from chalicelib.clients import Clients
from operations.aws.config import PROJECT
from operations.aws.stage import FUNCTIONS
from tests.builders import TODAY, inserted, kinesis_record
from tests.conftest import Invoke
from tests.data_stack import DataStack
from tests.faults import record_calls

LAMBDAS_OWN = {"s3:ListBucket"}
"""Declared for Lambda itself, which looks at its on-failure destination with the role."""


def test_the_declared_calls_are_those_really_made(
    invoke: Invoke, clients: Clients, data: DataStack
) -> None:
    changes = [inserted("Ann", 1, at=TODAY + second) for second in range(60)]
    table_calls, bucket_calls = record_calls(clients.dynamodb), record_calls(clients.s3)

    invoke("ProcessKinesisRecords", kinesis_record({"RecordID": 1, "Username": "A", "Score": 1}))
    invoke("ProcessKinesisRecords", kinesis_record(b'{"Score": 1}'))
    for part in (changes[:40], changes[40:], changes):
        invoke("AggregateScoresByUser", *part)

    policy = policy_from_source_code((PROJECT / "app.py").read_text())
    declared = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert data.totals["Ann"] == 60
    made = {f"dynamodb:{call}" for call in table_calls} | {f"s3:{call}" for call in bucket_calls}
    assert made == declared - LAMBDAS_OWN


def test_prods_policies_allow_the_declared_calls_and_no_more() -> None:
    declared = policy_from_source_code((PROJECT / "app.py").read_text())["Statement"]
    services = ("dynamodb", "s3")

    allowed = {
        action
        for handler in FUNCTIONS
        for statement in json.loads(
            (PROJECT / ".chalice" / f"policy-prod-{handler}.json").read_text()
        )["Statement"]
        for action in statement["Action"]
        if action.split(":")[0] in services and statement["Sid"] != "ReadTheTablesStream"
    }

    assert allowed == {action for statement in declared for action in statement["Action"]}

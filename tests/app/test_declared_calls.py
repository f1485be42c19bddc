"""The calls that app.py declares for the policy generator, and those really made."""

import json

from chalice.policy import policy_from_source_code

from operations.stage.config import PROJECT
from operations.stage.stage import FUNCTIONS
from tests.builders import TODAY, inserted, kinesis_record
from tests.conftest import MADE_CALLS, Invoke
from tests.data_stack import DataStack

LAMBDAS_OWN = {"s3:ListBucket"}
"""Declared for Lambda itself, which looks at its on-failure destination with the role."""


def actions_made() -> set[str]:
    """The actions that allow the operations sent so far."""
    return {
        f"{service}:{action}" for service, operations in MADE_CALLS.items() for action in operations
    }


def test_the_declared_calls_are_those_really_made(invoke: Invoke, data: DataStack) -> None:
    changes = [inserted("Ann", 1, at=TODAY + second) for second in range(60)]

    invoke("ProcessKinesisRecords", kinesis_record({"RecordID": 1, "Username": "A", "Score": 1}))
    invoke("ProcessKinesisRecords", kinesis_record(b'{"Score": 1}'))
    for part in (changes[:40], changes[40:], changes):
        invoke("AggregateScoresByUser", *part)

    policy = policy_from_source_code((PROJECT / "app.py").read_text())
    declared = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert data.totals["Ann"] == 60
    assert actions_made() == declared - LAMBDAS_OWN


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

"""`python -m operations deploy` from a fresh clone: deployed, driven, redeployed, taken away."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from operations.aws.change_sets import PlannedChange
from operations.aws.config import PROJECT, recorded_variables
from operations.aws.mappings import list_mappings
from operations.aws.session import account_of
from operations.aws.stacks import apply_stack, delete_stack
from operations.aws.stage import (
    AGGREGATOR,
    FUNCTIONS,
    Stage,
    data_stack_name,
    monitoring_stack_name,
    stage_suffix,
)
from operations.aws.tables import read_totals
from operations.aws.templates import read_template
from operations.deploy.chalice import ACCOUNT_VARIABLE, fill_in_account, run_chalice
from operations.deploy.data_resources import data_resources, is_there, retained
from operations.deploy.mapping_options import read_mapping_options
from operations.deploy.package import package_app
from operations.deploy.remembered import find_deployed
from operations.deploy.steps import (
    DATA_TEMPLATE,
    LOCAL_PARAMETERS,
    STEPS,
    Deployment,
    deploy,
)
from operations.local.server import EmbeddedAws
from tests.batching import batching_options
from tests.conftest import drive, upload
from tests.data_stack import recreate_table
from tests.operations.clone import Clone, new_clone
from tests.operations.conftest import until
from tests.operations.test_end_to_end import call_everything
from tests.policies import DEPLOYER, EMBEDDED_ACCOUNT, without

NOT_ENFORCED = {
    "ReadTheStream": "Lambda itself reads the stream",
    "ReadTheTablesStream": "Lambda itself reads the stream",
    "LambdaSavesWhatItGivesUp": "Lambda itself writes there",
    "LambdaChecksItsDestination": "Lambda itself lists it",
    "WriteLog": "Lambda itself writes the log",
}
"""Statements for what Lambda does with the role; the embedded AWS asks for none of it."""

DASHBOARD = "game-scores-prod-us-east-1"
ANEW = "operations deploy record app mappings monitoring --stage prod"
NEW_AND_OLD: Any = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}

OWN_ACCOUNT = {"StringEquals": {"aws:ResourceAccount": ACCOUNT_VARIABLE}}

POLICIES: dict[str, dict[str, Any]] = {
    handler: json.loads((PROJECT / ".chalice" / f"policy-prod-{handler}.json").read_text())
    for handler in FUNCTIONS
}
ENFORCED = [
    (handler, statement["Sid"], action)
    for handler, policy in POLICIES.items()
    for statement in policy["Statement"]
    for action in statement["Action"]
    if statement["Sid"] not in NOT_ENFORCED
]


@pytest.fixture(scope="module")
def clone(aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone that has deployed prod."""
    clone = new_clone(aws, tmp_path_factory.mktemp("clone"))
    deployed = clone.start(
        "deploy", "--stage", "prod", "--data-parameter", "StreamRetentionHours=48"
    )
    assert deployed.returncode == 0, deployed.stderr
    assert "Add    │ Records" in deployed.stderr
    assert "Stage prod is up to date." in deployed.stderr
    return clone


@pytest.fixture(scope="module")
def prod(clone: Clone) -> Stage:
    return clone.stage("prod")


@pytest.fixture
def roles(prod: Stage) -> Iterator[Any]:
    """The IAM client; afterwards the functions' policies are those of the files again."""
    yield prod.aws.client("iam")
    for handler in FUNCTIONS:
        put_policy(prod, handler, POLICIES[handler])


def test_what_was_deployed_works_and_is_recorded(clone: Clone, prod: Stage) -> None:
    assert drive(prod, {"Ann": 5, "Ben": 7}) == {"Ann": 5, "Ben": 7}
    assert recorded_variables(clone.folder, "prod") == prod.variables


def test_the_mappings_have_the_options_of_the_template(clone: Clone, prod: Stage) -> None:
    for handler, age_seconds in zip(FUNCTIONS, (24 * 3600, 12 * 3600), strict=True):
        options = read_mapping_options(prod, clone.folder, handler)

        assert options["MaximumRecordAgeInSeconds"] == age_seconds
        assert options["MetricsConfig"] == {"Metrics": ["EventCount"]}
        assert options["DestinationConfig"] == {
            "OnFailure": {"Destination": f"arn:aws:s3:::{prod.names.rejects_bucket}"}
        }
        assert mapping_options(prod, handler) == wanted_options(clone, prod, handler)


def wanted_options(clone: Clone, prod: Stage, handler: str) -> dict[str, Any]:
    """As app.py and the template have them, as far as the embedded AWS keeps them."""
    options = read_mapping_options(prod, clone.folder, handler)
    return {
        **{name: options[name] for name in options if name in KNOWN_OPTIONS},
        **batching_options(handler),
    }


def test_what_chalice_remembers_is_found_in_the_account(clone: Clone, prod: Stage) -> None:
    remembered = json.loads((clone.folder / ".chalice" / "deployed" / "prod.json").read_text())

    found = list(find_deployed(prod))

    assert by_name(found) == by_name(remembered["resources"])


def test_dashboard_and_alarms_are_there(clone: Clone, prod: Stage, aws: EmbeddedAws) -> None:
    cloudwatch = aws.session.client("cloudwatch")

    alarms = {alarm["AlarmName"] for alarm in cloudwatch.describe_alarms()["MetricAlarms"]}
    body = json.loads(cloudwatch.get_dashboard(DashboardName=DASHBOARD)["DashboardBody"])

    assert {
        alarm.rsplit(":", 1)[1] for alarm in body["widgets"][0]["properties"]["alarms"]
    } == alarms
    assert {f"{prod.function_name(handler)}-behind" for handler in FUNCTIONS} <= alarms
    for handler in FUNCTIONS:
        assert prod.function_name(handler) in json.dumps(body)


def test_every_function_runs_with_its_own_policy(prod: Stage) -> None:
    for handler in FUNCTIONS:
        role = prod.aws.client("lambda").get_function(FunctionName=prod.function_name(handler))

        assert role["Configuration"]["Role"].endswith(f":role/game-scores-prod-{handler}")
        assert get_policy(prod, handler) == filled_in(POLICIES[handler])
    assert call_everything(prod, "Cid") == []


@pytest.mark.parametrize(("handler", "sid", "action"), ENFORCED)
def test_every_allowed_action_is_needed(
    prod: Stage, roles: Any, handler: str, sid: str, action: str
) -> None:
    put_policy(prod, handler, without(POLICIES[handler], sid, action))

    failures = call_everything(prod, f"without {sid} {action}")

    assert any("AccessDenied" in failure and action in failure for failure in failures), failures


@pytest.mark.parametrize("handler", FUNCTIONS)
def test_a_policy_reaches_nothing_of_others(prod: Stage, roles: Any, handler: str) -> None:
    other = next(each for each in FUNCTIONS if each != handler)
    put_policy(prod, handler, POLICIES[other])

    failures = call_everything(prod, f"{handler} with the other's policy")

    assert any("AccessDenied" in failure for failure in failures)


def test_what_lambda_does_with_the_roles_is_what_aws_asks_for() -> None:
    """As https://docs.aws.amazon.com/lambda/latest/dg/ tells for streams and destinations."""
    stream = {"DescribeStream", "GetRecords", "GetShardIterator"}
    expected = {
        "ReadTheStream": {
            f"kinesis:{each}" for each in (*stream, "DescribeStreamSummary", "ListShards")
        },
        "ReadTheTablesStream": {f"dynamodb:{each}" for each in (*stream, "ListStreams")},
        "LambdaSavesWhatItGivesUp": {"s3:PutObject"},
        "LambdaChecksItsDestination": {"s3:ListBucket"},
        "WriteLog": {"logs:CreateLogStream", "logs:PutLogEvents"},
    }

    statements = [
        statement
        for policy in POLICIES.values()
        for statement in policy["Statement"]
        if statement["Sid"] in NOT_ENFORCED
    ]

    assert {statement["Sid"] for statement in statements} == set(NOT_ENFORCED) == set(expected)
    for statement in statements:
        assert set(statement["Action"]) == expected[statement["Sid"]]


def test_a_policy_reaches_its_own_account_only_in_any_partition() -> None:
    """Log groups need no condition: a call names none but the account's own."""
    for policy in POLICIES.values():
        for statement in policy["Statement"]:
            assert all(each.startswith("arn:*:") for each in statement["Resource"])
            if statement["Sid"] != "WriteLog":
                assert statement["Condition"] == OWN_ACCOUNT


@pytest.mark.parametrize("handler", FUNCTIONS)
def test_a_policy_for_another_account_reaches_nothing(
    prod: Stage, roles: Any, handler: str
) -> None:
    put_policy(prod, handler, filled_in(POLICIES[handler], "111111111111"))

    failures = call_everything(prod, f"{handler} of another account")

    assert any("AccessDenied" in failure for failure in failures)


TABLES = ("table/GameScoreRecords", "table/GameScoresByUser", "table/GameScoreReceipts")


def test_every_resource_is_named() -> None:
    for handler, policy in POLICIES.items():
        for statement in policy["Statement"]:
            assert all("*" not in action for action in statement["Action"])
            for resource in statement["Resource"]:
                _, _, service, _, _, name = resource.split(":", 5)
                fixed: dict[str, str | tuple[str, ...]] = {
                    "kinesis": "stream/game-scores",
                    "dynamodb": TABLES,
                    "s3": f"game-scores-rejects-{ACCOUNT_VARIABLE}-",
                    "logs": f"log-group:/aws/lambda/game-scores-prod-{handler}:",
                }
                assert name.startswith(fixed[service])
                assert "*" not in name.split("/stream/")[0] or service in ("s3", "logs")


def test_another_stage_from_the_package_lives_beside_it(
    clone: Clone, prod: Stage, tmp_path: Path
) -> None:
    parameters = {**LOCAL_PARAMETERS, "Suffix": stage_suffix("dev")}
    apply_stack(
        prod.aws.client("cloudformation"),
        data_stack_name("dev"),
        PROJECT / DATA_TEMPLATE,
        parameters,
    )
    dev = clone.stage("dev")
    package_app(clone.folder, "dev", tmp_path / "out")

    apply_stack(
        prod.aws.client("cloudformation"),
        "game-scores-dev",
        upload(dev, tmp_path / "out", tmp_path),
        {"Stage": "dev", "DataStack": data_stack_name("dev")},
    )

    assert drive(dev, {"Ann": 1, "Dan": 2}) == {"Ann": 1, "Dan": 2}
    totals = read_totals(prod.aws.client("dynamodb"), "GameScoresByUser")
    assert totals["Ann"] == 5
    assert "Dan" not in totals

    function = dev.aws.client("lambda").get_function(
        FunctionName=dev.function_name("AggregateScoresByUser")
    )
    dev.aws.client("lambda").tag_resource(  # as CloudFormation does
        Resource=function["Configuration"]["FunctionArn"],
        Tags={"aws:cloudformation:stack-name": "game-scores-dev"},
    )
    refused = clone.run("destroy", "--stage", "dev")
    assert refused.returncode == 1
    assert "belongs to the stack game-scores-dev" in refused.stderr


def test_a_change_that_would_lose_data_is_refused(clone: Clone, prod: Stage) -> None:
    refused = clone.run("deploy", "data", "--stage", "prod", "--data-parameter", "Suffix=-other")

    assert refused.returncode == 1
    assert "--allow-replacement Records" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert clone.stage("prod").variables == prod.variables


@pytest.mark.parametrize(
    ("option", "known"),
    [
        ("--data-parameter", "data.yaml has no parameter Foo, only DeletionProtection, KmsKeyArn"),
        (
            "--monitoring-parameter",
            "monitoring.yaml has no parameter Foo, only AggregateScoresByUser",
        ),
    ],
)
def test_a_parameter_that_the_template_lacks_is_refused_by_name(
    clone: Clone, prod: Stage, option: str, known: str
) -> None:
    before = stack_parameters(prod)

    refused = clone.run("deploy", "--stage", "prod", option, "Foo=4")

    assert refused.returncode == 2
    assert known in refused.stderr
    assert "Creating or updating" not in refused.stderr
    assert stack_parameters(prod) == before


def stack_parameters(stage: Stage) -> list[Any]:
    """The parameters of the stage's stacks, as they are."""
    stacks = stage.aws.client("cloudformation").describe_stacks()["Stacks"]
    return [each["Parameters"] for each in stacks]


@pytest.mark.parametrize(
    ("change", "loses"),
    [
        (PlannedChange("Modify", "Records", "AWS::DynamoDB::Table", "True"), True),
        (PlannedChange("Modify", "Stream", "AWS::Kinesis::Stream", "Conditional"), True),
        (PlannedChange("Remove", "Rejects", "AWS::S3::Bucket", ""), True),
        (PlannedChange("Modify", "Records", "AWS::DynamoDB::Table", "False"), False),
        (PlannedChange("Remove", "RejectsPolicy", "AWS::S3::BucketPolicy", ""), False),
        (PlannedChange("Add", "Records", "AWS::DynamoDB::Table", ""), False),
    ],
)
def test_what_loses_data_is_what_replaces_or_drops_it(change: PlannedChange, loses: bool) -> None:
    assert change.loses_data is loses


def test_a_later_chalice_deploy_with_more_memory_keeps_mappings_and_options(
    clone: Clone, prod: Stage
) -> None:
    before = {
        handler: (mapping_id(prod, handler), mapping_options(prod, handler))
        for handler in FUNCTIONS
    }
    path = clone.folder / ".chalice" / "config.json"
    path.write_text(
        re.sub(r'"lambda_memory_size": \d+', '"lambda_memory_size": 640', path.read_text())
    )

    fill_in_account(clone.folder, account_of(prod.aws))  # as `operations deploy` does
    run_chalice(clone.folder, ["deploy", "--stage", "prod"], clone.users[DEPLOYER])

    for handler in FUNCTIONS:
        function = prod.aws.client("lambda").get_function(FunctionName=prod.function_name(handler))
        assert function["Configuration"]["MemorySize"] == 640
        assert (mapping_id(prod, handler), mapping_options(prod, handler)) == before[handler]
    assert drive(prod, {"Eve": 9})["Eve"] == 9


def test_every_step_may_be_repeated(clone: Clone, prod: Stage) -> None:
    before = {handler: mapping_id(prod, handler) for handler in FUNCTIONS}
    lost = list_mappings(prod, "AggregateScoresByUser")[0]
    prod.aws.client("lambda").update_event_source_mapping(
        UUID=lost["UUID"], ParallelizationFactor=7
    )

    again = clone.run("deploy", "data", "record", "mappings", "monitoring", "--stage", "prod")

    assert again.returncode == 0, again.stderr
    assert {handler: mapping_id(prod, handler) for handler in FUNCTIONS} == before
    assert mapping_options(prod, AGGREGATOR) == wanted_options(clone, prod, AGGREGATOR)


@pytest.mark.parametrize("steps", [[step.name for step in STEPS], ["mappings", "monitoring"]])
def test_the_data_stack_is_asked_once_a_run(clone: Clone, prod: Stage, steps: list[str]) -> None:
    asked: list[str] = []
    events = prod.aws.client("cloudformation").meta.events
    event = "provide-client-params.cloudformation.DescribeStacks"
    events.register(event, lambda params, **_: asked.append(params["StackName"]), unique_id="asked")

    deploy(Deployment(prod, clone.folder, {}, {}), steps, announce=lambda _: None)

    events.unregister(event, unique_id="asked")
    assert asked == [data_stack_name("prod"), monitoring_stack_name("prod")]


def test_a_stage_goes_on_where_it_ended_when_it_was_destroyed(clone: Clone, prod: Stage) -> None:
    before = read_totals(prod.aws.client("dynamodb"), "GameScoresByUser")
    mappings = {mapping_id(prod, handler) for handler in FUNCTIONS}

    destroyed = clone.run("destroy", "--stage", "prod")
    deployed = clone.run("deploy", "--stage", "prod")

    assert (destroyed.returncode, deployed.returncode) == (0, 0), deployed.stderr
    assert mappings.isdisjoint(mapping_id(prod, handler) for handler in FUNCTIONS)
    assert mapping_options(prod, AGGREGATOR) == wanted_options(clone, prod, AGGREGATOR)
    assert drive(prod, {"Fay": 3}) == {**before, "Fay": 3}


def test_a_table_that_is_made_anew_gets_its_mapping_back(clone: Clone, prod: Stage) -> None:
    drive(prod, {"Gil": 4})
    lost = mapping_id(prod, AGGREGATOR)
    recreate_table(prod.aws.client("dynamodb"), "GameScoreRecords")

    advised = status_problems(clone)
    deployed = clone.run("deploy", "--stage", "prod")

    assert any(f"`python -m {ANEW}`" in problem for problem in advised), advised
    assert deployed.returncode == 0, deployed.stderr
    assert "Deleting a mapping without use" in deployed.stderr
    assert mapping_id(prod, AGGREGATOR) != lost
    assert mapping_options(prod, AGGREGATOR) == wanted_options(clone, prod, AGGREGATOR)
    assert drive(clone.stage("prod"), {"Hal": 2})["Hal"] == 2
    assert status_problems(clone) == []


def test_a_restore_to_a_point_in_time_ends_with_exact_totals(clone: Clone, prod: Stage) -> None:
    dynamodb = prod.aws.client("dynamodb")
    drive(clone.stage("prod"), {"Ida": 6, "Jon": 8})
    dynamodb.restore_table_to_point_in_time(
        SourceTableName="GameScoreRecords", TargetTableName="Restored", UseLatestRestorableTime=True
    )
    drive(clone.stage("prod"), {"Jon": 100, "after": 1})  # what the restore takes back
    until(lambda: read_totals(dynamodb, "GameScoresByUser")["Jon"], 108)
    backup = dynamodb.create_backup(TableName="Restored", BackupName="restored")
    dynamodb.delete_table(TableName="GameScoreRecords")
    dynamodb.restore_table_from_backup(
        TargetTableName="GameScoreRecords", BackupArn=backup["BackupDetails"]["BackupArn"]
    )

    without_stream = clone.run("deploy", "record", "--stage", "prod")
    advised = status_problems(clone)
    dynamodb.update_table(TableName="GameScoreRecords", StreamSpecification=NEW_AND_OLD)
    deployed = clone.run(*ANEW.split()[1:])
    rebuilt = clone.run("rebuild", "--stage", "prod", "--settle", "1", "--json")

    assert without_stream.returncode == 1
    assert "GameScoreRecords has no stream" in without_stream.stderr
    assert any("aws dynamodb update-table" in problem for problem in advised), advised
    assert deployed.returncode == 0, deployed.stderr
    assert rebuilt.returncode == 0, rebuilt.stderr
    totals = drive(clone.stage("prod"), {"Kim": 1})
    assert {name: totals[name] for name in ("Ida", "Jon", "Kim")} == {"Ida": 6, "Jon": 8, "Kim": 1}
    assert clone.run("reconcile", "--stage", "prod").returncode == 0
    assert status_problems(clone) == []
    dynamodb.delete_table(TableName="Restored")


def test_destroy_keeps_the_data_until_it_is_told_to_delete_it(clone: Clone, prod: Stage) -> None:
    before = read_totals(prod.aws.client("dynamodb"), "GameScoresByUser")

    destroyed = clone.run("destroy", "--stage", "prod")

    assert destroyed.returncode == 0, destroyed.stderr
    assert list(find_deployed(prod)) == []
    assert read_totals(prod.aws.client("dynamodb"), "GameScoresByUser") == before
    assert clone.run("destroy", "--stage", "prod", "--delete-all-data-of", "dev").returncode == 2

    prod.aws.client("kinesis").delete_stream(StreamName="game-scores")  # lost, as is a table
    prod.aws.client("dynamodb").delete_table(TableName="GameScoreReceipts")

    emptied = clone.run("destroy", "--stage", "prod", "--delete-all-data-of", "prod")

    assert emptied.returncode == 0, emptied.stderr
    assert what_is_left(prod) == []
    assert recorded_variables(clone.folder, "prod") == {}


LOSSES: dict[str, Callable[[Stage], object]] = {
    "the stack": lambda stage: delete_stack(
        stage.aws.client("cloudformation"), data_stack_name(stage.name)
    ),
    "the stream": lambda stage: stage.aws.client("kinesis").delete_stream(
        StreamName=stage.names.stream
    ),
    "a table": lambda stage: stage.aws.client("dynamodb").delete_table(
        TableName=stage.names.totals_table
    ),
    "the bucket": lambda stage: stage.aws.client("s3").delete_bucket(
        Bucket=stage.names.rejects_bucket
    ),
}


@pytest.mark.parametrize("lost", LOSSES)
def test_destroy_can_be_repeated_after_a_loss(clone: Clone, lost: str) -> None:
    deployed = clone.run("deploy", "data", "record", "--stage", "prod")
    assert deployed.returncode == 0, deployed.stderr
    prod = clone.stage("prod")
    resources = data_resources(prod, read_template((PROJECT / DATA_TEMPLATE).read_text()))
    assert {each.variable: each.name for each in resources}.items() <= prod.variables.items()
    assert all(is_there(prod, each) for each in resources)
    assert retained(prod, resources) == list(resources)
    LOSSES[lost](prod)

    emptied = clone.run("destroy", "--stage", "prod", "--delete-all-data-of", "prod")
    again = clone.run("destroy", "--stage", "prod", "--delete-all-data-of", "prod")

    assert emptied.returncode == 0, emptied.stderr
    assert again.returncode == 0, again.stderr
    assert what_is_left(prod) == []
    assert recorded_variables(clone.folder, "prod") == {}


def test_a_table_of_others_by_the_same_name_is_left_alone(clone: Clone) -> None:
    dynamodb = clone.aws.session.client("dynamodb")
    dynamodb.create_table(
        TableName="GameScoreRecords",
        AttributeDefinitions=[{"AttributeName": "RecordID", "AttributeType": "N"}],
        KeySchema=[{"AttributeName": "RecordID", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )

    emptied = clone.run("destroy", "--stage", "prod", "--delete-all-data-of", "prod")

    assert emptied.returncode == 0, emptied.stderr
    assert "GameScoreRecords" in dynamodb.list_tables()["TableNames"]
    dynamodb.delete_table(TableName="GameScoreRecords")


def test_without_credentials_or_with_another_stage_the_next_step_is_told(clone: Clone) -> None:
    nobody = subprocess.run(
        [sys.executable, "-m", "operations", "deploy", "--stage", "dev", "--region", "eu-west-1"],
        cwd=clone.folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert nobody.returncode == 2
    assert "run `aws configure`, set" in nobody.stderr
    assert "There is no stage 'test'" in clone.run("deploy", "--stage", "test").stderr
    assert "deploy dev or prod" in clone.run("deploy", "--stage", "local").stderr


KNOWN_OPTIONS = {
    "BisectBatchOnFunctionError",
    "MaximumRetryAttempts",
    "MaximumRecordAgeInSeconds",
    "ParallelizationFactor",
    "DestinationConfig",
}
"""Those that the embedded AWS keeps; MetricsConfig it forgets."""


def what_is_left(stage: Stage) -> list[str]:
    """The stream, the tables and the bucket of the stage that are still there."""
    there = [
        *stage.aws.client("kinesis").list_streams()["StreamNames"],
        *stage.aws.client("dynamodb").list_tables()["TableNames"],
        *(bucket["Name"] for bucket in stage.aws.client("s3").list_buckets()["Buckets"]),
    ]
    return [name for name in there if name in stage.variables.values()]


def status_problems(clone: Clone) -> list[str]:
    """What `status` finds wrong with prod's mappings and tables."""
    found = clone.run("status", "--stage", "prod", "--json")
    problems: list[str] = json.loads(found.stdout)["problems"]
    return [each for each in problems if each.startswith(("mapping", "table"))]


def mapping_id(stage: Stage, handler: str) -> str:
    (mapping,) = list_mappings(stage, handler)
    return mapping["UUID"]


def mapping_options(stage: Stage, handler: str) -> dict[str, Any]:
    (mapping,) = list_mappings(stage, handler)
    shown = {*KNOWN_OPTIONS, "BatchSize", "MaximumBatchingWindowInSeconds"}
    return {name: value for name, value in mapping.items() if name in shown}


def by_name(resources: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    return {resource["name"]: resource for resource in resources}


def get_policy(stage: Stage, handler: str) -> Any:
    role = f"game-scores-prod-{handler}"
    (name,) = stage.aws.client("iam").list_role_policies(RoleName=role)["PolicyNames"]
    document: Any = stage.aws.client("iam").get_role_policy(RoleName=role, PolicyName=name)[
        "PolicyDocument"
    ]
    return json.loads(document) if isinstance(document, str) else document


def filled_in(policy: dict[str, Any], account: str = EMBEDDED_ACCOUNT) -> Any:
    """The policy with its variable filled in, which the embedded AWS leaves as it stands."""
    return json.loads(json.dumps(policy).replace(ACCOUNT_VARIABLE, account))


def put_policy(stage: Stage, handler: str, policy: Any) -> None:
    role = f"game-scores-prod-{handler}"
    (name,) = stage.aws.client("iam").list_role_policies(RoleName=role)["PolicyNames"]
    stage.aws.client("iam").put_role_policy(
        RoleName=role, PolicyName=name, PolicyDocument=json.dumps(filled_in(policy))
    )

"""infrastructure/policies: enough for every verb, and nothing that none of them needs.

One life of a stage is run with them on the embedded AWS, IAM enforced: deployed, operated with
every verb, changed, taken away. Each call is written down, so that the policies are compared with
what is really called; then each action is taken out, and the calls that need it are made again.
"""

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from botocore import xform_name
from botocore.exceptions import ClientError
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from operations.__main__ import run as run_command_line
from operations.aws.config import PROJECT
from operations.aws.session import AwsSession
from operations.aws.stacks import delete_stack
from operations.aws.stage import (
    FUNCTIONS,
    INGESTION,
    Stage,
    data_stack_name,
    with_names,
)
from operations.local.server import EmbeddedAws
from operations.scores.send import send_payloads
from tests.operations.clone import Clone, new_clone
from tests.operations.conftest import totals, until
from tests.operations.days import a_day_later
from tests.operations.repairing import switch
from tests.operations.test_forget import archive
from tests.operations.test_rejects import keys, score, store, store_rejects
from tests.operations.test_rejects_of_lambda import kinesis_arn, kinesis_place
from tests.policies import (
    DEPLOYER,
    NOT_ENFORCED_THERE,
    OPERATOR,
    OWN_ACCOUNT,
    actions_of,
    give,
    read_policy,
    without,
)
from tests.recorded import age_exceeded, kinesis_batch, on_failure_key
from tests.recorder import sitecustomize as recorder

POLICIES = {name: read_policy(name) for name in (DEPLOYER, OPERATOR)}

NO_RESOURCE = {
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "cloudwatch:PutCompositeAlarm",
    "dynamodb:ListBackups",
    "lambda:CreateEventSourceMapping",
    "lambda:ListEventSourceMappings",
    "logs:DescribeLogGroups",
}
"""Actions for which AWS knows no resource to restrict them to, or takes none for composite alarms.

https://docs.aws.amazon.com/service-authorization/latest/reference/
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

NEEDS_NO_PERMISSION = {"sts:GetCallerIdentity"}
"""https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""

CALLED_OTHERWISE = {
    ("lambda", "Invoke"): "lambda:InvokeFunction",
    ("s3", "HeadBucket"): "s3:ListBucket",
    ("s3", "HeadObject"): "s3:GetObject",
    ("s3", "ListObjectVersions"): "s3:ListBucketVersions",
    ("s3", "ListObjectsV2"): "s3:ListBucket",
}
"""Calls that are allowed by an action of another name."""

HANDLED = {
    "AWS::Kinesis::Stream": "arn:aws:kinesis:eu-west-1:123456789012:stream/game-scores",
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:eu-west-1:123456789012:table/GameScoreRecords",
    "AWS::S3::Bucket": "arn:aws:s3:::game-scores-rejects-123456789012-eu-west-1",
    "AWS::S3::BucketPolicy": "arn:aws:s3:::game-scores-rejects-123456789012-eu-west-1",
    "AWS::CloudWatch::Alarm": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:game-scores-a",
    "AWS::CloudWatch::CompositeAlarm": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:"
    "game-scores-a",
    "AWS::CloudWatch::Dashboard": "arn:aws:cloudwatch::123456789012:dashboard/game-scores-a",
}
"""The types in the templates, and a resource of each."""

NOT_CALLED_FOR = {
    "AWS::Kinesis::Stream": {
        "enhanced metrics, a mode, sizes and warm throughput of one's own": "kinesis: "
        "DisableEnhancedMonitoring EnableEnhancedMonitoring UpdateMaxRecordSize UpdateStreamMode "
        "UpdateStreamRecordDistributionStrategy UpdateStreamWarmThroughput",
        "a stream that is not encrypted": "kinesis: StopStreamEncryption",
    },
    "AWS::DynamoDB::Table": {
        "replicas": "dynamodb: AssociateTableReplica BatchWriteItem CreateTableReplica DeleteItem "
        "GetItem PutItem Query Scan UpdateItem",
        "a role for replicas": "iam: CreateServiceLinkedRole",
        "an import from S3": "dynamodb: DescribeImport ImportTable",
        "the log of an import": "logs: CreateLogGroup CreateLogStream DescribeLogGroups "
        "DescribeLogStreams PutLogEvents PutRetentionPolicy",
        "the source of an import": "s3: GetObject GetObjectMetadata ListBucket",
        "contributor insights and a policy of the table": "dynamodb: DeleteResourcePolicy "
        "PutResourcePolicy UpdateContributorInsights",
        "a Kinesis destination": "dynamodb: DisableKinesisStreamingDestination "
        "EnableKinesisStreamingDestination UpdateKinesisStreamingDestination",
        "the stream of that destination": "kinesis: DescribeStream PutRecords",
        "a key of one's own, whose policy allows it": "kms: CreateGrant Decrypt DescribeKey "
        "Encrypt ListAliases RevokeGrant",
    },
    "AWS::S3::Bucket": {
        "access by attributes, lists of access and locks": "s3: GetBucketAcl PutBucketAbac "
        "PutBucketAcl PutBucketObjectLockConfiguration PutObjectAcl PutObjectLockConfiguration",
        "what a bucket of ours has not": "s3: PutAccelerateConfiguration PutAnalyticsConfiguration "
        "PutBucketCORS PutBucketLogging PutBucketNotification PutBucketWebsite "
        "PutIntelligentTieringConfiguration PutInventoryConfiguration PutMetricsConfiguration",
        "what nobody takes out of the template": "s3: DeleteBucketAnalyticsConfiguration "
        "DeleteBucketCors DeleteBucketEncryption DeleteBucketLifecycle "
        "DeleteBucketMetricsConfiguration DeleteBucketWebsite DeleteObject",
        "replication": "s3: DeleteBucketReplication PutBucketReplication "
        "PutReplicationConfiguration",
        "the role of replication": "iam: PassRole",
        "metadata tables": "s3: CreateBucketMetadataTableConfiguration "
        "DeleteBucketMetadataTableConfiguration UpdateBucketMetadataAnnotationTableConfiguration "
        "UpdateBucketMetadataInventoryTableConfiguration "
        "UpdateBucketMetadataJournalTableConfiguration",
        "the tables of metadata": "s3tables: CreateNamespace CreateTable CreateTableBucket "
        "GetTable GetTableMetadataLocation PutTableBucketPolicy PutTableEncryption PutTablePolicy "
        "UpdateTableMetadataLocation",
    },
}
"""What CloudFormation may do with the types, but has no reason to with our templates."""

BY_LAMBDA = {"iam:PassRole"}
"""What Lambda asks for when a function with a role is made; the embedded AWS does not."""

NO_SCORE = b'{"RecordID": 3, "Username": "Ben"}'

AFTER_A_FAILURE = {
    f"cloudformation:{action}": {"StackName": "game-scores-data"}
    for action in ("DescribeEvents", "DescribeStackEvents")
}
"""What is called only when a stack has failed, and how."""

DENIED = {"AccessDenied", "AccessDeniedException", "403"}

ACTIONS = [
    pytest.param(name, statement["Sid"], action, id=f"{name}-{statement['Sid']}-{action}")
    for name, policy in POLICIES.items()
    for statement in policy["Statement"]
    for action in statement["Action"]
]


class Call(NamedTuple):
    """A call to AWS; its parameters as JSON."""

    service: str
    operation: str
    parameters: str

    @property
    def action(self) -> str:
        """The IAM action that allows it."""
        if (self.service, self.operation) in CALLED_OTHERWISE:
            return CALLED_OTHERWISE[self.service, self.operation]
        version = "Version" if "VersionId" in json.loads(self.parameters) else ""
        return f"{self.service.removesuffix('streams')}:{self.operation}{version}"

    @property
    def on(self) -> str:
        """What it is about, as far as policies tell resources apart."""
        named = json.loads(self.parameters)
        names = ("TableName", "StreamName", "StackName", "FunctionName", "UUID", "RoleName")
        return next((str(named[name]) for name in names if name in named), self.service)


@dataclass(frozen=True)
class Life:
    """A stage's life: which calls each user made."""

    stage: Stage
    sessions: dict[str, AwsSession]
    calls: dict[str, list[Call]]

    def keep_the_bucket(self) -> None:
        """The embedded AWS judges calls for objects only where there is a bucket."""
        self.stage.aws.client("s3").create_bucket(Bucket=self.stage.names.rejects_bucket)

    def is_denied(self, name: str, call: Call) -> bool:
        """Whether the user may not make the call; whatever else it comes to is fine."""
        client: Any = self.sessions[name].client(call.service)  # type: ignore[call-overload]
        try:
            getattr(client, xform_name(call.operation))(**json.loads(call.parameters))
        except ClientError as error:
            return error.response["Error"]["Code"] in DENIED
        return False


@pytest.fixture(scope="module")
def life(aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> Life:
    clone = new_clone(aws, tmp_path_factory.mktemp("clone"))
    written = tmp_path_factory.mktemp("calls") / "calls"
    recorded = {
        "PYTHONPATH": str(Path(recorder.__file__).parent),
        "RECORDED_CALLS": str(written),
    }

    def run(*arguments: str) -> None:
        done = clone.start(*arguments, "--stage", "prod", more=recorded)
        assert done.returncode == 0, done.stderr

    run("deploy", "--data-parameter", "DeletionProtection=true")
    stage = clone.stage("prod")
    sessions = {name: session_of(clone, name) for name in POLICIES}
    operate(stage, sessions[OPERATOR], written)
    mark_otherwise(stage)
    run("deploy", "data", "record", "app", "--data-parameter", "DeletionProtection=true")
    store(stage, "rejects/left", b"over")
    delete_stack(stage.aws.client("cloudformation"), data_stack_name("prod"))  # the data stays
    run("destroy", "--delete-all-data-of", "prod")
    calls = {name: calls_of(written, session) for name, session in sessions.items()}
    return Life(stage, sessions, calls)


def operate(stage: Stage, operator: AwsSession, written: Path) -> None:
    """Run each verb of who operates, in this process, as a process each takes half a second."""
    with pytest.MonkeyPatch.context() as patched:
        call = recorder.recording(recorder.BASE_CLIENT._make_api_call, written)
        patched.setattr(recorder.BASE_CLIENT, "_make_api_call", call)
        opened = with_names(Stage("prod", operator, {}))
        patched.setattr("operations.terminal.options.open_stage", lambda *_: opened)
        run_every_verb(stage, written.with_name("scores.jsonl"))


def run_every_verb(stage: Stage, scores: Path) -> None:
    def run(*arguments: str) -> None:
        assert run_command_line([*arguments, "--stage", "prod"]) == 0, arguments

    scores.write_text('{"RecordID": 1, "Username": "Ann", "Score": 5}\n')
    run("send", str(scores))
    send_payloads(stage.aws.client("kinesis"), stage.names.stream, [NO_SCORE])
    until(lambda: (set(totals(stage, "Ann")), len(keys(stage))), ({"Ann"}, 1))
    (rejected,) = keys(stage)
    run("insert", '{"RecordID": 3, "Username": "Ben", "Score": 7}')
    run("insert", '{"RecordID": 3, "Username": "Ben", "Score": 8}', "--replace")
    until(lambda: totals(stage, "Ben"), {"Ben": 8})
    run("rejects", "list")
    run("rejects", "show", rejected)
    run("rejects", "discard", store_rejects(stage, INGESTION, score(4, "Ben")), "--yes")
    shard, number = kinesis_place(stage, 1)
    batch = kinesis_batch(number, number, 1, arn=kinesis_arn(stage), shard=shard)
    given_up = age_exceeded(f"prod-{INGESTION}", batch)
    store(stage, on_failure_key(given_up), given_up)
    run("rejects", "redrive")
    run("leaderboard", "--watch", "--looks", "1")
    run("logs")
    run("status")
    store_rejects(stage, INGESTION, score(5, "Ben"), score(6, "Cid"))
    archive(stage, "Ben")
    run("forget", "Ben", "--yes", "--settle", "0.2")
    with a_day_later(stage):
        run("forget", "--settle", "0.2")
    run("reconcile", "--user", "Ann", "--settle", "0.2")
    switch(stage, enabled=False)
    for record_id in range(100, 200):
        run("insert", f'{{"RecordID": {record_id}, "Username": "Ann", "Score": 1}}')
    run("rebuild", "--settle", "0.2")  # adds a hundred changes, so it moves receipts to a page
    damage(stage, "Ann")
    run("rebuild", "--settle", "0.2")


def damage(stage: Stage, player: str) -> None:
    stage.aws.client("dynamodb").update_item(
        TableName=stage.names.totals_table,
        Key={"Username": {"S": player}},
        UpdateExpression="SET Score = :wrong",
        ExpressionAttributeValues={":wrong": {"N": "-1"}},
    )


def mark_otherwise(stage: Stage) -> None:
    """Give the functions tags that Chalice then changes and removes."""
    client = stage.aws.client("lambda")
    for function in FUNCTIONS:
        found = client.get_function(FunctionName=stage.function_name(function))
        client.tag_resource(
            Resource=found["Configuration"]["FunctionArn"],
            Tags={"aws-chalice": "of an older version", "team": "games"},
        )


def session_of(clone: Clone, name: str) -> AwsSession:
    return AwsSession(
        clone.aws.endpoint_url,
        aws_access_key_id=clone.users[name]["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=clone.users[name]["AWS_SECRET_ACCESS_KEY"],
        region_name=clone.aws.session.region_name,
    )


def calls_of(written: Path, session: AwsSession) -> list[Call]:
    """One call of each kind that the session's user made."""
    credentials = session.get_credentials()
    assert credentials is not None
    kinds: dict[tuple[str, str], Call] = {}
    for line in written.read_text().splitlines():
        key, service, operation, parameters = json.loads(line)
        call = Call(service, operation, json.dumps(parameters))
        if key == credentials.access_key:
            kinds.setdefault((call.action, call.on), call)
    return list(kinds.values())


def handlers_actions(type_: str) -> set[str]:
    """What CloudFormation does in the name of who deploys such a resource, as AWS's schema tells.

    The embedded AWS does not ask for it.
    """
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", type_).schema
    return {
        action
        for kind in ("create", "read", "update", "delete")
        for action in schema["handlers"][kind]["permissions"]
    }


def not_called_for(type_: str) -> set[str]:
    return {
        f"{service}{action}"
        for service, *actions in map(str.split, NOT_CALLED_FOR.get(type_, {}).values())
        for action in actions
    }


def cloudformations_actions() -> set[str]:
    return set().union(*(handlers_actions(each) - not_called_for(each) for each in HANDLED))


def allowed_on(resource: str) -> set[str]:
    """What the deployer may do with the resource."""
    return {
        action
        for statement in POLICIES[DEPLOYER]["Statement"]
        for action in statement["Action"]
        if any(fnmatchcase(resource, pattern) for pattern in statement["Resource"])
    }


def test_nothing_that_the_verbs_call_is_denied(life: Life) -> None:
    life.keep_the_bucket()

    denied = {
        call.action for name in POLICIES for call in life.calls[name] if life.is_denied(name, call)
    }

    assert denied <= {"dynamodb:ListTagsOfResource"}  # so it says of a table that is gone


def test_each_user_may_do_what_the_verbs_call_and_nothing_else(life: Life) -> None:
    called = {name: {call.action for call in calls} for name, calls in life.calls.items()}
    called = {name: actions - NEEDS_NO_PERMISSION for name, actions in called.items()}
    for_others = cloudformations_actions() | BY_LAMBDA | set(AFTER_A_FAILURE)

    assert called[OPERATOR] == actions_of(POLICIES[OPERATOR])
    assert called[DEPLOYER] | for_others == actions_of(POLICIES[DEPLOYER])


@pytest.mark.parametrize(("name", "sid", "action"), ACTIONS)
def test_each_action_is_needed(life: Life, name: str, sid: str, action: str) -> None:
    calls = [call for call in life.calls[name] if call.action == action]
    if action in AFTER_A_FAILURE:
        service, operation = action.split(":")
        calls.append(Call(service, operation, json.dumps(AFTER_A_FAILURE[action])))
    if not calls:
        assert name == DEPLOYER
        assert action in cloudformations_actions() | BY_LAMBDA
        return
    if action.startswith("s3:"):
        life.keep_the_bucket()

    give(life.stage.aws.client("iam"), name, without(POLICIES[name], sid, action))

    assert any(life.is_denied(name, call) for call in calls) is (action not in NOT_ENFORCED_THERE)


@pytest.mark.parametrize("type_", HANDLED)
def test_the_deployer_may_do_what_cloudformation_does_with_each_type(type_: str) -> None:
    assert not_called_for(type_) <= handlers_actions(type_)
    assert handlers_actions(type_) - not_called_for(type_) <= allowed_on(HANDLED[type_])


def test_what_cloudformation_does_is_known_for_every_type_in_the_templates() -> None:
    types = {
        resource["Type"]
        for template in ("data.yaml", "monitoring.yaml")
        for resource in load_template(PROJECT / "infrastructure" / template)["Resources"].values()
    }

    assert types == set(HANDLED)


@pytest.mark.parametrize("name", POLICIES)
def test_every_resource_is_the_projects_where_aws_knows_one(name: str) -> None:
    ours = ("game-scores", "GameScoreRecords", "GameScoresByUser", "GameScoreReceipts")
    for statement in POLICIES[name]["Statement"]:
        assert all("*" not in action for action in statement["Action"])
        if statement["Resource"] == ["*"]:
            assert set(statement["Action"]) <= NO_RESOURCE
            continue
        assert not set(statement["Action"]) & NO_RESOURCE
        for resource in statement["Resource"]:
            partition, resource_name = resource.split(":")[1], resource.split(":", 5)[5]
            assert partition == "*"
            assert any(each in resource_name for each in ours) or resource_name in (
                "event-source-mapping:*",  # Lambda makes the rest of the name
                "key/*",  # of AWS's own key for Kinesis; encryption starts on our stream only
                "alarm:*",  # status reads the alarms of the account, as any may watch the stage
            )


@pytest.mark.parametrize("name", POLICIES)
def test_it_reaches_its_own_account_and_the_projects_mappings_only(name: str) -> None:
    """The condition stands where others can let a user in: by a policy on the resource."""
    for statement in POLICIES[name]["Statement"]:
        services = {action.split(":")[0] for action in statement["Action"]}
        condition = statement.get("Condition")
        if any("EventSourceMapping" in action for action in statement["Action"]):
            ours = {"lambda:FunctionArn": "arn:*:lambda:*:*:function:game-scores-*"}
            assert condition == {"ArnLike": ours} or statement["Sid"] == "NoResourceIsKnownForThese"
        elif services <= {"s3", "dynamodb", "kinesis", "lambda"}:
            assert condition == OWN_ACCOUNT


def test_roles_are_passed_to_lambda_only() -> None:
    (statement,) = [
        each for each in POLICIES[DEPLOYER]["Statement"] if "iam:PassRole" in each["Action"]
    ]

    assert statement["Action"] == ["iam:PassRole"]
    assert statement["Condition"] == {
        "StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}
    }


@pytest.mark.parametrize("name", POLICIES)
def test_it_fits_into_a_managed_policy(name: str) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
    assert len("".join(json.dumps(POLICIES[name]).split())) <= 6144


def test_the_documents_name_the_policies_and_what_has_no_resource() -> None:
    told = (PROJECT / "docs" / "deploy.md").read_text()

    for name in POLICIES:
        assert f"](../infrastructure/policies/{name}.json)" in told
        assert f"--policy-document file://infrastructure/policies/{name}.json" in told
    for action in NO_RESOURCE:
        assert f"`{action}`" in told


def load_template(path: Path) -> Any:
    """The template, its functions left as they stand."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda _, tag, __: tag)
    return yaml.load(path.read_text(), Loader)

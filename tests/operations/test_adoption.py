"""What an import tells CloudFormation, as data: the embedded AWS imports no stream."""

import json
from typing import Any

from operations.aws.change_sets import WantedStack
from operations.aws.config import PROJECT
from operations.aws.stacks import apply_stack
from operations.aws.stage import Stage, data_stack_name
from operations.aws.templates import read_template
from operations.deploy.adopt import plan_adoption
from operations.deploy.data_resources import data_resources
from operations.deploy.steps import DATA_TEMPLATE, LOCAL_PARAMETERS
from operations.local.server import EmbeddedAws

BODY = (PROJECT / DATA_TEMPLATE).read_text()
MADE_WITH = {
    "ShardCount": "3",
    "StreamRetentionHours": "48",
    "DeletionProtection": "true",
    "RejectsExpireDays": "7",
}
RULES = read_template(BODY)["Resources"]["Rejects"]["Properties"]["LifecycleConfiguration"]["Rules"]
SUFFIX = {"Suffix": "-dev"}


def test_an_import_names_what_is_there_and_keeps_what_it_was_made_with(aws: EmbeddedAws) -> None:
    aws.reset()
    stage, name = Stage("dev", aws.session, {}), data_stack_name("dev")
    made_with = {**LOCAL_PARAMETERS, **SUFFIX, **MADE_WITH}
    apply_stack(aws.session.client("cloudformation"), name, PROJECT / DATA_TEMPLATE, made_with)
    bucket = "game-scores-rejects-dev-000000000000-us-east-1"
    let_expire(stage, bucket)
    stage.aws.client("s3").put_bucket_policy(Bucket=bucket, Policy='{"Statement": []}')
    there = data_resources(stage, read_template(BODY))

    planned = plan_adoption(stage, WantedStack(name, BODY, SUFFIX), there)

    template = read_template(BODY)
    assert json.loads(planned.body) == json.loads(
        json.dumps({name: part for name, part in template.items() if name != "Outputs"})
    )
    assert planned.parameters == {**MADE_WITH, "RecordsExpireBy": "ExpiresAt", **SUFFIX}
    assert [tuple(each.values()) for each in planned.imports] == [
        ("AWS::Kinesis::Stream", "Stream", {"Name": "game-scores-dev"}),
        ("AWS::DynamoDB::Table", "Records", {"TableName": "GameScoreRecords-dev"}),
        ("AWS::DynamoDB::Table", "Totals", {"TableName": "GameScoresByUser-dev"}),
        ("AWS::DynamoDB::Table", "Receipts", {"TableName": "GameScoreReceipts-dev"}),
        ("AWS::S3::Bucket", "Rejects", {"BucketName": bucket}),
        ("AWS::S3::BucketPolicy", "RejectsPolicy", {"Bucket": bucket}),
    ]


def test_what_is_given_counts_and_what_is_not_there_is_left_out(aws: EmbeddedAws) -> None:
    aws.reset()
    stage, name = Stage("dev", aws.session, {}), data_stack_name("dev")
    made_with = {**LOCAL_PARAMETERS, **SUFFIX}
    apply_stack(aws.session.client("cloudformation"), name, PROJECT / DATA_TEMPLATE, made_with)
    there = data_resources(stage, read_template(BODY))[:2]

    planned = plan_adoption(stage, WantedStack(name, BODY, {"ShardCount": "9"}), there)

    assert planned.parameters == {"ShardCount": "9", "StreamRetentionHours": "24"}
    assert list(read_template(planned.body)["Resources"]) == ["Stream", "Records"]


def let_expire(stage: Stage, bucket: str) -> None:
    """As RecordsExpireBy and RejectsExpireDays do, which the embedded AWS leaves out."""
    stage.aws.client("dynamodb").update_time_to_live(
        TableName="GameScoreRecords-dev",
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "ExpiresAt"},
    )
    expires = RULES[1]["Fn::If"][1]["Id"]
    rules: Any = [
        {"ID": "others", "NoncurrentVersionExpiration": {"NoncurrentDays": 1}},
        {"ID": expires, "Expiration": {"Days": 7}},
    ]
    common = {"Status": "Enabled", "Filter": {"Prefix": ""}}
    lifecycle: Any = {"Rules": [{**common, **rule} for rule in rules]}
    stage.aws.client("s3").put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration=lifecycle
    )

"""The data stack's template, and that the functions and it use the same names."""

import json
import re
from pathlib import Path
from typing import Any

import cfnlint
import pytest
from botocore.exceptions import ClientError
from cfnlint.api import lint_file
from cfnlint.decode import cfn_yaml

from chalicelib.rejects import PREFIX
from chalicelib.settings import MissingSetting, Settings
from operations.aws.config import PROJECT, variable_name
from operations.aws.stacks import apply_stack
from operations.aws.stage import Stage, data_stack_name
from operations.deploy.destroy import destroy_data
from operations.deploy.mapping_options import MAPPINGS_TEMPLATE
from operations.deploy.steps import DATA_TEMPLATE, LOCAL_PARAMETERS
from operations.local.pipeline import DATA_STACK
from operations.local.server import EmbeddedAws
from operations.rejects.objects import LAMBDAS_PREFIX
from tests.data_stack import new_data_stack
from tests.operations.clone import copy_project

TEMPLATE: Any = cfn_yaml.load(str(PROJECT / DATA_TEMPLATE))


WHOLE_TEMPLATES = sorted(
    {*(PROJECT / "infrastructure").glob("*.yaml")} - {PROJECT / MAPPINGS_TEMPLATE}
)
"""mappings.yaml is one only once it is merged into the package: test_package.py lints that."""


@pytest.mark.parametrize("template", WHOLE_TEMPLATES, ids=lambda path: path.name)
def test_cfn_lint_finds_nothing(template: Path) -> None:
    assert lint_file(template) == []
    assert cfnlint.__name__


def test_each_output_is_a_variable_that_the_settings_read() -> None:
    variables = {variable_name(output) for output in TEMPLATE["Outputs"]}
    values = {name: f"the value of {name}" for name in variables}

    settings = Settings.from_environment(values)

    read = re.findall(
        r'(?:get|_require)\("([A-Z_]+)"', (PROJECT / "chalicelib" / "settings.py").read_text()
    )
    assert set(read) - {"LOG_LEVEL", "OTHER_PAYLOADS"} == variables
    assert settings.records_stream_arn == "the value of GAME_SCORE_RECORDS_STREAM_ARN"
    assert settings.rejects_bucket == "the value of REJECTS_BUCKET"


def test_a_missing_bucket_is_named_with_the_next_step() -> None:
    with pytest.raises(
        MissingSetting, match=r"REJECTS_BUCKET is not set: .*\.chalice/config\.json"
    ):
        _ = Settings.from_environment({}).rejects_bucket


def test_what_holds_data_is_kept_protected_and_tagged() -> None:
    resources = TEMPLATE["Resources"]
    assert all(each["DeletionPolicy"] == "RetainExceptOnCreate" for each in resources.values())
    assert all(each["UpdateReplacePolicy"] == "Retain" for each in resources.values())
    tagged = [each for each in resources.values() if each["Type"] != "AWS::S3::BucketPolicy"]
    assert all(
        [tag["Key"] for tag in each["Properties"]["Tags"]] == ["application", "stack"]
        for each in tagged
    )
    tables = [each for each in resources.values() if each["Type"] == "AWS::DynamoDB::Table"]
    assert len(tables) == 3
    for table in tables:
        properties = table["Properties"]
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert properties["DeletionProtectionEnabled"] == {"Fn::If": ["Protected", True, False]}
        assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True


def test_tables_and_stream_bear_their_tags(aws: EmbeddedAws) -> None:
    """The embedded AWS leaves those of the bucket out."""
    data = new_data_stack(aws)
    stack = {"application": "game-scores", "stack": DATA_STACK}
    names = data.names

    stream = aws.session.client("kinesis").list_tags_for_stream(StreamName=names.stream)["Tags"]
    found: list[Any] = [stream]
    for table in (names.records_table, names.totals_table, names.receipts_table):
        arn = data.dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
        found.append(data.dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"])

    for tags in found:
        assert stack.items() <= {each["Key"]: each["Value"] for each in tags}.items()


def test_the_tables_key_is_awss_own_until_another_is_given() -> None:
    assert TEMPLATE["Parameters"]["KmsKeyArn"]["Default"] == ""
    for name in ("Records", "Totals", "Receipts"):
        condition, given, otherwise = TEMPLATE["Resources"][name]["Properties"]["SSESpecification"][
            "Fn::If"
        ]
        assert (condition, otherwise) == ("HasKey", {"Ref": "AWS::NoValue"})
        assert given["KMSMasterKeyId"] == {"Ref": "KmsKeyArn"}


def test_nothing_expires_until_it_is_told_to() -> None:
    expiry = TEMPLATE["Resources"]["Records"]["Properties"]["TimeToLiveSpecification"]["Fn::If"]
    rules = TEMPLATE["Resources"]["Rejects"]["Properties"]["LifecycleConfiguration"]["Rules"]

    assert TEMPLATE["Parameters"]["RecordsExpireBy"]["Default"] == ""
    assert (expiry[0], expiry[2]) == ("RecordsExpire", {"Ref": "AWS::NoValue"})
    assert TEMPLATE["Parameters"]["RejectsExpireDays"]["Default"] == 0
    for rule, prefix in zip(rules[1:], (f"{PREFIX}/", LAMBDAS_PREFIX), strict=True):
        condition, given, otherwise = rule["Fn::If"]
        assert (condition, otherwise) == ("RejectsExpire", {"Ref": "AWS::NoValue"})
        assert given["ExpirationInDays"] == {"Ref": "RejectsExpireDays"}
        assert given["Prefix"] == prefix  # what is left to do of an erasure never expires


def test_a_protected_table_is_deleted_only_when_destroy_lifts_the_protection(
    aws: EmbeddedAws, tmp_path: Path
) -> None:
    aws.reset()
    stage = Stage("dev", aws.session, {})
    stack = data_stack_name(stage.name)
    cloudformation, dynamodb = aws.session.client("cloudformation"), aws.session.client("dynamodb")
    unprotected = {**LOCAL_PARAMETERS, "Suffix": "-dev"}
    protected = {"TlsOnly": "false", "Suffix": "-dev", "DeletionProtection": "true"}
    apply_stack(cloudformation, stack, PROJECT / DATA_TEMPLATE, unprotected)
    apply_stack(cloudformation, stack, PROJECT / DATA_TEMPLATE, protected)
    with pytest.raises(ClientError, match="protected against deletion"):
        dynamodb.delete_table(TableName="GameScoreRecords-dev")
    told: list[str] = []

    copy_project(tmp_path, (".chalice", "infrastructure"))
    destroy_data(stage, tmp_path, told.append)

    assert "Lifting the deletion protection of GameScoreRecords-dev" in told
    assert dynamodb.list_tables()["TableNames"] == []


def test_no_parameter_has_to_be_given() -> None:
    assert all("Default" in parameter for parameter in TEMPLATE["Parameters"].values())


def test_nothing_deployed_is_bound_to_one_partition() -> None:
    """China's and GovCloud's ARNs begin otherwise, and so do the addresses of their consoles."""
    deployed = [
        *(PROJECT / "infrastructure").rglob("*.*"),
        *(PROJECT / ".chalice").glob("*.json"),
        *(PROJECT / "operations").rglob("*.py"),
        *(PROJECT / "chalicelib").rglob("*.py"),
    ]
    stand_ins = {"settings.py": "a stream that cannot exist", "events.py": "examples of events"}

    bound = {
        path.name
        for path in deployed
        if path.is_file() and re.search(r"arn:aws:|console\.aws", path.read_text())
    }

    assert bound == set(stand_ins)


def test_the_statement_for_a_key_of_ones_own_is_what_dynamodb_needs() -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html"""
    page = (PROJECT / "docs" / "settings-and-costs.md").read_text()
    (written,) = re.findall(r"```json\n(.*?\"kms:.*?)```", page, re.DOTALL)

    statement = json.loads(written)

    assert set(statement["Action"]) == {
        f"kms:{each}"
        for each in (
            *("Encrypt", "Decrypt", "ReEncrypt*", "GenerateDataKey*"),
            *("DescribeKey", "CreateGrant"),
        )
    }
    assert set(statement["Condition"]["StringEquals"]) == {"kms:CallerAccount", "kms:ViaService"}
    assert "docs/settings-and-costs.md" in TEMPLATE["Parameters"]["KmsKeyArn"]["Description"]

"""The package: what is in it, its template, that it runs under AWS's own runtime client."""

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.api import lint_file
from chalice.constants import VPC_ATTACH_POLICY

from operations.aws.config import PROJECT, variable_name
from operations.aws.errors import OperationFailed
from operations.aws.stacks import apply_stack
from operations.aws.stage import FUNCTIONS, Stage, data_stack_name
from operations.aws.tables import read_totals
from operations.deploy.chalice import APP_PARTS, copy_app, run_chalice
from operations.deploy.mapping_options import MAPPINGS_TEMPLATE
from operations.deploy.package import package_app
from operations.deploy.runtime import pinned_runtime
from operations.deploy.steps import DATA_TEMPLATE, LOCAL_PARAMETERS
from operations.local.server import EmbeddedAws
from tests.batching import batching_options
from tests.builders import event, inserted, kinesis_record
from tests.conftest import drive, unpack, upload
from tests.data_stack import DataStack
from tests.infrastructure.runtime_api import install_runtime, running
from tests.infrastructure.test_infrastructure import TEMPLATE as DATA
from tests.operations.clone import copy_project

KINESIS_EVENTS, TABLE_EVENTS = (
    "ProcessKinesisRecordsKinesisEventSource",
    "AggregateScoresByUserDynamodbEventSource",
)
pytestmark = pytest.mark.slow

CONFIG = json.loads((PROJECT / ".chalice" / "config.json").read_text())


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where packages are kept; at first there is one of another app."""
    folder = tmp_path_factory.mktemp("kept")
    (folder / "another.zip").touch()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("operations.deploy.chalice.PACKAGES", folder)
        yield folder


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory, kept: Path) -> Path:
    """The folder of prod's package, made anew."""
    folder = tmp_path_factory.mktemp("package") / "out"
    package_app(PROJECT, "prod", folder)
    return folder


@pytest.fixture(scope="module")
def template(package: Path) -> Any:
    return yaml.safe_load((package / "sam.yaml").read_text())


@pytest.fixture(scope="module")
def unpacked(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(package / "deployment.zip", tmp_path_factory.mktemp("unpacked"))


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_runtime(tmp_path_factory.mktemp("runtime") / "var")


def test_cfn_lint_finds_nothing_in_the_template(package: Path) -> None:
    assert lint_file(package / "sam.yaml") == []


def test_the_template_has_no_alias_and_nothing_recorded(package: Path) -> None:
    text = (package / "sam.yaml").read_text()

    tokens = yaml.scan(text)

    assert not any(isinstance(token, yaml.AliasToken) for token in tokens)
    assert "000000000000" not in text
    assert "not recorded" not in text


def test_every_name_is_imported_from_the_data_stack(template: Any) -> None:
    imports = {
        variable_name(output): {"Fn::ImportValue": {"Fn::Sub": export["Export"]["Name"]["Fn::Sub"]}}
        for output, export in DATA["Outputs"].items()
    }
    expected = json.loads(json.dumps(imports).replace("${AWS::StackName}", "${DataStack}"))

    for handler in FUNCTIONS:
        variables = template["Resources"][handler]["Properties"]["Environment"]["Variables"]
        assert variables == {"LOG_LEVEL": "INFO", "OTHER_PAYLOADS": "log", **expected}
    assert template["Parameters"]["DataStack"]["Default"] == data_stack_name("prod")


def test_every_mapping_option_is_in_the_template(template: Any) -> None:
    destination = {
        "OnFailure": {
            "Destination": {
                "Fn::Sub": [
                    "arn:${AWS::Partition}:s3:::${Bucket}",
                    {"Bucket": {"Fn::ImportValue": {"Fn::Sub": "${DataStack}-RejectsBucket"}}},
                ]
            }
        }
    }
    both = {
        "StartingPosition": "TRIM_HORIZON",
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": -1,
        "DestinationConfig": destination,
        "MetricsConfig": {"Metrics": ["EventCount"]},
    }

    mappings = yaml.safe_load((PROJECT / MAPPINGS_TEMPLATE).read_text())["Resources"]
    set_in_mappings = mappings["AggregateScoresByUser"]["Properties"]["Events"][TABLE_EVENTS][
        "Properties"
    ]

    events = {
        handler: template["Resources"][handler]["Properties"]["Events"] for handler in FUNCTIONS
    }

    assert events["ProcessKinesisRecords"] == {
        KINESIS_EVENTS: {
            "Type": "Kinesis",
            "Properties": {
                **both,
                "Stream": {
                    "Fn::Sub": [
                        "arn:${AWS::Partition}:kinesis:${AWS::Region}:${AWS::AccountId}"
                        ":stream/${Name}",
                        {"Name": {"Fn::ImportValue": {"Fn::Sub": "${DataStack}-GameScoresStream"}}},
                    ]
                },
                "MaximumRecordAgeInSeconds": {"Ref": "KinesisMaximumRecordAge"},
                "ParallelizationFactor": 1,
                **batching_options("ProcessKinesisRecords"),
            },
        }
    }
    assert events["AggregateScoresByUser"] == {
        TABLE_EVENTS: {
            "Type": "DynamoDB",
            "Properties": {
                **both,
                "Stream": {
                    "Fn::ImportValue": {"Fn::Sub": "${DataStack}-GameScoreRecordsStreamArn"}
                },
                "MaximumRecordAgeInSeconds": {"Ref": "TableStreamMaximumRecordAge"},
                "ParallelizationFactor": set_in_mappings["ParallelizationFactor"],
                **batching_options("AggregateScoresByUser"),
            },
        }
    }


def test_records_are_given_up_after_half_the_retention(template: Any) -> None:
    retention_hours = DATA["Parameters"]["StreamRetentionHours"]["Default"]

    for parameter in ("KinesisMaximumRecordAge", "TableStreamMaximumRecordAge"):
        assert template["Parameters"][parameter]["Default"] == retention_hours * 3600 / 2


def test_each_function_has_its_own_policy_and_the_settings_of_the_config(template: Any) -> None:
    for handler in FUNCTIONS:
        file = CONFIG["stages"]["prod"]["lambda_functions"][handler]["iam_policy_file"]
        policy = json.loads((PROJECT / ".chalice" / file).read_text())

        function = template["Resources"][handler]["Properties"]
        (role_policy,) = template["Resources"][f"{handler}Role"]["Properties"]["Policies"]
        log_group = template["Resources"][f"{handler}LogGroup"]["Properties"]

        assert role_policy["PolicyDocument"] == policy
        assert function["Role"] == {"Fn::GetAtt": [f"{handler}Role", "Arn"]}
        assert function["FunctionName"] == {"Fn::Sub": f"game-scores-${{Stage}}-{handler}"}
        settings = {**CONFIG, **CONFIG["lambda_functions"].get(handler, {})}
        assert function["MemorySize"] == settings["lambda_memory_size"]
        assert function["Timeout"] == settings["lambda_timeout"]
        assert function["Architectures"] == ["arm64"]
        assert function["Runtime"] == pinned_runtime(PROJECT)
        assert function["Tracing"] == "PassThrough"
        assert "ReservedConcurrentExecutions" not in function
        assert log_group["RetentionInDays"] == CONFIG["log_retention_in_days"]


def test_lambda_can_read_every_file_whatever_the_modes_are_where_it_is_made(
    tmp_path: Path,
) -> None:
    copy_project(tmp_path, [*APP_PARTS, "infrastructure"])
    for path in tmp_path.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    before = os.umask(0o077)
    try:
        package_app(tmp_path, "prod", tmp_path / "out")
    finally:
        os.umask(before)

    with zipfile.ZipFile(tmp_path / "out" / "deployment.zip") as package:
        modes = {each.external_attr >> 16 & 0o777 for each in package.infolist()}
    assert modes == {0o644}


def test_a_function_and_its_mapping_are_made_after_the_log_group(template: Any) -> None:
    for handler in FUNCTIONS:
        group = template["Resources"][f"{handler}LogGroup"]["Properties"]["LogGroupName"]
        function = template["Resources"][handler]

        assert function["DependsOn"] == f"{handler}LogGroup"
        name = function["Properties"]["FunctionName"]["Fn::Sub"]
        assert group == {"Fn::Sub": f"/aws/lambda/{name}"}


def test_the_zip_holds_what_is_required_and_nothing_that_lambda_brings(unpacked: Path) -> None:
    tops = {path.name for path in unpacked.iterdir() if path.suffix not in (".dist-info", ".data")}
    files = [path for path in unpacked.rglob("*") if path.is_file()]

    assert tops == {
        "app.py",
        "chalicelib",
        "chalice",
        "aws_lambda_powertools",
        "jmespath",
        "typing_extensions.py",
    }
    assert [path for path in files if path.suffix in (".pyc", ".so")] == []
    assert sum(path.stat().st_size for path in files) < 6_000_000


def test_the_page_tells_the_rights_that_a_vpc_takes() -> None:
    page = (PROJECT / "docs" / "deploy.md").read_text()
    (told,) = re.findall(r"```json\n(.*?ec2:.*?)```", page, re.DOTALL)

    assert json.loads(told) == VPC_ATTACH_POLICY


def package_plainly(app_folder: Path) -> str:
    mappings = str(PROJECT / "infrastructure" / "mappings.yaml")
    options = ["--stage", "prod", "--merge-template", mappings]
    return run_chalice(
        app_folder, ["package", *options, "out"], {"AWS_DEFAULT_REGION": "us-east-1"}
    )


def test_pip_installs_again_only_for_another_app(package: Path, kept: Path, tmp_path: Path) -> None:
    (made,) = kept.iterdir()

    printed = package_plainly(copy_app(PROJECT, tmp_path))

    assert made.name != "another.zip"
    assert list(kept.iterdir()) == [made]
    assert "Reusing existing deployment package" in printed


def test_plain_chalice_package_makes_the_same(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app_folder = copy_app(PROJECT, tmp_path)
    monkeypatch.setattr("operations.deploy.chalice.PACKAGES", tmp_path / "nothing is kept")

    printed = package_plainly(app_folder)

    assert "Reusing" not in printed

    plain = yaml.safe_load((app_folder / "out" / "sam.yaml").read_text())
    assert plain == yaml.safe_load((package / "sam.yaml").read_text())
    names = [
        zipfile.ZipFile(folder / "deployment.zip").namelist()
        for folder in (app_folder / "out", package)
    ]
    assert names[0] == names[1]


def test_the_unpacked_zip_runs_under_awss_runtime_client_with_only_boto3_beside_it(
    unpacked: Path, runtime: Path, data: DataStack, aws: EmbeddedAws
) -> None:
    variables = {**aws.variables, **data.variables}
    score = kinesis_record({"RecordID": 7, "Username": "Ann", "Score": 5})

    with running("app.process_kinesis_records", unpacked, runtime, variables) as function:
        answers = [function.invoke(event(score, kinesis_record(b'{"Score": 1}')))]
        answers.append(function.invoke(event(score)))
    with running("app.aggregate_scores_by_user", unpacked, runtime, variables) as function:
        answers += [function.invoke(event(inserted("Ann", 5))), function.invoke({"Records": 1})]

    assert answers[0] == ("response", "Successfully processed 2 records.")
    assert answers[1:3] == [("response", "Successfully processed 1 records.")] * 2
    assert (answers[3][0], answers[3][1]["errorType"]) == ("error", "ForeignEvent")
    assert data.records["7"]["Score"] == {"N": "5"}
    assert data.totals == {"Ann": 5}
    assert data.reasons == ["the record has no RecordID and no Username"]


def test_a_missing_requirement_shows(unpacked: Path, runtime: Path, tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    for path in unpacked.iterdir():
        if path.name != "aws_lambda_powertools":
            (package / path.name).symlink_to(path)

    with running("app.process_kinesis_records", package, runtime, {}) as function:
        kind, error = function.invoke(event())

    assert kind == "error"
    assert "No module named 'aws_lambda_powertools'" in error["errorMessage"]


IMPORT_TIMES = """
from time import process_time
began = process_time()
import botocore.client, botocore.session
botocores = process_time() - began
import app
print((process_time() - began) / botocores)
"""


def test_importing_it_takes_little_more_than_importing_botocore(
    unpacked: Path, runtime: Path
) -> None:
    measured = subprocess.run(
        [sys.executable, "-S", "-c", IMPORT_TIMES],
        cwd=unpacked,
        env={"PYTHONPATH": f"{unpacked}:{runtime}"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert float(measured.stdout) < 4  # less than twice, where nothing of the app is compiled


def test_the_package_runs_both_streams_under_prods_policies(
    package: Path, aws: EmbeddedAws, tmp_path: Path
) -> None:
    aws.reset()
    cloudformation = aws.session.client("cloudformation")
    data_stack = data_stack_name("prod")
    outputs = apply_stack(cloudformation, data_stack, PROJECT / DATA_TEMPLATE, LOCAL_PARAMETERS)
    variables = {variable_name(output): value for output, value in outputs.items()}
    stage = Stage("prod", aws.session, variables)

    apply_stack(cloudformation, "game-scores-prod", upload(stage, package, tmp_path), {})

    assert drive(stage, {"Ann": 5, "Ben": 7}) == {"Ann": 5, "Ben": 7}
    assert read_totals(stage.aws.client("dynamodb"), "GameScoresByUser") == {"Ann": 5, "Ben": 7}


def test_terraform_output_lacks_what_the_readme_says(tmp_path: Path) -> None:
    app_folder = copy_app(PROJECT, tmp_path)
    terraform = ["package", "--stage", "prod", "--pkg-format", "terraform", "terraform"]
    with pytest.raises(OperationFailed, match="UnsupportedFeatureError: LogGroup"):
        run_chalice(app_folder, terraform, {"AWS_DEFAULT_REGION": "us-east-1"})
    config = {name: value for name, value in CONFIG.items() if name != "log_retention_in_days"}
    (app_folder / ".chalice" / "config.json").write_text(json.dumps(config))

    run_chalice(app_folder, terraform, {"AWS_DEFAULT_REGION": "us-east-1"})

    template = json.loads((app_folder / "terraform" / "chalice.tf.json").read_text())
    needs, page = template["terraform"], (PROJECT / "docs" / "deploy.md").read_text()
    assert f"Terraform itself has to be `{needs['required_version']}`" in page
    assert f"AWS provider `{needs['required_providers']['aws']['version']}`" in page
    made = template["resource"]
    assert "aws_cloudwatch_log_group" not in made
    for mapping in made["aws_lambda_event_source_mapping"].values():
        assert set(mapping) == {
            "event_source_arn",
            "batch_size",
            "starting_position",
            "maximum_batching_window_in_seconds",
            "function_name",
        }
    for function in made["aws_lambda_function"].values():
        assert set(function["environment"]["variables"]) == {"LOG_LEVEL", "OTHER_PAYLOADS"}

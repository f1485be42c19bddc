"""The data stack's template, and that the functions and it use the same names."""

import re
from pathlib import Path
from typing import Any

import cfnlint
import pytest
from cfnlint.api import lint_file
from cfnlint.decode import cfn_yaml

from chalicelib.settings import MissingSetting, Settings
from operations.deploy.mapping_options import MAPPINGS_TEMPLATE
from operations.deploy.steps import DATA_TEMPLATE
from operations.stage.config import PROJECT, variable_name

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
    assert set(read) - {"LOG_LEVEL"} == variables
    assert settings.records_stream_arn == "the value of GAME_SCORE_RECORDS_STREAM_ARN"
    assert settings.rejects_bucket == "the value of REJECTS_BUCKET"


def test_a_missing_bucket_is_named_with_the_next_step() -> None:
    with pytest.raises(
        MissingSetting, match=r"REJECTS_BUCKET is not set: .*\.chalice/config\.json"
    ):
        _ = Settings.from_environment({}).rejects_bucket


def test_what_holds_data_is_kept_and_encrypted() -> None:
    resources = TEMPLATE["Resources"]
    assert all(each["DeletionPolicy"] == "Retain" for each in resources.values())
    assert all(each["UpdateReplacePolicy"] == "Retain" for each in resources.values())
    tables = [each for each in resources.values() if each["Type"] == "AWS::DynamoDB::Table"]
    assert len(tables) == 3
    for table in tables:
        properties = table["Properties"]
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert properties["SSESpecification"]["SSEEnabled"] is True
        assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True


def test_no_parameter_has_to_be_given() -> None:
    assert all("Default" in parameter for parameter in TEMPLATE["Parameters"].values())

"""Stages: what they may be called, and which policies they have."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from operations.aws.config import LONGEST_STAGE, PROJECT, STAGE_PATTERN, require_stage
from operations.aws.errors import Misuse
from operations.aws.stage import FUNCTIONS, stage_suffix
from operations.aws.templates import read_template
from operations.deploy.steps import DATA_TEMPLATE
from tests.operations.clone import copy_project

NAMES = ("qa", "staging-blue-1", "7", "a" * LONGEST_STAGE)
REFUSED = ("QA", "staging-eu-west-1-blue", "a" * (LONGEST_STAGE + 1), "a_b", "-a", "a-", "a--b", "")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone whose config has stages of all these names."""
    copy_project(tmp_path, [".chalice"])
    path = tmp_path / ".chalice" / "config.json"
    config = json.loads(path.read_text())
    config["stages"] = {name: {} for name in (*NAMES, *REFUSED)}
    path.write_text(json.dumps(config))
    monkeypatch.setattr("operations.aws.config.PROJECT", tmp_path)
    return tmp_path


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_no_resource_can_bear_is_refused(name: str) -> None:
    with pytest.raises(Misuse, match="no name for a stage: call it by small letters and digits"):
        require_stage(name)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_cloudformation_takes_is_taken(name: str) -> None:
    suffix = read_template((PROJECT / DATA_TEMPLATE).read_text())["Parameters"]["Suffix"]

    assert require_stage(name) == {}
    assert re.fullmatch(suffix["AllowedPattern"], stage_suffix(name))
    assert len(stage_suffix(name)) <= suffix["MaxLength"]


def test_the_names_that_are_taken_are_those_of_the_template() -> None:
    suffix = read_template((PROJECT / DATA_TEMPLATE).read_text())["Parameters"]["Suffix"]

    assert suffix["MaxLength"] == len("-") + LONGEST_STAGE
    assert suffix["AllowedPattern"] == "^(-[a-z0-9]+)*$"
    assert STAGE_PATTERN == "[a-z0-9]+(-[a-z0-9]+)*"


def test_the_documented_line_makes_the_policies_of_a_stage_from_prods(project: Path) -> None:
    page = (PROJECT / "docs" / "deploy.md").read_text()
    (line,) = re.findall(r"^\$ (for function in .*policy-prod-.*)$", page, re.MULTILINE)

    subprocess.run(["sh", "-euc", line], cwd=project, check=True)

    for function in FUNCTIONS:
        policy = json.loads((project / ".chalice" / f"policy-qa-{function}.json").read_text())
        for statement in policy["Statement"]:
            assert all("-qa" in resource for resource in statement["Resource"])
            assert not any("prod" in resource for resource in statement["Resource"])


def test_chalice_generates_devs_policy_and_prods_functions_have_their_own() -> None:
    stages = json.loads((PROJECT / ".chalice" / "config.json").read_text())["stages"]

    assert stages["dev"].get("autogen_policy", True) is True
    assert stages["prod"]["autogen_policy"] is False
    assert stages["prod"]["lambda_functions"] == {
        function: {"iam_policy_file": f"policy-prod-{function}.json"} for function in FUNCTIONS
    }

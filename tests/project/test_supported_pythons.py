"""Which Pythons are supported is said in pyproject.toml; the rest follows it."""

import sys
import tomllib

import yaml

from operations.aws.config import PROJECT
from tests.matrix import find_python, supported_pythons

SUPPORTED = supported_pythons()


def test_the_oldest_is_the_one_that_is_required() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]

    assert project["requires-python"] == f">={SUPPORTED[0]}"


def test_hosted_ci_runs_on_each_of_them() -> None:
    workflow = yaml.safe_load((PROJECT / ".github" / "workflows" / "ci.yml").read_text())
    job = workflow["jobs"]["ci"]

    assert job["strategy"]["matrix"]["python"] == list(SUPPORTED)
    assert job["steps"][-1] == {"run": ".ci/run"}


def test_the_pages_name_them() -> None:
    for page in ("README.md", "docs/get-started.md"):
        assert f"Python {SUPPORTED[0]} or later" in (PROJECT / page).read_text()
    settings = (PROJECT / "docs" / "settings-and-costs.md").read_text()
    assert f"{SUPPORTED[0]} to {SUPPORTED[-1]}" in settings


def test_the_python_of_these_tests_is_one_of_them_and_is_found() -> None:
    version = "{}.{}".format(*sys.version_info)

    assert version in SUPPORTED
    assert find_python(version)
    assert find_python("3.99") is None

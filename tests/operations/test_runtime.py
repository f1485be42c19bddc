"""The functions' Python: one that Lambda and Chalice know, and no other is deployed."""

import json
from pathlib import Path

import cfnlint
import pytest
from chalice.deploy.packager import BaseLambdaDeploymentPackager

from operations.aws.config import PROJECT
from operations.aws.errors import OperationFailed
from operations.aws.session import AwsSession
from operations.aws.stage import Stage
from operations.deploy.runtime import pinned_runtime, require_runtime
from operations.deploy.steps import STEPS, Deployment, deploy

RUNTIME = pinned_runtime(PROJECT)
MAJOR, MINOR = (int(part) for part in RUNTIME.removeprefix("python").split("."))
LIFECYCLES = Path(cfnlint.__file__).parent / "data/AdditionalSpecs/LmbdRuntimeLifecycle.json"
"""AWS's dates, as cfn-lint carries them."""


def test_the_page_tells_the_runtime_and_when_lambda_deprecates_it() -> None:
    page = (PROJECT / "docs" / "deploy.md").read_text()
    deprecated = json.loads(LIFECYCLES.read_text())[RUNTIME]["deprecated"]

    assert f"run on Python {MAJOR}.{MINOR}, which Lambda supports until {deprecated}" in page
    assert f"`make ready PYTHON={RUNTIME}`" in page


def test_no_python_that_chalice_deploys_is_supported_for_longer() -> None:
    known = BaseLambdaDeploymentPackager._RUNTIME_TO_ABI
    ends = {
        runtime: each["deprecated"]
        for runtime, each in json.loads(LIFECYCLES.read_text()).items()
        if runtime in known
    }

    assert ends[RUNTIME] == max(ends.values())


def test_another_python_is_refused_in_a_sentence() -> None:
    require_runtime(PROJECT, (MAJOR, MINOR))
    with pytest.raises(OperationFailed) as refused:
        require_runtime(PROJECT, (3, 11))

    assert str(refused.value) == (
        f"The functions run on {RUNTIME}, and Chalice deploys them for the Python that runs it, "
        f"python3.11: run `make clean`, then `make ready PYTHON={RUNTIME}`."
    )


def test_deploy_refuses_it_before_anything_is_asked_of_aws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("operations.deploy.steps.require_runtime", refuse)
    aws = AwsSession(region_name="eu-west-1")
    aws.events.register("before-call", refuse_call)
    in_an_account = Deployment(Stage("dev", aws, {}), PROJECT, {}, {})

    with pytest.raises(OperationFailed, match="another Python"):
        deploy(in_an_account, [step.name for step in STEPS], lambda _: None)


def refuse(_: Path) -> None:
    raise OperationFailed("another Python")


def refuse_call(**_: object) -> None:
    raise AssertionError

"""The pipeline on a machine whose environment is set for other AWS: it meets its own only."""

import subprocess
from pathlib import Path

import pytest

from operations.aws.session import AwsSession
from operations.local.pipeline import deploy_locally
from operations.local.server import EmbeddedAws, embedded_aws
from operations.local.source_file import source_file
from tests.conftest import drive

NOBODY = "http://127.0.0.1:9"
"""Where nobody listens."""

SET_FOR_OTHERS = {
    "http_proxy": NOBODY,
    "HTTP_PROXY": NOBODY,
    "AWS_ENDPOINT_URL_LAMBDA": NOBODY,
    "AWS_ENDPOINT_URL_STS": NOBODY,
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_PROFILE": "nosuch",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_CONFIG_FILE": "/dev/null/no file",
    "AWS_SESSION_TOKEN": "of another account",
}


@pytest.fixture
def _set_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in SET_FOR_OTHERS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.slow
@pytest.mark.usefixtures("_set_for_others")
def test_the_pipeline_of_this_machine_starts_and_runs() -> None:
    with embedded_aws() as aws:
        stage = deploy_locally(aws, lambda _: None)

        assert drive(stage, {"Ann": 5}) == {"Ann": 5}


@pytest.mark.usefixtures("_set_for_others")
def test_credentials_and_region_of_the_environment_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    session = AwsSession(NOBODY)

    credentials = session.get_credentials()

    assert credentials is not None
    assert (credentials.access_key, session.region_name) == ("test", "eu-west-1")


def test_for_an_account_and_a_named_profile_everything_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text("[profile games]\nregion = eu-west-3\n[default]\nregion = eu-west-2\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)

    assert AwsSession().region_name == "eu-west-2"
    assert AwsSession(NOBODY, profile_name="games").region_name == "eu-west-3"
    assert AwsSession(NOBODY).region_name is None


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_shell_that_sources_the_file_has_nothing_else_set_for_aws(
    tmp_path: Path, shell: str
) -> None:
    aws = EmbeddedAws("http://127.0.0.1:4566", tmp_path)
    path = tmp_path / "linked" / "up.env"
    path.parent.mkdir()

    with source_file(tmp_path, aws.variables, path) as file:
        sourced = subprocess.run(
            [shell, "-euc", f". '{file}' && env"],
            env={"PATH": "/usr/bin:/bin", "NO_PROXY": "example.com", **SET_FOR_OTHERS},
            capture_output=True,
            text=True,
            check=True,
        )

    found: dict[str, str] = dict(line.split("=", 1) for line in sourced.stdout.splitlines())
    assert {name: found[name] for name in found if name.startswith("AWS_")} == aws.variables
    assert found["NO_PROXY"] == found["no_proxy"] == "127.0.0.1,localhost,::1,example.com"

"""The stage local, which must never meet an account."""

import pytest

from operations.__main__ import run
from operations.aws.errors import MISUSE
from operations.aws.session import is_embedded
from operations.aws.stage import stage_suffix

VERBS = (
    ("deploy",),
    ("destroy", "--delete-all-data-of", "local"),
    ("send", "--records", "1"),
    ("insert", '{"RecordID": 1, "Username": "Ann", "Score": 1}'),
    ("leaderboard",),
    ("logs",),
    ("status",),
    ("rejects", "list"),
    ("rejects", "show", "rejects/x.json"),
    ("rejects", "redrive"),
    ("reconcile",),
    ("rebuild",),
)


@pytest.fixture(autouse=True)
def _an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials for an account, and no word of an embedded AWS."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "of-an-account")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
@pytest.mark.parametrize("endpoint", [(), ("--endpoint-url", "https://dynamodb.example.com")])
def test_every_verb_refuses_it_before_any_call_where_the_aws_is_no_embedded_one(
    verb: tuple[str, ...], endpoint: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    status = run([*verb, "--stage", "local", *endpoint])

    assert status == MISUSE
    error = capsys.readouterr().err
    assert error.startswith("Error: The stage local stands on an embedded AWS only")
    assert "make up" in error


def test_an_embedded_aws_is_on_this_machine_and_speaks_plain_http() -> None:
    for url in ("http://127.0.0.1:4566", "http://localhost:4566", "http://[::1]:4566"):
        assert is_embedded(url)
    for other in (
        None,
        "",
        "https://127.0.0.1",
        "http://10.0.0.1",
        "http://dynamodb.example.com",
        "http://127.0.0.1.example.com",
    ):
        assert not is_embedded(other)


def test_its_names_are_not_those_of_prod() -> None:
    assert (stage_suffix("local"), stage_suffix("prod")) == ("-local", "")

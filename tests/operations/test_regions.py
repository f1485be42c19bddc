"""One stage in several regions of an account: IAM's roles belong to none of them."""

import io
import zipfile
from types import SimpleNamespace
from typing import Any

import pytest

from operations.aws.session import AwsSession
from operations.aws.stage import AGGREGATOR, FUNCTIONS, Stage, with_names
from operations.deploy.other_regions import find_users
from operations.local.server import EmbeddedAws
from tests.operations.in_process import InProcess, new_in_process

ROLES = {f"game-scores-prod-{function}" for function in FUNCTIONS}
HERE, THERE, NOWHERE = "us-east-1", "eu-west-1", "ap-south-1"


@pytest.fixture(scope="module")
def prod(aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> InProcess:
    """A clone that has deployed prod in one region; another one has a data stack and a function."""
    prod = new_in_process(aws, tmp_path_factory.mktemp("clone"), "prod")
    assert prod("deploy", "data", "record", "app").status == 0
    assert prod("deploy", "data", "--region", THERE).status == 0
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("app.py", "")
    role = prod.session().client("iam").get_role(RoleName=f"game-scores-prod-{AGGREGATOR}")
    prod.session(THERE).client("lambda").create_function(
        FunctionName=f"game-scores-prod-{AGGREGATOR}",
        Role=role["Role"]["Arn"],
        Runtime="python3.13",
        Handler="app.app",
        Code={"ZipFile": zipped.getvalue()},
    )
    return prod


def roles(prod: InProcess) -> set[str]:
    return {each["RoleName"] for each in prod.session().client("iam").list_roles()["Roles"]}


def functions(prod: InProcess, region: str) -> list[str]:
    found = prod.session(region).client("lambda").list_functions()["Functions"]
    return [each["FunctionName"] for each in found]


def test_names_that_are_recorded_for_another_region_are_not_taken(prod: InProcess) -> None:
    recorded = prod.stage(HERE).variables

    there = with_names(Stage("prod", prod.session(THERE), recorded))

    assert f":{THERE}:" in there.names.records_stream_arn
    assert there.names.rejects_bucket.endswith(THERE)
    assert with_names(Stage("prod", prod.session(HERE), recorded)).variables == recorded


def test_destroy_keeps_the_roles_until_no_region_uses_them(prod: InProcess) -> None:
    where_nothing_is = prod("destroy", "--region", NOWHERE)
    kept = roles(prod)
    here = prod("destroy", "--region", HERE)
    still_kept, gone = roles(prod), functions(prod, HERE)
    of_there = functions(prod, THERE)
    there = prod("destroy", "--region", THERE)

    assert "Keeping the roles" in where_nothing_is.err
    assert f"they are used in {THERE}, {HERE}" in where_nothing_is.err
    assert f"they are used in {THERE}" in here.err
    assert (kept, still_kept) == (ROLES, ROLES)
    assert (gone, of_there) == ([], [f"game-scores-prod-{AGGREGATOR}"])
    assert "Keeping" not in there.err
    assert roles(prod) == set()


def test_a_region_that_cannot_be_asked_may_use_the_roles_but_not_one_that_is_not_enabled() -> None:
    ours, theirs = "game-scores-prod", "a role of others"
    answers = {
        "eu-west-1": {"Role": f"arn:aws:iam::123456789012:role/{ours}"},
        "eu-west-2": {"Role": f"arn:aws:iam::123456789012:role/{theirs}"},
        "eu-west-3": error("AccessDeniedException"),
        "me-south-1": error("UnrecognizedClientException"),
    }
    session = AwsSession(
        aws_access_key_id="of-an-account", aws_secret_access_key="-", region_name="us-east-1"
    )

    def answer(context: dict[str, Any], **_: object) -> tuple[SimpleNamespace, dict[str, Any]]:
        parsed = answers.get(context["client_region"], error("ResourceNotFoundException"))
        return SimpleNamespace(status_code=400 if "Error" in parsed else 200), parsed

    session.events.register("before-call.lambda", answer)  # type: ignore[arg-type]

    users = find_users(Stage("prod", session, {}), [ours])

    assert users == ["eu-west-1", "eu-west-3 (AccessDeniedException)"]


def error(code: str) -> dict[str, Any]:
    return {"Error": {"Code": code, "Message": "as told"}, "ResponseMetadata": {}}

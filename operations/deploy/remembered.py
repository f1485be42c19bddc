"""What Chalice remembers of a deployed stage, read from the account again.

Chalice keeps it in .chalice/deployed/, on the machine that deployed. Without it, on another
machine or in a fresh clone, `chalice deploy` would make the mappings a second time and fail, and
`chalice delete` would find nothing to delete; with that of another account it would look for the
wrong ones. So the account is asked, every time.

A stray mapping is left out: Chalice takes any mapping of the function for the one that it wants, so
the stream of a table that was made anew would never get one. The mapping of a function that was
deleted is not left out: the function that is made in its place has it already.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from botocore.exceptions import ClientError

from operations.aws.errors import OperationFailed
from operations.aws.mappings import find_strays, list_mappings
from operations.aws.stage import FUNCTIONS, Stage

Resource = dict[str, str]

STREAMS = {"kinesis": "kinesis_arn", "dynamodb": "stream_arn"}
"""The services whose streams invoke the functions, and Chalice's word for their ARN."""


def write_deployed(app_folder: Path, stage: str, resources: Iterable[Resource]) -> None:
    """Tell Chalice what the stage has in the account."""
    file = deployed_file(app_folder, stage)
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {"resources": [*resources], "schema_version": "2.0", "backend": "api"}
    file.write_text(json.dumps(content, indent=2) + "\n")


def deployed_file(app_folder: Path, stage: str) -> Path:
    """Where Chalice remembers a stage."""
    return app_folder / ".chalice" / "deployed" / f"{stage}.json"


def find_deployed(stage: Stage) -> Iterator[Resource]:
    """The stage's roles, functions, log groups and mappings, in Chalice's words and order.

    Raises OperationFailed where they are not Chalice's, but those of a deployed package.
    """
    stage_role = f"game-scores-{stage.name}"
    yield from _role(stage, "default-role", stage_role)
    for function in FUNCTIONS:
        name = stage.function_name(function)
        yield from _log_group(stage, function, f"/aws/lambda/{name}")
        yield from _role(stage, f"{function}_role", name)
        yield from _function(stage, function)
        yield from _mapping(stage, function)


def _function(stage: Stage, function: str) -> Iterator[Resource]:
    client = stage.aws.client("lambda")
    try:
        found = client.get_function(FunctionName=stage.function_name(function))
    except client.exceptions.ResourceNotFoundException:
        return
    stack = found.get("Tags", {}).get("aws:cloudformation:stack-name")
    if stack:
        raise OperationFailed(
            f"{stage.function_name(function)} belongs to the stack {stack}, which was deployed "
            "from a package: update or delete that stack with CloudFormation instead."
        )
    arn = found["Configuration"]["FunctionArn"]
    yield {"name": function, "resource_type": "lambda_function", "lambda_arn": arn}


def _mapping(stage: Stage, function: str) -> Iterator[Resource]:
    strays = {each.uuid for each in find_strays(stage, function)}
    for mapping in list_mappings(stage, function):
        if mapping["UUID"] in strays:
            continue
        source = mapping["EventSourceArn"]
        service = source.split(":")[2]
        resource = {
            "name": f"{function}-{service}-event-source",
            "resource_type": f"{service}_event",
            STREAMS[service]: source,
            "event_uuid": mapping["UUID"],
            "lambda_arn": mapping["FunctionArn"],
        }
        if service == "kinesis":
            resource["stream"] = source.split("/", 1)[1]
        yield resource


def _role(stage: Stage, resource_name: str, role_name: str) -> Iterator[Resource]:
    try:
        arn = stage.aws.client("iam").get_role(RoleName=role_name)["Role"]["Arn"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        return
    yield {
        "name": resource_name,
        "resource_type": "iam_role",
        "role_arn": arn,
        "role_name": role_name,
    }


def _log_group(stage: Stage, function: str, name: str) -> Iterator[Resource]:
    groups = stage.aws.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    if any(group["logGroupName"] == name for group in groups):
        yield {
            "name": f"{function}-log-group",
            "resource_type": "log_group",
            "log_group_name": name,
        }

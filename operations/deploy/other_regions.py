"""The other regions of the account in which a stage is deployed.

IAM's roles belong to no region, and Chalice gives a stage's roles the same names everywhere.
"""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from operations.aws.errors import NOT_ACCEPTED
from operations.aws.stage import FUNCTIONS, Stage

ASKED_AT_ONCE = 12
ONE_QUESTION = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
NOT_THERE = ("ResourceNotFoundException", *NOT_ACCEPTED)
"""A region that the account has not enabled accepts nobody's credentials."""


def find_users(stage: Stage, roles: Collection[str]) -> list[str]:
    """The other regions whose functions of this stage have one of the roles.

    A region that cannot be asked is among them, e.g. `me-south-1 (AccessDenied)`: nobody knows.
    """
    partition = stage.aws.get_partition_for_region(stage.region)
    regions = stage.aws.get_available_regions("lambda", partition_name=partition)
    others = [region for region in regions if region != stage.region]
    with ThreadPoolExecutor(ASKED_AT_ONCE) as threads:
        found = threads.map(lambda region: _name_if_used(stage, region, roles), others)
        return [name for name in found if name]


def _name_if_used(stage: Stage, region: str, roles: Collection[str]) -> str | None:
    try:
        used = {arn.rsplit("/", 1)[1] for arn in _roles_in(stage, region)}
    except ClientError as error:
        return f"{region} ({error.response['Error']['Code']})"
    except BotoCoreError as error:
        return f"{region} ({type(error).__name__})"
    return region if used & set(roles) else None


def _roles_in(stage: Stage, region: str) -> Iterator[str]:
    """The ARNs of the roles that the stage's functions have in the region."""
    client = stage.aws.client("lambda", region_name=region, config=ONE_QUESTION)
    for function in FUNCTIONS:
        try:
            yield client.get_function_configuration(FunctionName=stage.function_name(function))[
                "Role"
            ]
        except ClientError as error:
            if error.response["Error"]["Code"] not in NOT_THERE:
                raise

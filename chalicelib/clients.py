"""One client a service for the life of a Lambda environment, made at its first use.

By botocore, which boto3's clients are: boto3 itself would only add its resources and transfers to
each cold start.
"""

from functools import cached_property
from typing import TYPE_CHECKING, cast

import botocore
import botocore.session
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

WORKERS = 12
"""Requests that one invocation has under way at a time. Each needs the interpreter for half a
millisecond and DynamoDB for some four, so more of them would only wait for each other."""

CLIENT_CONFIG = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=WORKERS,
    tcp_keepalive=True,
    user_agent=f"game-scores botocore/{botocore.__version__}",
    parameter_validation=False,
)
"""At most 4 attempts of 4 seconds and some 7 of backoff: within the function's timeout, so that a
failure rises as an error with a reason instead of as a time-out.

A user agent of one's own and no validation of parameters: botocore would put the user agent
together twice a request, from 18 parts, and check each value that was decoded and checked already.
Together they are a quarter of a request's CPU time.
"""


class Clients:
    """The clients of a Lambda environment: for its life, and safe to use by many threads."""

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """The DynamoDB client."""
        return cast("DynamoDBClient", self._session.create_client("dynamodb", config=CLIENT_CONFIG))

    @cached_property
    def s3(self) -> "S3Client":
        """The S3 client, made only when there is a reject to write."""
        return cast("S3Client", self._session.create_client("s3", config=CLIENT_CONFIG))

    @cached_property
    def _session(self) -> botocore.session.Session:
        return botocore.session.get_session()

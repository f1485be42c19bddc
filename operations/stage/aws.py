"""One client a service, made once, that speaks to the stage's AWS."""

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from operations.errors import OperationFailed

CLIENT_CONFIG = Config(
    retries={"mode": "standard"}, s3={"addressing_style": "path"}, max_pool_connections=32
)


class AwsSession(boto3.Session):
    """A session whose clients speak to `endpoint_url`, to AWS itself where it is None.

    A client made without arguments of its own is kept and given out again.
    """

    def __init__(self, endpoint_url: str | None = None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.endpoint_url = endpoint_url
        self._clients: dict[str, Any] = {}

    if not TYPE_CHECKING:  # the types of boto3.Session.client hold

        def client(self, service, **arguments):
            """The service's client, as boto3 makes it."""
            if arguments:
                return super().client(service, **{"endpoint_url": self.endpoint_url, **arguments})
            if service not in self._clients:
                self._clients[service] = super().client(
                    service, endpoint_url=self.endpoint_url, config=CLIENT_CONFIG
                )
            return self._clients[service]


def is_embedded(endpoint_url: str | None) -> bool:
    """Whether an embedded AWS stands there: on this machine, by plain HTTP, as no real AWS does."""
    parts = urlsplit(endpoint_url or "")
    if parts.scheme != "http" or not parts.hostname:
        return False
    if parts.hostname == "localhost":
        return True
    try:
        return ip_address(parts.hostname).is_loopback
    except ValueError:
        return False


def account_of(aws: AwsSession) -> str:
    """The account that the credentials belong to."""
    return aws.client("sts").get_caller_identity()["Account"]


def describe_account(aws: AwsSession) -> str:
    """Which AWS the session speaks to, e.g. `account 123456789012, eu-west-1`.

    Raises OperationFailed where AWS does not accept the credentials, and botocore's own errors
    where there are none, or no region.
    """
    try:
        account = account_of(aws)
    except ClientError as error:
        raise OperationFailed(
            f"AWS does not accept the credentials ({error}): renew them, or give --profile."
        ) from error
    where = f" at {aws.endpoint_url}" if aws.endpoint_url else ""
    return f"account {account}, {aws.region_name}{where}"

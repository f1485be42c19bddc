"""One client a service, made once, that speaks to the stage's AWS."""

import os
from collections.abc import Mapping
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config

from operations.aws.errors import Misuse, NoAws


class AwsSession(boto3.Session):
    """A session whose clients speak to `endpoint_url`, to AWS itself where it is None.

    A client made without arguments of its own is kept and given out again. For an embedded AWS,
    nothing counts but credentials and region, unless a profile is named.
    """

    def __init__(self, endpoint_url: str | None = None, **arguments: Any) -> None:
        if is_embedded(endpoint_url) and not arguments.get("profile_name"):
            arguments["botocore_session"] = _session_of_its_own()
        super().__init__(**arguments)
        self.events.register("before-parse", _require_aws)
        self.endpoint_url = endpoint_url
        self._config = Config(  # of its own: botocore writes what it read elsewhere into it
            retries={"mode": "standard"}, s3={"addressing_style": "path"}, max_pool_connections=32
        )
        self._clients: dict[str, Any] = {}

    if not TYPE_CHECKING:  # the types of boto3.Session.client hold

        def client(self, service, **arguments):
            """The service's client, as boto3 makes it.

            Raises Misuse where the AWS configuration has a value that boto3 does not take.
            """
            if not arguments and service in self._clients:
                return self._clients[service]
            default = {} if arguments else {"config": self._config}
            try:
                client = super().client(
                    service, **{"endpoint_url": self.endpoint_url, **default, **arguments}
                )
            except ValueError as error:
                raise Misuse(f"The AWS configuration is not valid: {error}.") from error
            if not arguments:
                self._clients[service] = client
            return client


def _session_of_its_own() -> botocore.session.Session:
    """A session without proxies and files, and of the environment only credentials and region.

    What is set for AWS is not meant for this machine: a profile that another account has, a
    proxy, an endpoint for one service.
    """
    unset = {
        name: (None, None, default, convert)
        for name, (_, _, default, convert) in botocore.session.Session.SESSION_VARIABLES.items()
        if name not in ("region", "data_path")
    }
    no_files = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    session = botocore.session.Session({**unset, **no_files})
    session.set_default_client_config(Config(proxies={}))
    return session


def _require_aws(response_dict: Mapping[str, Any], **_: Any) -> None:
    """Raise NoAws where something else answers, as a web server or a proxy.

    AWS's answers are no HTML, and those of its services have an id, in a header such as
    x-amzn-RequestId. What fails before a service is reached may lack it, and botocore tries that
    again: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
    """
    status, headers = response_dict["status_code"], response_dict["headers"]
    kind = headers.get("content-type") or "no content type"
    is_success = status < HTTPStatus.MULTIPLE_CHOICES
    is_web_page = "html" in kind and status < HTTPStatus.INTERNAL_SERVER_ERROR
    has_id = any(name.lower().startswith("x-amz") for name in headers)
    if (is_success or is_web_page) and not has_id:
        raise NoAws(f"What answers there is no AWS ({status}, {kind}). Check --endpoint-url.")


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

    Raises botocore's own errors where there are no credentials or no region, or AWS does not
    accept them.
    """
    account = account_of(aws)
    where = f" at {aws.endpoint_url}" if aws.endpoint_url else ""
    return f"account {account}, {aws.region_name}{where}"

"""Writes down the AWS calls of each Python process that has this folder on its PYTHONPATH.

Python imports a module of this name when it starts, thus in what a verb starts, too: Chalice.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore import client

BASE_CLIENT: Any = client.BaseClient


def recording(call: Callable[..., Any], written: Path) -> Callable[..., Any]:
    """The same as `BaseClient._make_api_call`, with a line in the file for each call."""

    def recorded(client: Any, operation: str, parameters: Any) -> Any:
        credentials = client._request_signer._credentials
        key = credentials.access_key if credentials else ""
        service = client.meta.service_model.service_name
        line = json.dumps([key, service, operation, parameters], default=str)
        with written.open("a") as lines:
            lines.write(f"{line}\n")
        return call(client, operation, parameters)

    return recorded


if os.environ.get("RECORDED_CALLS"):
    path = Path(os.environ["RECORDED_CALLS"])
    BASE_CLIENT._make_api_call = recording(BASE_CLIENT._make_api_call, path)

"""What every rival makes of a Kinesis payload."""

import json
from decimal import Decimal
from typing import Any


def decode_item(payload: str) -> dict[str, Any] | None:
    """The JSON object as an item for boto3's table resource; None if it is none."""
    try:
        item = json.loads(payload, parse_float=Decimal)
    except ValueError:
        return None
    return item if isinstance(item, dict) else None

"""Items with a history, so that a measurement is in its steady state from the first batch."""

import base64
import zlib

from benchmarks.events import START_SECONDS
from chalicelib.receipts import first_page_of, make_receipt, room_on_item
from dynamodb_model.expressions import Item

STEADY_USER = "benchmarks.seeds:steady_user"
"""Gives users a history in the server, see `DynamoDBServer.seed`."""

FRESH = "fresh"
"""Users whose names begin so have no history."""

ARCHIVED_SECONDS_AGO = 1000
RECEIPTS_ON_PAGE = 50


def steady_user(username: str) -> Item | None:
    """A user's item somewhere between two archive moves; where, follows from the name.

    So the moves of many users fall evenly on the batches, as those of a long run do.
    """
    if username.startswith(FRESH):
        return None
    receipts = 1 + zlib.crc32(username.encode()) % room_on_item(username)
    archived = START_SECONDS - ARCHIVED_SECONDS_AGO
    return {
        "Username": {"S": username},
        "Score": {"N": "12345.75"},
        "LastPage": {"S": f"{first_page_of(archived)}.00000007.0123456789abcdef"},
        "Receipts": {
            "BS": {
                base64.b64encode(make_receipt("past", str(number), archived + 1 + number)).decode()
                for number in range(receipts)
            }
        },
    }


def archive_page(number: int) -> Item:
    """A page of anybody's archive: the older, the higher its number; but for the key's user."""
    archived = START_SECONDS - ARCHIVED_SECONDS_AGO - number * RECEIPTS_ON_PAGE
    return {
        "Page": {"S": f"{first_page_of(archived)}.00000006.0123456789abcdef"},
        "Receipts": {
            "BS": {
                base64.b64encode(
                    make_receipt("archived", f"{number}-{receipt}", archived - receipt)
                ).decode()
                for receipt in range(RECEIPTS_ON_PAGE)
            }
        },
    }

"""A user's item, read leniently: what is damaged counts as absent."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from chalicelib.receipts import DamagedItem, UserItem, read_user_item

Item = Mapping[str, Any]
"""An item, or some attributes of one, in DynamoDB's attribute values."""


def total_of(item: Item) -> Decimal | None:
    """The user's total; None where the item holds no number."""
    score = item.get("Score", {}).get("N")
    return None if score is None else Decimal(score)


def user_of(item: Item) -> UserItem:
    """The user's receipts and newest page."""
    try:
        return read_user_item(item)
    except DamagedItem:
        return UserItem()

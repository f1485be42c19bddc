"""Receipts: what proves that a stream record was counted, and the archive pages they move to.

Pure. A receipt is 16 bytes: the record's time (seconds, 4 bytes, big-endian), then a 12-byte
digest of its eventID and SequenceNumber. A user's newest receipts stand on the user's item,
written by the very update that adds the score; the older ones stand in pages.
"""

import re
from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

KILOBYTE = 1024
"""The bytes of an item that one write unit pays for."""

RECEIPT_BYTES = 17
"""What one receipt adds to an item: its 16 bytes and one for standing in a set."""

ITEM_BYTES = 150
"""What an item or a page needs beside its username and its receipts, generously."""

FEWEST_RECEIPTS = 32
"""What an item has room for even where a long username leaves less of the first kilobyte."""

KEPT_SECONDS = 30 * 24 * 3600
"""How long a page is kept. Streams redeliver for a day; redriven rejects may be older."""

PAGE_KEY = re.compile(r"[0-9]{10}\.[0-9]{8}\.[0-9a-f]{16}")
"""Newest time archived so far, a counter within that second, a digest of the page's receipts."""


class DamagedItem(ValueError):
    """The user's item or a page is not as the pipeline writes it, so nothing can be added to it."""


class UserItem(NamedTuple):
    """What stands on the user's item; without an item, nothing.

    `last_page` is the key of the newest page of the archive, None where there is none yet.
    """

    receipts: frozenset[bytes] = frozenset()
    last_page: str | None = None


class Move(NamedTuple):
    """A plan: `moved` go from the user's item to the page of that key, `kept` stay."""

    page: str
    moved: frozenset[bytes]
    kept: frozenset[bytes]


def read_user_item(item: Mapping[str, Any]) -> UserItem:
    """What the item says, e.g. `{"Receipts": {"BS": [b"…"]}, "LastPage": {"S": "…"}}`.

    Raises DamagedItem where Receipts or LastPage is something that the pipeline never writes.
    """
    last_page = item.get("LastPage", {"S": None}).get("S")
    if "LastPage" in item and (last_page is None or not PAGE_KEY.fullmatch(last_page)):
        raise DamagedItem(f"its LastPage is no page's key: {item['LastPage']}")
    return UserItem(read_receipts(item), last_page)


def read_receipts(item: Mapping[str, Any]) -> frozenset[bytes]:
    """The receipts on a user's item or in a page; raises DamagedItem for another type."""
    attribute = item.get("Receipts", {"BS": ()})
    if "BS" not in attribute:
        kind = next(iter(attribute), "none")
        raise DamagedItem(f"its Receipts are of DynamoDB's type {kind}, not a binary set")
    return frozenset(attribute["BS"])


def make_receipt(event_id: str, sequence_number: str, created_seconds: int) -> bytes:
    """The receipt of the stream record with these identifiers and that time (0: unknown)."""
    identity = blake2b(f"{event_id}\n{sequence_number}".encode(), digest_size=12).digest()
    return created_seconds.to_bytes(4, "big") + identity


def seconds_of(receipt: bytes) -> int:
    """The time of the record that the receipt is for."""
    return int.from_bytes(receipt[:4], "big")


def first_page_of(seconds: int) -> str:
    """Sorts before every page that can hold a receipt of that time, and after the others."""
    return f"{seconds:010d}"


def read_page_key(page: str) -> tuple[int, int]:
    """The newest time archived up to that page, in seconds, and the counter within it."""
    archived, counter, _ = page.split(".")
    return int(archived), int(counter)


def room_on_item(username: str) -> int:
    """How many receipts the user's item holds at most before they are moved to a page.

    As many as item and page can hold in their first kilobyte, so that each write of either
    costs as little as one of an item without receipts. An update's condition names each new one
    with three operators, so there must not be more than 90: an expression takes 300.
    """
    free_bytes = KILOBYTE - ITEM_BYTES - len(username.encode())
    return max(FEWEST_RECEIPTS, free_bytes // RECEIPT_BYTES)


def plan_move(receipts: Collection[bytes], last_page: str | None, wanted: int, room: int) -> Move:
    """How to make room on an item for as many more receipts as wanted.

    The newest second's receipts stay if that leaves the room: were they moved, every further
    record of that second would be as old as the archive and have to read it. The page's key
    sorts after `last_page`: newest time archived so far, a counter within that second, and a
    digest of the receipts, so that even after somebody deleted the user's item, and with it
    `last_page`, no page meets the key of another.
    """
    newest = max(map(seconds_of, receipts))
    kept = frozenset(receipt for receipt in receipts if seconds_of(receipt) == newest)
    moved = frozenset(receipts) - kept
    if not moved or len(kept) + wanted > room:
        kept, moved = frozenset(), frozenset(receipts)
    archived = max(map(seconds_of, moved))
    counter = 0
    if last_page is not None:
        last_archived, last_counter = read_page_key(last_page)
        if last_archived >= archived:
            archived, counter = last_archived, last_counter + 1
    digest = blake2b(b"".join(sorted(moved)), digest_size=8).hexdigest()
    return Move(f"{first_page_of(archived)}.{counter:08d}.{digest}", moved, kept)

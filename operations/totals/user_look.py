"""One user as the tables have it: the item of the total, and the pages of its archive.

What counts as counted is what the core takes for counted (chalicelib/totals.py): receipts on the
item, and receipts in pages. Where somebody deleted or changed the item by hand, pages may be left
that no LastPage reaches: the core finds them at one time and overlooks them at another, so a
correction names them again.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from chalicelib import words
from chalicelib.receipts import (
    PAGE_KEY,
    DamagedItem,
    first_page_of,
    read_receipts,
    read_user_item,
    seconds_of,
)
from operations.aws.items import Item, total_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ITEM_ATTRIBUTES = (words.SCORE, "Receipts", "LastPage")
"""What the core reads and writes on a user's item."""

MOST_READINGS = 10


@dataclass(frozen=True)
class DamagedPage:
    """A page that is not as the pipeline writes it: its key, and its Receipts as they stand."""

    key: str
    found: Mapping[str, Any] | None


@dataclass(frozen=True)
class Look:
    """A user's item, and after it the pages, both read consistently.

    `found` are the item's attributes as they stand, without those that are absent; `score` is None
    where it holds no number, 0 where there is no item. `archived` are the receipts in the pages, as
    far as somebody wants them. `newest_page` is the greatest page's key that item or archive have.
    `has_leftovers`: some of the receipts are only in pages that no LastPage reaches, or there is a
    damaged page that somebody may be about to name. `damage` says what on the item is not as the
    pipeline writes it.
    """

    username: str
    found: Item
    score: Decimal | None
    receipts: frozenset[bytes]
    archived: frozenset[bytes]
    newest_page: str | None
    has_leftovers: bool = False
    damage: str = ""
    damaged_pages: tuple[DamagedPage, ...] = ()

    @property
    def counted(self) -> frozenset[bytes]:
        """The receipts that stand anywhere."""
        return self.receipts | self.archived


def look_at(
    dynamodb: "DynamoDBClient",
    totals_table: str,
    receipts_table: str,
    username: str,
    wanted: Set[bytes],
    *,
    recent_seconds: int,
) -> Look:
    """The user now. Of the pages, receipts are kept that are wanted, or may be as young as recent.

    GetItem, then Query. Where a page that LastPage does not reach holds a receipt that is nowhere
    else, somebody may have counted it after the item was read: the item is read once more, and if
    it changed, all begins anew.
    """
    item = _read_item(dynamodb, totals_table, username)
    for _ in range(MOST_READINGS):
        pages = _Pages(item, wanted, recent_seconds)
        for page in _read_pages(dynamodb, receipts_table, username, pages.first):
            pages.add(page)
        look = pages.look(username)
        if not look.has_leftovers:
            break
        before, item = item, _read_item(dynamodb, totals_table, username)
        if _comparable(item) == _comparable(before):
            break
    return look


class _Pages:
    """Takes a user's pages in any order; makes a look of them and the item."""

    def __init__(self, item: Item, wanted: Set[bytes], recent_seconds: int) -> None:
        self._item = item
        self._wanted = wanted
        self._recent_seconds = recent_seconds
        self._newest: str | None = None
        self._kept: dict[str, frozenset[bytes]] = {}
        self._damaged: list[DamagedPage] = []

    @property
    def first(self) -> str:
        """Sorts before each page that matters: before all, if no LastPage says which there are."""
        if last_page_of(self._item) is None:
            return first_page_of(0)
        return first_page_of(min([self._recent_seconds, *map(seconds_of, self._wanted)]))

    def add(self, page: Item) -> None:
        key = page["Page"]["S"]
        if not PAGE_KEY.fullmatch(key):
            self._damaged.append(DamagedPage(key, page.get("Receipts")))
            return
        self._newest = max(key, self._newest or key)
        try:
            receipts = read_receipts(page)
        except DamagedItem:
            self._damaged.append(DamagedPage(key, page.get("Receipts")))
            return
        if kept := frozenset(filter(self._is_kept, receipts)):
            self._kept[key] = kept

    def look(self, username: str) -> Look:
        receipts, last_page = receipts_of(self._item), last_page_of(self._item)
        reached = [key for key in self._kept if last_page is not None and key <= last_page]
        reachable = receipts.union(*map(self._kept.__getitem__, reached))
        archived = frozenset[bytes]().union(*self._kept.values())
        beyond = (each for each in self._damaged if PAGE_KEY.fullmatch(each.key))
        is_beyond = any(last_page is None or each.key > last_page for each in beyond)
        return Look(
            username=username,
            found={name: self._item[name] for name in ITEM_ATTRIBUTES if name in self._item},
            score=total_of(self._item) if self._item else Decimal(0),
            receipts=receipts,
            archived=archived,
            newest_page=max(filter(None, (self._newest, last_page)), default=None),
            has_leftovers=is_beyond or not archived <= reachable,
            damage=damage_of(self._item),
            damaged_pages=tuple(self._damaged),
        )

    def _is_kept(self, receipt: bytes) -> bool:
        return receipt in self._wanted or is_recent(receipt, self._recent_seconds)


def is_recent(receipt: bytes, recent_seconds: int) -> bool:
    """Whether its record may be as young; one that has no time may always."""
    seconds = seconds_of(receipt)
    return seconds >= recent_seconds or seconds == 0


def receipts_of(item: Item) -> frozenset[bytes]:
    """The receipts on the item; none where they are damaged."""
    try:
        return read_receipts(item)
    except DamagedItem:
        return frozenset()


def last_page_of(item: Item) -> str | None:
    """The page that the item names; None also where that is no page's key."""
    key = item.get("LastPage", {}).get("S")
    return key if key and PAGE_KEY.fullmatch(key) else None


def damage_of(item: Item) -> str:
    """What is not as the pipeline writes it; empty if all is, or there is no item."""
    problems = []
    if item and words.SCORE not in item:
        problems.append(f"it has no {words.SCORE}")
    elif item and total_of(item) is None:
        problems.append(f"its {words.SCORE} is of DynamoDB's type {next(iter(item[words.SCORE]))}")
    for attribute in ("Receipts", "LastPage"):
        try:
            read_user_item({name: item[name] for name in (attribute,) if name in item})
        except DamagedItem as damage:
            problems.append(str(damage))
    return "; ".join(problems)


def _comparable(item: Item) -> dict[str, Any]:
    """The item's attributes, its receipts in no order."""
    return {**item, "Receipts": receipts_of(item) or item.get("Receipts")}


def _read_item(dynamodb: "DynamoDBClient", table: str, username: str) -> Item:
    item: Item = dynamodb.get_item(
        TableName=table, Key={words.USERNAME: {"S": username}}, ConsistentRead=True
    ).get("Item", {})
    return item


def _read_pages(
    dynamodb: "DynamoDBClient", table: str, username: str, after: str
) -> Iterator[Item]:
    """The user's pages whose keys are greater."""
    responses = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression=f"{words.USERNAME} = :username AND Page > :page",
        ExpressionAttributeValues={":username": {"S": username}, ":page": {"S": after}},
        ProjectionExpression="Page, Receipts",
        ConsistentRead=True,
    )
    for response in responses:
        yield from response["Items"]

"""One player in the tables: the records, the total with its receipts, the archive's pages."""

import unicodedata
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from chalicelib import words
from chalicelib.totals import as_found
from operations.aws.items import Item
from operations.aws.stage import Stage
from operations.aws.tables import ReadMeter, scan_segments
from operations.rejects.ownership import names_in
from operations.totals.user_look import ITEM_ATTRIBUTES

WRITERS = 16

NOT_AS_FOUND = "ConditionalCheckFailedException"

MOST_SIMILAR = 100


@dataclass(frozen=True)
class PlayersRecords:
    """The keys of the player's records, valid or not, and others that a person has to look at.

    `unclear`: the name is in their Username, which is no text. `similar`: names that look alike.
    """

    keys: tuple[Any, ...]
    unclear: tuple[str, ...]
    similar: tuple[str, ...]


class PlayersItems:
    """What the tables hold of one player."""

    def __init__(self, stage: Stage, player: str) -> None:
        self._dynamodb = stage.aws.client("dynamodb")
        self._names = stage.names
        self._player = player
        self._key: Any = {words.USERNAME: {"S": player}}
        self._looks = _looks_of(player)

    def find_records(self, meter: ReadMeter) -> PlayersRecords:
        """The player's records; the table is read whole, consistently."""
        keys, unclear, similar = [], [], set[str]()
        for item in self._scan(self._names.records_table, (words.RECORD_ID, words.USERNAME), meter):
            name = item.get(words.USERNAME, {})
            key = {words.RECORD_ID: item[words.RECORD_ID]}
            if name == self._key[words.USERNAME]:
                keys.append(key)
            elif "S" not in name and self._player in names_in({words.USERNAME: name}).users:
                unclear.append(f"record {next(iter(item[words.RECORD_ID].values()))}")
            else:
                self._note_similar(similar, name)
        return PlayersRecords(tuple(keys), tuple(sorted(unclear)), tuple(sorted(similar)))

    def similar_totals(self, meter: ReadMeter) -> set[str]:
        """Those who have a total and whose name looks alike; the table is read whole."""
        similar = set[str]()
        for item in self._scan(self._names.totals_table, (words.USERNAME,), meter):
            self._note_similar(similar, item[words.USERNAME])
        return similar

    def delete_records(self, keys: Iterable[Any]) -> int:
        """Delete these records, except those given to another player meanwhile; how many."""
        with ThreadPoolExecutor(WRITERS, thread_name_prefix="forget") as writers:
            return sum(writers.map(self._delete_record, keys))

    def has_total(self) -> bool:
        answer = self._dynamodb.get_item(
            TableName=self._names.totals_table, Key=self._key, ConsistentRead=True
        )
        return "Item" in answer

    def count_pages(self) -> int:
        return len(self._page_keys())

    def delete_total_and_pages(self, found: Item) -> int | None:
        """Delete the total if it is as it was found, then its pages; how many pages there were.

        `found` are the item's attributes, none where there is no item. None if it has changed. The
        pages are listed before the item goes, so that those of a total that is made anew meanwhile
        stay, and deleted after it: an item must not name a page that is gone.
        """
        pages = self._page_keys()
        if found and not self._delete_total(found):
            return None
        for key in pages:
            self._dynamodb.delete_item(TableName=self._names.receipts_table, Key=key)
        return len(pages)

    def _delete_record(self, key: Any) -> bool:
        """Whether it is gone. What was deleted by an attempt before, whose answer is lost, is."""
        try:
            self._dynamodb.delete_item(
                TableName=self._names.records_table,
                Key=key,
                ConditionExpression=f"{words.USERNAME} = :player",
                ExpressionAttributeValues={":player": self._key[words.USERNAME]},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return _is_gone(error)
        return True

    def _delete_total(self, found: Item) -> bool:
        condition, values = as_found(**{name: found.get(name) for name in ITEM_ATTRIBUTES})
        try:
            self._dynamodb.delete_item(
                TableName=self._names.totals_table,
                Key=self._key,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return _is_gone(error)
        return True

    def _page_keys(self) -> list[Any]:
        responses = self._dynamodb.get_paginator("query").paginate(
            TableName=self._names.receipts_table,
            KeyConditionExpression=f"{words.USERNAME} = :player",
            ExpressionAttributeValues={":player": self._key[words.USERNAME]},
            ProjectionExpression=f"{words.USERNAME}, Page",
            ConsistentRead=True,
        )
        return [page for response in responses for page in response["Items"]]

    def _scan(self, table: str, attributes: tuple[str, ...], meter: ReadMeter) -> Iterator[Item]:
        for page in scan_segments(self._dynamodb, table, attributes, meter, consistent=True):
            yield from page

    def _note_similar(self, similar: set[str], name: Item) -> None:
        text = name.get("S")
        if text is None or text == self._player or len(similar) == MOST_SIMILAR:
            return
        if _looks_of(text) == self._looks:
            similar.add(text)


def _looks_of(name: str) -> str:
    """What the name looks like: another case, spaces and ways to write a letter make no other."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _is_gone(error: ClientError) -> bool:
    """Whether a deletion was refused because there is no such item; raises any other error."""
    if error.response["Error"]["Code"] != NOT_AS_FOUND:
        raise error
    return "Item" not in error.response

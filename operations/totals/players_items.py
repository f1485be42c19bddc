"""One player in the tables: the records, the total with its receipts, the archive's pages."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from chalicelib import words
from chalicelib.receipts import DamagedItem, read_receipts
from chalicelib.scores import EventRecord
from chalicelib.stream_records import decode_stream_batch
from operations.aws.stage import Stage
from operations.aws.tables import ReadMeter, scan_segments

WRITERS = 16


class PlayersItems:
    """What the tables hold of one player."""

    def __init__(self, stage: Stage, player: str) -> None:
        self._dynamodb = stage.aws.client("dynamodb")
        self._names = stage.names
        self._player = player
        self._key: Any = {words.USERNAME: {"S": player}}

    def find_records(self, meter: ReadMeter) -> Iterator[list[str]]:
        """The ids of the player's records, valid or not, in lists; the table is read whole."""
        table = self._names.records_table
        pages = scan_segments(
            self._dynamodb, table, (words.RECORD_ID, words.USERNAME), meter, consistent=True
        )
        for page in pages:
            if ids := [
                item[words.RECORD_ID]["N"]
                for item in page
                if item.get(words.USERNAME) == {"S": self._player}
            ]:
                yield ids

    def delete_records(self, record_ids: Iterable[str]) -> set[str]:
        """Delete these records, except those given to another player meanwhile; what is deleted."""
        with ThreadPoolExecutor(WRITERS, thread_name_prefix="forget") as writers:
            deleted = writers.map(self._delete_record, record_ids)
            return {record_id for record_id in deleted if record_id is not None}

    def _delete_record(self, record_id: str) -> str | None:
        try:
            self._dynamodb.delete_item(
                TableName=self._names.records_table,
                Key={words.RECORD_ID: {"N": record_id}},
                ConditionExpression=f"{words.USERNAME} = :player",
                ExpressionAttributeValues={":player": {"S": self._player}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return None
            raise
        return record_id

    def receipts_of(self, records: Sequence[EventRecord]) -> set[bytes]:
        """The receipts by which the player's changes in these stream records will be counted."""
        changes = decode_stream_batch(records).changes
        return {change.receipt for change in changes if change.username == self._player}

    def has_total(self) -> bool:
        return bool(self._total())

    def counted(self) -> set[bytes]:
        """The receipts on the player's item and in the pages."""
        receipts: set[bytes] = set()
        for item in (self._total(), *self._read_pages()):
            try:
                receipts |= read_receipts(item)
            except DamagedItem:
                continue
        return receipts

    def count_pages(self) -> int:
        return sum(1 for _ in self._read_pages())

    def delete_total_and_pages(self) -> tuple[int, int]:
        """Delete the total with its receipts, then the pages; how many of each there were.

        In this order, since an item must not name a page that is gone.
        """
        answer = self._dynamodb.delete_item(
            TableName=self._names.totals_table, Key=self._key, ReturnValues="ALL_OLD"
        )
        pages = 0
        for page in self._read_pages():
            key: Any = {words.USERNAME: page[words.USERNAME], "Page": page["Page"]}
            self._dynamodb.delete_item(TableName=self._names.receipts_table, Key=key)
            pages += 1
        return (1 if answer.get("Attributes") else 0), pages

    def _total(self) -> Any:
        return self._dynamodb.get_item(
            TableName=self._names.totals_table, Key=self._key, ConsistentRead=True
        ).get("Item", {})

    def _read_pages(self) -> Iterator[Any]:
        responses = self._dynamodb.get_paginator("query").paginate(
            TableName=self._names.receipts_table,
            KeyConditionExpression=f"{words.USERNAME} = :player",
            ExpressionAttributeValues={":player": {"S": self._player}},
            ConsistentRead=True,
        )
        for response in responses:
            yield from response["Items"]

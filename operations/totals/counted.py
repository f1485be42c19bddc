"""The changes that the records in the table include already, by receipt, more than memory holds."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from types import TracebackType
from typing import Any

from chalicelib.stream_records import decode_stream_batch

CACHE_KILOBYTES = 16_384


class KnownReceipts:
    """Changes by user and receipt, each once, in a temporary SQLite file.

    A context manager: the file is gone afterwards.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("")
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KILOBYTES}")
        self._database.execute(
            "CREATE TABLE receipts (username TEXT, receipt BLOB, amount TEXT,"
            " PRIMARY KEY (username, receipt)) WITHOUT ROWID"
        )

    def __enter__(self) -> "KnownReceipts":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()

    def add_stream_records(self, records: Iterable[Mapping[str, Any]]) -> int:
        """Know the changes that these stream records make; how many records there were.

        One that cannot be decoded makes none: the aggregator rejects it.
        """
        count = 0
        for record in records:
            count += 1
            changes = decode_stream_batch([record]).changes
            self._database.executemany(
                "INSERT OR IGNORE INTO receipts VALUES (?, ?, ?)",
                ((change.username, change.receipt, str(change.amount)) for change in changes),
            )
        return count

    def of(self, username: str) -> dict[bytes, Decimal]:
        """What each of the user's changes comes to, by its receipt."""
        rows = self._database.execute(
            "SELECT receipt, amount FROM receipts WHERE username = ?", (username,)
        )
        return {receipt: Decimal(amount) for receipt, amount in rows}

    def users(self) -> Iterator[str]:
        """Everybody who has receipts, in the order of their names."""
        rows = self._database.execute("SELECT DISTINCT username FROM receipts ORDER BY username")
        return (row[0] for row in rows)

    def __len__(self) -> int:
        count: int = self._database.execute("SELECT count(*) FROM receipts").fetchone()[0]
        return count

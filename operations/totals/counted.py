"""The changes that the records in the table already include, by receipt; kept on disk."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from chalicelib.scores import EventRecord
from chalicelib.stream_records import decode_stream_batch
from operations.aws.stage import AGGREGATOR, Stage
from operations.rejects.objects import LAMBDAS_PREFIX, read_rejects
from operations.totals.spill import TemporaryDatabase


class KnownReceipts(TemporaryDatabase):
    """Changes by user and receipt, each once."""

    def __init__(self) -> None:
        super().__init__(
            "CREATE TABLE receipts (username TEXT, receipt BLOB, amount TEXT,"
            " PRIMARY KEY (username, receipt)) WITHOUT ROWID"
        )

    def add_stream_records(self, records: Iterable[EventRecord]) -> int:
        """Add the changes that these stream records make; the number of records.

        One that cannot be decoded makes no change: the aggregator rejects it.
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
        """The amount of each of the user's changes, by its receipt."""
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


def aggregator_rejects(stage: Stage) -> Iterator[EventRecord]:
    """The stream records in the rejects bucket, which may be redriven later."""
    s3, bucket = stage.aws.client("s3"), stage.names.rejects_bucket
    for prefix in (f"rejects/{AGGREGATOR}/", LAMBDAS_PREFIX):
        for found in read_rejects(s3, bucket, prefix):
            if found.function == AGGREGATOR:
                yield from found.records

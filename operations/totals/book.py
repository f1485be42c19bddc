"""What an audit has read, in a temporary database: the records' states, changes and totals.

The state of a record is the new image of its last record in the stream or, where the stream does
not know it, what the scan saw. So states follow the table however long the audit takes, and
whatever is read first.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from decimal import Decimal
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from chalicelib import words
from chalicelib.receipts import seconds_of
from chalicelib.scores import EventRecord, ScoreChange, exact_sum
from chalicelib.stream_records import decode_stream_batch, is_expiry
from operations.aws.errors import OperationFailed
from operations.aws.items import Item, id_of, score_of, total_of
from operations.totals.read import ScannedRecord
from operations.totals.user_look import damage_of, last_page_of, receipts_of

SCHEMA = """
CREATE TABLE records (id TEXT PRIMARY KEY, sequence TEXT, username TEXT, score TEXT) WITHOUT ROWID;
CREATE TABLE changes (username TEXT, receipt BLOB, amount TEXT, shard TEXT, sequence TEXT,
  event_id TEXT, record_id TEXT, in_reject INTEGER, PRIMARY KEY (username, receipt)) WITHOUT ROWID;
CREATE TABLE totals (username TEXT PRIMARY KEY, score TEXT, receipts BLOB, last_page TEXT,
  damage TEXT) WITHOUT ROWID;
CREATE TABLE suspects (round INTEGER, username TEXT, open BLOB, PRIMARY KEY (round, username))
  WITHOUT ROWID;
"""

SEQUENCE_DIGITS = 40
"""A stream's sequence numbers have up to 40 digits, and compare as numbers."""

RECEIPT_BYTES = 16

CACHE_KILOBYTES = 16_384
"""What is more stands on disk."""

ROWS_AT_A_TIME = 5000


class Change(NamedTuple):
    """A change that may still be delivered: it is in the stream, or in a reject.

    `shard` and `sequence` say where in the stream; None where only a reject has it.
    """

    username: str
    receipt: bytes
    amount: Decimal
    shard: str | None
    sequence: str | None
    event_id: str
    record_id: str
    in_reject: bool

    @property
    def seconds(self) -> int:
        """When it was made; 0 if it does not tell."""
        return seconds_of(self.receipt)


class FoundTotal(NamedTuple):
    """A user's item, as the scan saw it; without one, a score of 0 and nothing else."""

    score: Decimal | None = Decimal(0)
    receipts: frozenset[bytes] = frozenset()
    last_page: str | None = None
    damage: str = ""


class UserRows(NamedTuple):
    """All that was read of a user; `is_player`: there are records, or a total."""

    username: str
    is_player: bool
    expected: Decimal
    changes: tuple[Change, ...]
    total: FoundTotal


class AuditBook(AbstractContextManager["AuditBook"]):
    """Takes what is read, in any order; of the users in `only`, if it is given.

    A record that expired leaves its state as it was, unless `without_expired`.
    """

    def __init__(
        self, only: Collection[str] | None = None, *, without_expired: bool = False
    ) -> None:
        self._database = sqlite3.connect("")
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KILOBYTES}")
        self._database.execute("PRAGMA temp_store = FILE")
        self._database.executescript(SCHEMA)
        self._only = only
        self._without_expired = without_expired
        self._states: list[tuple[str, str, str | None, str | None]] = []
        self._changes: list[tuple[Any, ...]] = []
        self.has_expiry = False
        self.oldest_seconds = 2**32

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file, which is gone then."""
        self._database.close()

    def add_stream_record(self, shard: str, record: EventRecord) -> tuple[ScoreChange, ...]:
        """Take a record of the table's stream; the changes that it makes."""
        change = record["dynamodb"]
        record_id, sequence = id_of(change["Keys"]), change["SequenceNumber"].zfill(SEQUENCE_DIGITS)
        self._states.append((record_id, sequence, *self._state_after(record)))
        changes = decode_stream_batch([record]).changes
        self._add_changes(changes, shard, sequence, record["eventID"], record_id, in_reject=0)
        if len(self._states) >= ROWS_AT_A_TIME:
            self._write()
        return changes

    def add_rejected(self, record: EventRecord, changes: Iterable[ScoreChange]) -> None:
        """Take the changes of a rejected stream record, which could be decoded."""
        record_id = id_of(record["dynamodb"].get("Keys", {}))
        event_id = str(record["eventID"])
        self._add_changes(changes, None, None, event_id, record_id, in_reject=1)

    def add_scanned(self, records: Iterable[ScannedRecord]) -> None:
        """Take records of the table, as a scan sees them."""
        self._database.executemany(
            "INSERT OR IGNORE INTO records VALUES (?, NULL, ?, ?)",
            (
                (each.record_id, each.username, str(each.score))
                for each in records
                if self._is_wanted(each.username)
            ),
        )

    def add_totals(self, items: Iterable[Item], recent_seconds: int) -> None:
        """Take users' items; of their receipts those that may be of a change, or are recent."""
        oldest = min(self.oldest_seconds, recent_seconds)
        rows = (
            (
                item[words.USERNAME]["S"],
                None if (score := total_of(item)) is None else str(score),
                b"".join(
                    each
                    for each in receipts_of(item)
                    if seconds_of(each) >= oldest or not seconds_of(each)
                ),
                last_page_of(item),
                damage_of(item),
            )
            for item in items
        )
        self._database.executemany("INSERT OR REPLACE INTO totals VALUES (?, ?, ?, ?, ?)", rows)

    def index(self) -> None:
        """Sort the records by user: once, when the scan is over."""
        self._database.execute("CREATE INDEX records_of_user ON records (username, score)")

    def users(self) -> Iterator[UserRows]:
        """Every user of whom anything was read, in the order of their names."""
        self._write()
        execute = self._database.execute
        records = execute(
            "SELECT username, 0, score FROM records WHERE username IS NOT NULL ORDER BY username"
        )
        changes = execute("SELECT username, 1, changes.* FROM changes ORDER BY username")
        totals = execute("SELECT username, 2, * FROM totals ORDER BY username")
        rows = merge(records, changes, totals, key=itemgetter(0))
        for username, of_user in groupby(rows, key=itemgetter(0)):
            parts: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
            for row in of_user:
                parts[row[1]].append(row[2:])
            yield UserRows(
                username,
                bool(parts[0] or parts[2]),
                exact_sum(Decimal(score) for (score,) in parts[0]),
                tuple(map(_change, parts[1])),
                _total(*parts[2][0]) if parts[2] else FoundTotal(),
            )

    def has(self, username: str) -> bool:
        """Whether any record or change is that user's."""
        self._write()
        return any(
            self._database.execute(
                f"SELECT 1 FROM {table} WHERE username = ? LIMIT 1",  # noqa: S608
                (username,),
            ).fetchone()
            for table in ("records", "changes")
        )

    def expected(self, username: str) -> Decimal:
        """The sum of the user's records by now."""
        self._write()
        scores = self._database.execute(
            "SELECT score FROM records WHERE username = ?", (username,)
        ).fetchall()
        return exact_sum(Decimal(score) for (score,) in scores)

    def changes_of(self, username: str) -> tuple[Change, ...]:
        """The user's changes by now."""
        self._write()
        rows = self._database.execute("SELECT * FROM changes WHERE username = ?", (username,))
        return tuple(map(_change, rows))

    def suspect(self, number: int, username: str, open_before: Collection[bytes] | None) -> None:
        """Note whom to look at in that round; which changes were open before, None: no look yet."""
        blob = None if open_before is None else b"".join(open_before)
        self._database.execute(
            "INSERT OR IGNORE INTO suspects VALUES (?, ?, ?)", (number, username, blob)
        )

    def last_round(self) -> int:
        """The last round in which somebody is to be looked at; 0 if there is none."""
        found = self._database.execute("SELECT max(round) FROM suspects").fetchone()[0]
        return found or 0

    def suspects(self, number: int, at_a_time: int) -> Iterator[dict[str, frozenset[bytes] | None]]:
        """Those to be looked at in that round, with the changes that were open before."""
        last = ""
        while True:
            rows = self._database.execute(
                "SELECT username, open FROM suspects WHERE round = ? AND username > ?"
                " ORDER BY username LIMIT ?",
                (number, last, at_a_time),
            ).fetchall()
            if not rows:
                return
            yield {name: None if blob is None else _split(blob) for name, blob in rows}
            last = rows[-1][0]

    def _is_wanted(self, username: str) -> bool:
        return self._only is None or username in self._only

    def _add_changes(
        self, changes: Iterable[ScoreChange], *place: str | None, in_reject: int
    ) -> None:
        for each in changes:
            if seconds := seconds_of(each.receipt):
                self.oldest_seconds = min(self.oldest_seconds, seconds)
            if self._is_wanted(each.username):
                row = (each.username, each.receipt, str(each.amount), *place, in_reject)
                self._changes.append(row)

    def _state_after(self, record: EventRecord) -> tuple[str, str] | tuple[None, None]:
        """Whose score it is after that record, and what: nobody's where it counts for nothing."""
        image: Any = record["dynamodb"].get("NewImage")
        if is_expiry(record):
            self.has_expiry = True
            image = None if self._without_expired else record["dynamodb"].get("OldImage")
        elif record["eventName"] == "REMOVE":
            image = None
        elif not isinstance(image, Mapping):
            raise OperationFailed(
                "The table's stream does not show what was written: set its view to "
                "NEW_AND_OLD_IMAGES, as `status` advises, and run this again 24 hours later."
            )
        state = image and score_of(image)
        return (state[0], str(state[1])) if state else (None, None)

    def _write(self) -> None:
        self._database.executemany(
            "INSERT INTO records VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " sequence = excluded.sequence, username = excluded.username, score = excluded.score"
            " WHERE records.sequence IS NULL OR records.sequence < excluded.sequence",
            self._states,
        )
        self._database.executemany(
            "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (username, receipt) DO UPDATE SET"
            " shard = coalesce(shard, excluded.shard),"
            " sequence = coalesce(sequence, excluded.sequence),"
            " in_reject = max(in_reject, excluded.in_reject)",
            self._changes,
        )
        self._states.clear()
        self._changes.clear()


def _change(row: tuple[Any, ...]) -> Change:
    username, receipt, amount, shard, sequence, event_id, record_id, in_reject = row
    number = Decimal(amount)
    return Change(username, receipt, number, shard, sequence, event_id, record_id, bool(in_reject))


def _total(_: str, score: str | None, receipts: bytes, last_page: str | None, damage: str) -> Any:
    return FoundTotal(
        None if score is None else Decimal(score), _split(receipts), last_page, damage
    )


def _split(receipts: bytes) -> frozenset[bytes]:
    return frozenset(
        receipts[start : start + RECEIPT_BYTES] for start in range(0, len(receipts), RECEIPT_BYTES)
    )

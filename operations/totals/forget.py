"""Erases a player: records, total, receipts, rejects, so that nothing comes back.

A record that is deleted takes its score from the total, by the table's stream, a moment later. Were
the total deleted before, that would make it anew, negative, under the player's name. So the order
is: the records; then wait until the aggregator has counted the deletions, which their receipts on
the player's item tell; then total and pages, then the rejects, in all versions. Then the functions
get time to bring something back, and everything is looked at again, until a look finds nothing.

That proves that nothing is left. What it cannot prove is that nothing ever comes back: a stream
may deliver a batch again as long as it keeps it. So it can be run again, and proves it then.
"""

import time
from dataclasses import dataclass, field

from chalicelib import words
from operations.aws.errors import OperationFailed
from operations.aws.items import require_username
from operations.aws.iterator_age import iterator_ages
from operations.aws.mappings import require_mapping
from operations.aws.progress import Announce
from operations.aws.stage import AGGREGATOR, FUNCTIONS, Stage
from operations.aws.table_stream import TableStream
from operations.aws.tables import ReadMeter
from operations.rejects.erasure import Holding, erase, find_holdings
from operations.totals.players_items import PlayersItems
from operations.totals.remains import Remainder, find_remains

MOST_LOOKS = 5
POLL_SECONDS = 0.5
RECORDS_AT_A_TIME = 1000
MOST_BEHIND_SECONDS = 60.0


@dataclass
class Erased:
    """What was found, and erased unless it is only a look; `objects` are versions in the bucket.

    `unreadable` are keys of objects in which the name stands, but nobody can tell what is theirs.
    """

    records: int = 0
    totals: int = 0
    pages: int = 0
    rejects: int = 0
    objects: int = 0
    unreadable: set[str] = field(default_factory=set)

    @property
    def is_nothing(self) -> bool:
        """Whether nothing was found that can be erased."""
        return not (self.records or self.totals or self.pages or self.objects)

    def add(self, other: "Erased") -> None:
        """Count what another look found."""
        self.records += other.records
        self.totals += other.totals
        self.pages += other.pages
        self.rejects += other.rejects
        self.objects += other.objects
        self.unreadable |= other.unreadable


@dataclass(frozen=True)
class Forgotten:
    """What was erased (`is_dry_run`: would be) and what remains where."""

    player: str
    is_dry_run: bool
    erased: Erased
    remains: tuple[Remainder, ...]
    looks: int
    seconds: float


def look_for(stage: Stage, player: str, meter: ReadMeter) -> Erased:
    """What there is of the player; nothing is changed."""
    items = PlayersItems(stage, player)
    found = Erased(
        records=sum(len(ids) for ids in items.find_records(meter)),
        totals=1 if items.has_total() else 0,
        pages=items.count_pages(),
    )
    for holding in find_holdings(stage, player):
        _count(found, holding)
    return found


def forget(
    stage: Stage,
    player: str,
    meter: ReadMeter,
    announce: Announce,
    *,
    settle_seconds: float,
    patience_seconds: float,
    dry_run: bool = False,
) -> Forgotten:
    """Erase the player, and look again after `settle_seconds` until nothing is found.

    `patience_seconds`: how long the aggregator may take to count the deletions. Raises
    OperationFailed, whose message says what is left and how to go on.
    """
    started = time.monotonic()
    require_username(player)
    if dry_run:
        found = look_for(stage, player, meter)
        remains = tuple(find_remains(stage))
        return Forgotten(player, True, found, remains, 1, time.monotonic() - started)
    _refuse_what_waits(stage)
    run = _Forgetting(stage, player, meter, announce, patience_seconds)
    erased = Erased()
    for look in range(1, MOST_LOOKS + 1):
        erased.add(run.erase())
        announce(f"Waiting {settle_seconds:g} seconds, to look whether anything comes back")
        time.sleep(settle_seconds)
        if look_for(stage, player, meter).is_nothing:
            remains = tuple(find_remains(stage))
            return Forgotten(player, False, erased, remains, look, time.monotonic() - started)
    raise OperationFailed(
        f"{player!r} came back {MOST_LOOKS} times: {words.SCORES} of this {words.PLAYER} are still "
        "sent or written. Stop that, then run this again."
    )


class _Forgetting:
    def __init__(
        self,
        stage: Stage,
        player: str,
        meter: ReadMeter,
        announce: Announce,
        patience_seconds: float,
    ) -> None:
        self._stage = stage
        self._player = player
        self._items = PlayersItems(stage, player)
        self._meter = meter
        self._announce = announce
        self._patience_seconds = patience_seconds

    def erase(self) -> Erased:
        """Erase what is there now."""
        self._announce("Deleting the records")
        erased = Erased(records=self._delete_records())
        self._announce("Deleting the total and its receipts")
        erased.totals, erased.pages = self._items.delete_total_and_pages()
        self._announce("Erasing rejects, in all versions")
        for holding in find_holdings(self._stage, self._player):
            erase(self._stage, holding)
            _count(erased, holding)
        return erased

    def _delete_records(self) -> int:
        """Delete the records and wait until the aggregator has counted that."""
        arn = self._stage.names.records_stream_arn
        stream = TableStream(self._stage.aws.client("dynamodbstreams"), arn, "LATEST")
        stream.refresh()
        deadline = time.monotonic() + self._patience_seconds
        count = 0
        receipts: set[bytes] = set()
        for ids in self._items.find_records(self._meter):
            deleted = self._items.delete_records(ids)
            count += len(deleted)
            receipts |= self._read_deletions(stream, deleted, deadline)
        if count:
            self._announce(f"Waiting until {AGGREGATOR} has counted {count:,} deletions")
            self._wait_until_counted(receipts, deadline)
        return count

    def _read_deletions(
        self, stream: TableStream, deleted: set[str], deadline: float
    ) -> set[bytes]:
        """The receipts of these deletions, read from the table's stream."""
        receipts: set[bytes] = set()
        awaited = set(deleted)
        while awaited:
            for record in stream.read():
                if record["eventName"] == "REMOVE":
                    awaited.discard(record["dynamodb"]["Keys"][words.RECORD_ID]["N"])
                receipts |= self._items.receipts_of([record])
            if awaited:
                self._wait_a_little(deadline, len(awaited))
                stream.refresh()
        return receipts

    def _wait_until_counted(self, receipts: set[bytes], deadline: float) -> None:
        while missing := receipts - self._items.counted():
            self._wait_a_little(deadline, len(missing))

    def _wait_a_little(self, deadline: float, missing: int) -> None:
        if time.monotonic() > deadline:
            raise OperationFailed(
                f"The records of {self._player!r} are deleted, but {AGGREGATOR} has not counted "
                f"{missing:,} of these deletions within {self._patience_seconds:g} seconds, so "
                "the total stays for now: deleted, it would come back. See `status`; when the "
                "function has caught up, run this again."
            )
        time.sleep(POLL_SECONDS)


def _refuse_what_waits(stage: Stage) -> None:
    """Raise OperationFailed where records wait in a stream that may bring the player back."""
    ages = iterator_ages(stage)
    for function in FUNCTIONS:
        mapping = require_mapping(stage, function)
        age_seconds = ages.get(function, 0.0)
        if not mapping.is_enabled:
            problem = f"is paused (its mapping is {mapping.state})"
        elif mapping.has_failed:
            problem = "fails on its last batch"
        elif age_seconds > MOST_BEHIND_SECONDS:
            problem = f"is {age_seconds:,.0f} seconds behind its stream"
        else:
            continue
        raise OperationFailed(
            f"{function} {problem}: what waits in its stream would bring the {words.PLAYER} back. "
            "Nothing was erased; mend that (`status`), then run this again."
        )


def _count(found: Erased, holding: Holding) -> None:
    if holding.records:
        found.objects += 1
        found.rejects += holding.records
    if holding.is_unclear:
        found.unreadable.add(holding.version.key)

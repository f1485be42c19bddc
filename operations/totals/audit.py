"""Whose total is not exact, and by how much, found while everything goes on.

First the table's stream is read, as long as it is kept, then the rejects, all records and all
totals, then the stream on until it has shown what the scan may have seen. What is known of a user
then holds for one look at the user's item and pages (judgement.py), once the stream has shown every
receipt that the look found: a change is in the stream before anybody can count it. So nothing needs
to stand still, and a busy player is judged as exactly as one at rest.

A user that is not exact is looked at again after the settle time, with the stream read on. Changes
that are open in both looks are not counted yet, or never will be. What the stream shows later than
the settle time makes it longer, and its users are looked at again.

A receipt that no stream record is found for was counted without one, as by an event invoked by
hand. Rejects are read where redrive takes them before where it may put them, in all versions, since
what was discarded can be brought back; those that are too old to be redriven are left out.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from typing import Self, TypeVar

from chalicelib import words
from chalicelib.receipts import KEPT_SECONDS, first_page_of, seconds_of
from chalicelib.rejects import PREFIX
from chalicelib.stream_records import decode_stream_batch
from operations.aws.errors import Misuse, OperationFailed
from operations.aws.progress import Announce, Progress
from operations.aws.stage import AGGREGATOR, Stage
from operations.aws.table_stream import Moment
from operations.aws.tables import ReadMeter, scan_segments
from operations.rejects.objects import LAMBDAS_PREFIX, RejectsObject, read_all_versions
from operations.totals.book import AuditBook, Change, UserRows
from operations.totals.followed_stream import FollowedStream, StreamForgot
from operations.totals.judgement import Judgement, Known
from operations.totals.read import RecordCount, has_total, read_records
from operations.totals.user_look import ITEM_ATTRIBUTES, Look, is_recent, look_at

LOOKERS = 16
USERS_AT_A_TIME = 500

RECENT_SECONDS = 300
"""How long before the audit a receipt may have been written that the stream has yet to show."""

MOST_READINGS = 3
MOST_ROUNDS = 10

Result = TypeVar("Result")


@dataclass(frozen=True)
class Verdict:
    """A user whose total is not exact.

    `open` are the changes that were not counted at two looks, a settle time apart: they wait in a
    reject or in the stream. So are those `missing`, but younger ones of their shard are counted.
    """

    judgement: Judgement
    missing: tuple[Change, ...] = ()
    open: tuple[Change, ...] = ()

    @property
    def username(self) -> str:
        return self.judgement.look.username

    @property
    def total(self) -> Decimal | None:
        """None where it is no number."""
        return self.judgement.look.score

    @property
    def expected(self) -> Decimal:
        """The sum of the records."""
        return self.judgement.known.expected

    @property
    def problem(self) -> str:
        """What is wrong besides the number and what is not counted; empty if nothing is."""
        look = self.judgement.look
        problems = [look.damage] if look.damage else []
        problems += [f"the page {page.key} is damaged" for page in look.damaged_pages]
        if look.has_leftovers and not look.damaged_pages:
            problems.append("receipts are in pages that it does not name")
        return "; ".join(problems)


class Audit(AbstractContextManager["Audit"]):
    """One audit, of all users or of some; read first, then ask for the verdicts."""

    def __init__(
        self,
        stage: Stage,
        meter: ReadMeter,
        progress: Progress,
        announce: Announce,
        *,
        settle_seconds: float,
        users: Collection[str] | None = None,
        without_expired: bool = False,
    ) -> None:
        self._stage = stage
        self._dynamodb = stage.aws.client("dynamodb")
        self._meter = meter
        self._progress = progress
        self._announce = announce
        self._only = users
        self._book = AuditBook(users, without_expired=without_expired)
        self._stream = FollowedStream(stage, self._book, progress, announce, settle_seconds)
        self._pool = ThreadPoolExecutor(LOOKERS, thread_name_prefix="look")
        self._recent_seconds = 0
        self._counted_to: dict[str, str] = {}
        self._round = 0
        self._looked_at = time.monotonic()
        self.records = RecordCount(0, 0)
        self.users = 0
        self.unreadable: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._book.close()

    @property
    def has_expiry(self) -> bool:
        """Whether the stream shows that a record expired."""
        return self._book.has_expiry

    def read(self) -> None:
        """Read everything, and find out whom to look at.

        Raises StreamForgot, and Misuse where one of the users is nobody.
        """
        began = self._moment()
        self._recent_seconds = began.aws_seconds - RECENT_SECONDS
        self._announce("Reading the table's stream")
        self._stream.catch_up(began)
        self._announce("Reading the aggregator's rejects")
        self._read_rejects(began.aws_seconds - KEPT_SECONDS)
        self._announce("Scanning the records")
        self.records = read_records(
            self._stage, self._meter, self._progress, self._book.add_scanned
        )
        self._book.index()
        if self._only is None:
            self._scan_totals()
        self._announce("Reading the stream on, until it has shown what was scanned")
        self._stream.read_past(self._moment())
        self._find_suspects()

    def verdicts(self) -> Iterator[list[Verdict]]:
        """Those that are not exact, some at a time.

        Who is looked at `again` meanwhile has another verdict later, unless found exact.
        """
        while self._round < self._book.last_round():
            if self._round == MOST_ROUNDS:
                raise OperationFailed(
                    f"After {MOST_ROUNDS} looks totals are still being changed, or the table's "
                    "stream shows what was written too late: find out who writes, or give it a "
                    "longer --settle, then run this again."
                )
            self._round += 1
            if self._round > 1:
                self._stream.settle(self._looked_at)
            for suspects in self._book.suspects(self._round, USERS_AT_A_TIME):
                judgements = self.look(suspects.keys())
                verdicts = []
                for username, open_before in suspects.items():
                    judgement = judgements[username]
                    if open_before is None:
                        if judgement.open or not judgement.is_sound:
                            self.again(username, judgement.open.keys())
                    elif judgement.open.keys() & open_before or not judgement.is_sound:
                        verdicts.append(self._verdict(judgement, open_before))
                yield verdicts

    def again(self, username: str, open_before: Collection[bytes] | None) -> None:
        """Have the user looked at in the next round; which changes are open now."""
        self._book.suspect(self._round + 1, username, open_before)

    def look(self, usernames: Collection[str]) -> dict[str, Judgement]:
        """The users as they are now, judged by what the stream has shown then."""
        wanted = {
            username: {each.receipt for each in self._book.changes_of(username)}
            for username in usernames
        }
        looks = dict(zip(usernames, self._pool.map(self._look_at, wanted.items()), strict=True))
        moment = self._moment()
        self._looked_at = moment.monotonic
        self._stream.wait_for(self._young(looks.values()), moment)
        self._look_again_at_late()
        return {username: self._judge(look) for username, look in looks.items()}

    def _look_at(self, user: tuple[str, set[bytes]]) -> Look:
        names = self._stage.names
        username, wanted = user
        return look_at(
            self._dynamodb,
            names.totals_table,
            names.receipts_table,
            username,
            wanted,
            recent_seconds=self._recent_seconds,
        )

    def _young(self, looks: Iterable[Look]) -> set[bytes]:
        """The receipts that these looks found, and the stream may have yet to show."""
        found = set[bytes]()
        for look in looks:
            known = {each.receipt for each in self._book.changes_of(look.username)}
            unknown = look.counted - known
            found |= {each for each in unknown if is_recent(each, self._recent_seconds)}
        return found

    def _look_again_at_late(self) -> None:
        """Have everybody looked at of whom the stream showed something late."""
        for username in self._stream.late:
            if self._only is None or username in self._only:
                self.again(username, None)
        self._stream.late.clear()

    def _judge(self, look: Look) -> Judgement:
        changes = self._book.changes_of(look.username)
        counted = look.counted
        self._note_counted(each for each in changes if each.receipt in counted)
        amounts = {each.receipt: each.amount for each in changes}
        return Judgement(look, Known(self._book.expected(look.username), amounts))

    def _verdict(self, judgement: Judgement, open_before: frozenset[bytes]) -> Verdict:
        still_open = [
            each
            for each in self._book.changes_of(judgement.look.username)
            if each.receipt in judgement.open and each.receipt in open_before
        ]
        still_open.sort(key=lambda change: (change.seconds, change.sequence or ""))
        return Verdict(
            judgement,
            missing=tuple(each for each in still_open if self._is_missing(each)),
            open=tuple(each for each in still_open if not self._is_missing(each)),
        )

    def _is_missing(self, change: Change) -> bool:
        """Whether a younger change of the shard is counted already.

        Then nobody delivers this one any more, unless it was a repair that counted the younger one.
        """
        if change.in_reject or change.shard is None or change.sequence is None:
            return False
        return change.sequence < self._counted_to.get(change.shard, "")

    def _note_counted(self, changes: Iterator[Change]) -> None:
        """Note how far each shard is counted."""
        for each in changes:
            if each.shard and each.sequence:
                before = self._counted_to.get(each.shard, "")
                self._counted_to[each.shard] = max(before, each.sequence)

    def _find_suspects(self) -> None:
        """Note whom to look at, by what was scanned, which is a look at everybody."""
        if self._only is not None:
            for username in self._only:
                if not self._book.has(username) and not has_total(self._stage, username):
                    raise Misuse(
                        f"There is no {words.PLAYER} {username!r}: no record and no total has "
                        "that name."
                    )
                self._book.suspect(1, username, None)
            self.users = len(self._only)
            return
        for row in self._book.users():
            self.users += row.is_player
            open_now = {each.receipt for each in row.changes} - row.total.receipts
            self._note_counted(each for each in row.changes if each.receipt not in open_now)
            if row.total.damage or _pages_may_tell(row, open_now):
                self._book.suspect(1, row.username, None)
            elif open_now or row.total.score != row.expected:
                self._book.suspect(2, row.username, open_now)
        self._looked_at = time.monotonic()

    def _scan_totals(self) -> None:
        self._announce("Scanning the totals")
        table = self._stage.names.totals_table
        about = self._dynamodb.describe_table(TableName=table)["Table"]["ItemCount"]
        read = 0
        attributes = (words.USERNAME, *ITEM_ATTRIBUTES)
        for page in scan_segments(self._dynamodb, table, attributes, self._meter, consistent=True):
            self._book.add_totals(page, self._recent_seconds)
            read += len(page)
            self._progress(table, read, max(read, about))

    def _read_rejects(self, oldest_seconds: float) -> None:
        s3, bucket = self._stage.aws.client("s3"), self._stage.names.rejects_bucket
        for prefix in (LAMBDAS_PREFIX, f"{PREFIX}/{AGGREGATOR}/"):
            for found in read_all_versions(s3, bucket, prefix):
                if not found.function and found.key not in self.unreadable:
                    self.unreadable.append(found.key)
                if found.function == AGGREGATOR:
                    self._add_rejects(found, oldest_seconds)

    def _add_rejects(self, found: RejectsObject, oldest_seconds: float) -> None:
        for each in found.rejects:
            changes = decode_stream_batch([each.record]).changes
            since = found.since_when(each).timestamp()
            if changes and (seconds_of(changes[0].receipt) or since) >= oldest_seconds:
                self._book.add_rejected(each.record, changes)

    def _moment(self) -> Moment:
        table = self._stage.names.records_table
        return Moment.of(self._dynamodb.describe_table(TableName=table))


def _pages_may_tell(row: UserRows, open_now: set[bytes]) -> bool:
    """Whether some of the changes may be in a page that the item names."""
    last_page = row.total.last_page
    return (
        bool(open_now)
        and last_page is not None
        and first_page_of(seconds_of(min(open_now))) < last_page
    )


def until_whole(run: Callable[[], Result], announce: Announce) -> Result:
    """What an audit comes to; it starts over where the stream forgot what was not read yet."""
    for _ in range(MOST_READINGS - 1):
        try:
            return run()
        except StreamForgot:
            announce("The table's stream forgot records before they were read: starting over")
    return run()

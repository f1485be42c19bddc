"""Erases a player, in two parts, beside the running pipeline.

Now the records go, and the rejects in all versions. Then the total is made exact, which is 0, by
the same steps as `rebuild`: what is not counted yet is added by the core's own add, so nobody is
waited for, and mappings may be paused or behind. The total stays, with its receipts: by them a
batch that is delivered again is known as counted. Were they gone, it would bring the score back.

The second part is due when the table's stream has forgotten the last of these changes: total and
pages go, on condition that they are as found, the total is 0, nothing is open, and neither the
stream nor a reject has a change of the player that anybody could deliver.

A reminder in the bucket is there before anything is deleted, and goes last. Whatever is found is
erased again, and makes the second part due a day later. So it may be interrupted anywhere, and run
again at any time, by several people at once.
"""

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from chalicelib import words
from operations.aws.errors import Misuse, OperationFailed, OperationInterrupted
from operations.aws.items import require_username
from operations.aws.progress import Announce, Progress
from operations.aws.stage import Stage
from operations.aws.table_stream import TABLE_STREAM_SECONDS
from operations.aws.tables import ReadMeter
from operations.rejects.erasure import Holding, erase, find_holdings
from operations.rejects.ownership import NOT_READ
from operations.rejects.unfinished import (
    Unfinished,
    find_unfinished,
    finish,
    remind,
    unfinished_of,
)
from operations.totals.audit import Audit, until_whole
from operations.totals.judgement import Judgement
from operations.totals.players_items import PlayersItems, PlayersRecords
from operations.totals.rebuild import rebuild
from operations.totals.remains import Remainder, find_remains

MOST_LOOKS = 5

A_DAY = timedelta(seconds=TABLE_STREAM_SECONDS)
A_WHILE = timedelta(hours=4)
"""After so long the stream is asked again that remembers changes for more than a day."""


@dataclass(frozen=True)
class Erased:
    """What was found, and erased unless it is only a look; `objects` are versions in the bucket.

    `unclear` are records and keys of objects, each with the reason why nobody can tell whether
    something of the player is in them.
    """

    records: int = 0
    totals: int = 0
    pages: int = 0
    rejects: int = 0
    objects: int = 0
    unclear: dict[str, str] = field(default_factory=dict)

    @property
    def is_anybodys(self) -> bool:
        """Whether somebody has the name; what nobody can read may be anybody's."""
        found = (self.records, self.totals, self.pages, self.rejects)
        return any(found) or any(problem != NOT_READ for problem in self.unclear.values())

    def __add__(self, other: "Erased") -> "Erased":
        """Both, with what is unclear now."""
        return Erased(
            self.records + other.records,
            self.totals + other.totals,
            self.pages + other.pages,
            self.rejects + other.rejects,
            self.objects + other.objects,
            other.unclear,
        )


@dataclass(frozen=True)
class Forgotten:
    """What was erased (`is_dry_run`: would be), and what remains where.

    `due`: when the total may go; None where nothing is left to do. `similar` are other players'
    names that look alike.
    """

    player: str
    is_dry_run: bool
    erased: Erased
    due: datetime | None
    is_due: bool
    similar: tuple[str, ...] = ()
    remains: tuple[Remainder, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Means:
    """How it is done: the reading's limit, who is told, and how long the stream may lag."""

    meter: ReadMeter
    progress: Progress
    announce: Announce
    settle_seconds: float


def forget(
    stage: Stage,
    player: str,
    means: Means,
    *,
    whole: Collection[str] = (),
    dry_run: bool = False,
) -> Forgotten:
    """Erase what there is of the player, and finish it if that is due.

    Objects in the bucket whose keys are in `whole` go whole, whatever is in them. Raises
    OperationFailed where nobody has that name, and where the player goes on coming back, and
    OperationInterrupted once something may have been erased.
    """
    require_username(player)
    run = _Forgetting(stage, player, means, whole)
    try:
        return run.run(dry_run=dry_run)
    except (KeyboardInterrupt, OperationInterrupted) as error:
        if not run.has_begun:
            raise KeyboardInterrupt from error
        raise OperationInterrupted(
            f"Interrupted. The erasure of {player!r} has begun and is not finished: run this again "
            "to go on."
        ) from error


def forget_due(stage: Stage, means: Means, *, dry_run: bool = False) -> Iterator[Forgotten]:
    """Finish every erasure that is due; those that are not due yet are only told.

    Raises OperationFailed at the end where some cannot be finished.
    """
    failures = []
    for each in list(find_unfinished(stage.aws.client("s3"), stage.names.rejects_bucket)):
        if dry_run or not each.is_due:
            yield Forgotten(each.player, dry_run, Erased(), each.due, each.is_due)
            continue
        try:
            yield forget(stage, each.player, means)
        except OperationInterrupted:
            raise
        except OperationFailed as error:
            failures.append(str(error))
    if failures:
        raise OperationFailed(" ".join(failures))


@dataclass(frozen=True)
class _Found:
    """What there is of the player."""

    records: PlayersRecords
    holdings: tuple[Holding, ...]

    @property
    def is_something(self) -> bool:
        """Whether anything of it can be erased now."""
        return bool(self.records.keys or any(each.records for each in self.holdings))

    @property
    def counted(self) -> Erased:
        problems = {each.version.key: each.problem for each in self.holdings if each.problem}
        strange = f"the name is in its {words.USERNAME}, which is no text"
        return Erased(
            records=len(self.records.keys),
            rejects=sum(each.records for each in self.holdings),
            objects=sum(each.records > 0 for each in self.holdings),
            unclear={**dict.fromkeys(self.records.unclear, strange), **problems},
        )


class _Forgetting:
    def __init__(self, stage: Stage, player: str, means: Means, whole: Collection[str]) -> None:
        self._stage = stage
        self._s3, self._bucket = stage.aws.client("s3"), stage.names.rejects_bucket
        self._player = player
        self._means = means
        self._whole = whole
        self._items = PlayersItems(stage, player)
        self._started = time.monotonic()
        self.has_begun = False

    def run(self, *, dry_run: bool) -> Forgotten:
        found = self._look()
        for key in set(self._whole) - {each.version.key for each in found.holdings}:
            raise Misuse(f"There is no object {key!r} in the bucket: `rejects list` has the keys.")
        unfinished = unfinished_of(self._s3, self._bucket, self._player)
        there = replace(
            found.counted, totals=int(self._items.has_total()), pages=self._items.count_pages()
        )
        if unfinished is None and not there.is_anybodys:
            raise OperationFailed(self._nobody(found.records.similar))
        if dry_run:
            return self._result(found, there, unfinished, is_dry_run=True)
        self.has_begun = unfinished is not None
        erased, found, unfinished = self._erase_all(found, unfinished)
        if unfinished.is_due:
            more, unfinished = self._finish(found, unfinished)
            erased += more
        return self._result(found, erased, unfinished, is_dry_run=False)

    def _look(self) -> _Found:
        self._means.announce("Looking for records and rejects")
        records = self._items.find_records(self._means.meter)
        holdings = find_holdings(self._stage, self._player, self._whole)
        return _Found(records, tuple(holdings))

    def _erase_all(
        self, found: _Found, unfinished: Unfinished | None
    ) -> tuple[Erased, _Found, Unfinished]:
        """Erase records and rejects until a look finds none, and have the total exact then."""
        erased = Erased()
        if unfinished is None:
            unfinished = self._remind()
        if not unfinished.is_due and not found.is_something and self._make_exact():
            unfinished = self._remind()
        for _ in range(MOST_LOOKS):
            erased += found.counted
            if not found.is_something:
                return erased, found, unfinished
            self._erase(found)
            self._make_exact()
            unfinished = self._remind()
            found = self._look()
        raise OperationFailed(self._back(f"came back {MOST_LOOKS} times"))

    def _erase(self, found: _Found) -> None:
        self._means.announce("Deleting the records")
        self._items.delete_records(found.records.keys)
        self._means.announce("Erasing rejects, in all versions")
        for holding in found.holdings:
            erase(self._stage, holding)

    def _make_exact(self) -> bool:
        """Make the total what it is without the records; whether anything was changed."""
        try:
            rebuilt = rebuild(
                self._stage,
                self._means.meter,
                self._means.progress,
                self._means.announce,
                users=[self._player],
                settle_seconds=self._means.settle_seconds,
                without_expired=True,
            )
        except Misuse:  # there is neither a total nor a change that could make one
            return False
        return rebuilt.changed_users > 0

    def _finish(self, found: _Found, unfinished: Unfinished) -> tuple[Erased, Unfinished | None]:
        """Delete the total and its pages, if nobody can deliver a change of the player any more."""
        judgement = until_whole(self._judge, self._means.announce)
        if judgement is not None:
            if judgement.known.expected:
                raise OperationFailed(self._back("came back"))
            if judgement.open or not judgement.is_sound:
                self._make_exact()
                return Erased(), self._remind()
            if judgement.known.changes:
                return Erased(), self._remind(A_WHILE)
        self._means.announce("Deleting the total and its receipts")
        there = judgement.look.found if judgement else {}
        pages = self._items.delete_total_and_pages(there)
        if pages is None:
            raise OperationFailed(self._back("came back"))
        erased = Erased(totals=int(bool(there)), pages=pages)
        if found.counted.unclear:
            return erased, unfinished
        finish(self._s3, self._bucket, self._player)
        return erased, None

    def _judge(self) -> Judgement | None:
        """The total as it is; None where there is neither a total nor a change of the player."""
        with Audit(
            self._stage,
            self._means.meter,
            self._means.progress,
            self._means.announce,
            settle_seconds=self._means.settle_seconds,
            users=[self._player],
            without_expired=True,
        ) as audit:
            try:
                audit.read()
            except Misuse:
                return None
            return audit.look([self._player])[self._player]

    def _remind(self, wait: timedelta = A_DAY) -> Unfinished:
        self.has_begun = True
        return remind(self._s3, self._bucket, self._player, wait)

    def _result(
        self,
        found: _Found,
        erased: Erased,
        unfinished: Unfinished | None,
        *,
        is_dry_run: bool,
    ) -> Forgotten:
        return Forgotten(
            self._player,
            is_dry_run,
            replace(erased, unclear=found.counted.unclear),
            unfinished.due if unfinished else None,
            unfinished.is_due if unfinished else False,
            found.records.similar,
            tuple(find_remains(self._stage)),
            time.monotonic() - self._started,
        )

    def _nobody(self, similar: Collection[str]) -> str:
        alike = sorted({*similar, *self._items.similar_totals(self._means.meter)})
        named = f" These look alike: {', '.join(map(repr, alike))}." if alike else ""
        return (
            f"There is no {words.PLAYER} {self._player!r}: no record, no total and no reject has "
            f"that name.{named}"
        )

    def _back(self, what: str) -> str:
        return (
            f"{self._player!r} {what}: {words.SCORES} of this {words.PLAYER} are still sent or "
            "written. Stop that, then run this again."
        )

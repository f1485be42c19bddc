"""GameScoresByUser: add changes to a user's total, each exactly once, whatever is redelivered.

The total and the receipts of the changes in it are one item, so one conditional update writes
both or neither: exactly-once by single writes, which DynamoDB keeps serializable. When an item has
no room for more receipts, those that stand on it are put into a page of GameScoreReceipts first;
then one update adds the sum, replaces the receipts and names the page (LastPage), so that later
updates can tell by one comparison that their records are newer than any page. The rule that carries
the proof:

    A page only ever holds receipts that are counted already, and is there before any item names it.

So whoever has seen a LastPage finds every page up to it, and an update that is refused or never
comes leaves a page that says nothing new: its receipts stand on the item as well.
Conditions and updates as documented in
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
and isolation of single writes and reads in
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html
"""

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib import words
from chalicelib.archive import Archive
from chalicelib.parallel import in_parallel
from chalicelib.receipts import (
    DamagedItem,
    UserItem,
    first_page_of,
    plan_move,
    read_user_item,
    room_on_item,
    seconds_of,
)
from chalicelib.scores import InvalidRecord, Reject, ScoreChange, check_number, exact_sum

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MOST_AT_ONCE = 10_000
"""Changes of one user that one update counts. Their receipts take 170 KB of the 400 KB that an item
may have, and a batch has no more stream records than so many; only redriven ones may bring more.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html"""

ADD_BLINDLY = f"ADD {words.SCORE} :sum, Receipts :new"

MOST_MEETINGS = 40
SHORTEST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 1.0


class TotalContended(RuntimeError):
    """Other invocations kept changing this user's item; the batch has to be delivered again."""


class AdditionRefused(Exception):
    """DynamoDB can never take this addition, e.g. the total would have more than 38 digits."""


@dataclass(frozen=True)
class Additions:
    """What became of a batch's changes: each is counted, was counted already, or is a reject."""

    counted: int = 0
    already_counted: int = 0
    users_updated: int = 0
    archive_moves: int = 0
    rounds_repeated: int = 0
    rejects: tuple[Reject, ...] = ()


class GameScoresByUser:
    """The table of totals, keyed by Username, with the table of its archived receipts."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, receipts_table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._receipts_table = receipts_table

    def add(self, changes: Iterable[ScoreChange]) -> Additions:
        """Each change is in its user's total afterwards, once, or its record is a reject.

        Raises botocore's error where a table could not be read or written, and TotalContended;
        then some changes may be counted, which the next delivery finds by their receipts.
        """
        outcomes = in_parallel(self._add_for_user, by_user(changes).items())
        return Additions(
            counted=sum(outcome.counted for outcome in outcomes),
            already_counted=sum(outcome.already_counted for outcome in outcomes),
            users_updated=sum(outcome.users_updated for outcome in outcomes),
            archive_moves=sum(outcome.archive_moves for outcome in outcomes),
            rounds_repeated=sum(outcome.rounds_repeated for outcome in outcomes),
            rejects=tuple(sorted({each for outcome in outcomes for each in outcome.rejects})),
        )

    def _add_for_user(self, user_changes: tuple[str, list[ScoreChange]]) -> Additions:
        username, changes = user_changes
        wanted = {change.receipt for change in changes}
        archive = Archive(self._dynamodb, self._receipts_table, username, wanted)
        return UserTotal(self._dynamodb, self._table, username, archive).add(changes)


class UserTotal:
    """One user's total, for one invocation."""

    def __init__(
        self, dynamodb: "DynamoDBClient", table: str, username: str, archive: Archive
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._username = username
        self._key: dict[str, Any] = {words.USERNAME: {"S": username}}
        self._room = room_on_item(username)
        self._archive = archive
        self._counted = self._already_counted = 0
        self._archive_moves = self._rounds_repeated = 0
        self._reasons: dict[bytes, str] = {}

    def add(self, changes: Sequence[ScoreChange]) -> Additions:
        """Add this user's changes; those that DynamoDB refuses for good are rejects.

        A change that comes twice in the batch is counted already the second time.
        """
        by_receipt = {change.receipt: change for change in changes}
        self._already_counted += len(changes) - len(by_receipt)
        for piece in pieces(list(by_receipt), MOST_AT_ONCE):
            self._add_or_reject({receipt: by_receipt[receipt].amount for receipt in piece})
        return Additions(
            counted=self._counted,
            already_counted=self._already_counted,
            users_updated=1 if self._counted else 0,
            archive_moves=self._archive_moves,
            rounds_repeated=self._rounds_repeated,
            rejects=tuple(
                Reject(by_receipt[receipt].position, reason)
                for receipt, reason in self._reasons.items()
            ),
        )

    def _add_or_reject(self, pending: dict[bytes, Decimal]) -> None:
        """Add the changes, or halve them until those that the total cannot take are alone."""
        try:
            self._add_once(pending)
        except DamagedItem as damage:
            self._reject(pending, f"the total of {self._username!r} is damaged: {damage}")
        except AdditionRefused as refusal:
            if len(pending) == 1:
                self._reject(pending, f"the total of {self._username!r} cannot take it: {refusal}")
                return
            for half in pieces(list(pending), -(-len(pending) // 2)):
                self._add_or_reject({receipt: pending[receipt] for receipt in half})

    def _reject(self, pending: Iterable[bytes], reason: str) -> None:
        self._reasons.update(dict.fromkeys(pending, reason))

    def _add_once(self, pending: dict[bytes, Decimal]) -> None:
        """Add those of the changes that are not counted yet; only they stay in `pending`.

        As many as an item has room for are added blindly, which nearly always succeeds; if
        refused, by what the refusal told. More are added by what the item says, read first. When
        that fails, another invocation was faster, and what was told is old.

        Raises AdditionRefused and DamagedItem, and TotalContended where others are always faster.
        """
        for meeting in range(MOST_MEETINGS):
            found = self._add_blindly(pending) if len(pending) <= self._room else self._read()
            if found is not None:
                found = self._add_knowing(found, pending)
            if found is None:
                self._counted += len(pending)
                return
            self._rounds_repeated += 1
            _pause(meeting)
        raise TotalContended(
            f"{self._username!r} was being changed by others on {MOST_MEETINGS} attempts"
        )

    def _add_knowing(self, found: UserItem, pending: dict[bytes, Decimal]) -> UserItem | None:
        """Add those of the pending changes that are not counted yet; only they stay in `pending`.

        None if they are in, else what stands against it now.
        """
        self._drop_counted(pending, found.receipts)
        checked_page = None
        if pending and found.last_page and not _all_newer(pending, found.last_page):
            self._drop_counted(pending, self._archive.look_up(found.last_page))
            checked_page = found.last_page
        if not pending:
            return None
        if len(found.receipts) + len(pending) <= self._room:
            self._rounds_repeated += 1
            return self._add_blindly(pending, checked_page)
        return self._add_and_move(pending, found)

    def _add_blindly(
        self, pending: Mapping[bytes, Decimal], checked_page: str | None = None
    ) -> UserItem | None:
        """Add the pending changes; None if they are in, else what stands against it.

        The item says whether they are counted already, and the archive need not be asked: either
        they are newer than its newest page, or `checked_page`, up to which it was looked through,
        is still the newest.
        """
        return self._update(
            UpdateExpression=ADD_BLINDLY,
            ConditionExpression=_not_counted_yet(len(pending), checked=checked_page is not None),
            ExpressionAttributeValues={
                ":sum": {"N": _sum(pending)},
                ":new": {"BS": list(pending)},
                ":room": {"N": str(self._room - len(pending))},
                ":page": {"S": checked_page or first_page_of(_oldest(pending))},
                **{f":r{index}": {"B": receipt} for index, receipt in enumerate(pending)},
            },
        )

    def _add_and_move(self, pending: Mapping[bytes, Decimal], found: UserItem) -> UserItem | None:
        """The same, and the receipts found on the item leave it for a page, which is made first.

        The pending changes must not be among those counted: on the item as found, or in pages up
        to its LastPage. Their own receipts stand on the item only: were they in a page before the
        update that counts them, and that never came, they would pass for counted.
        """
        kept: Set[bytes] = frozenset()
        last_page = found.last_page
        if found.receipts:
            move = plan_move(found.receipts, found.last_page, len(pending), self._room)
            self._archive.put_page(move)
            kept, last_page = move.kept, move.page
        condition, values = as_found(
            Receipts={"BS": list(found.receipts)} if found.receipts else None,
            LastPage={"S": found.last_page} if found.last_page else None,
        )
        page = {":page": {"S": last_page}} if last_page else {}
        refusal = self._update(
            UpdateExpression=f"SET Receipts = :receipts{', LastPage = :page' if page else ''}"
            f" ADD {words.SCORE} :sum",
            ConditionExpression=condition,
            ExpressionAttributeValues={
                **values,
                **page,
                ":sum": {"N": _sum(pending)},
                ":receipts": {"BS": [*kept, *pending]},
            },
        )
        if refusal is None and found.receipts:
            self._archive_moves += 1
        return refusal

    def _drop_counted(self, pending: dict[bytes, Decimal], counted: Set[bytes]) -> None:
        for receipt in pending.keys() & counted:
            del pending[receipt]
            self._already_counted += 1

    def _update(self, **parameters: Any) -> UserItem | None:
        """None if the update was made, else the item that did not meet its condition.

        Raises AdditionRefused where DynamoDB can never take it, DamagedItem where the item is why.
        """
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=self._key,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **parameters,
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalCheckFailedException":
                refusal: Any = error.response
                return read_user_item(refusal.get("Item", {}))
            if code == "ValidationException":
                self._read()
                raise AdditionRefused(str(error)) from error
            raise
        return None

    def _read(self) -> UserItem:
        """The item as it is now; raises DamagedItem where it is not as the pipeline writes it."""
        item: Any = self._dynamodb.get_item(
            TableName=self._table, Key=self._key, ConsistentRead=True
        ).get("Item", {})
        score = item.get(words.SCORE, {"N": ""})
        if "N" not in score:
            kind = next(iter(score))
            raise DamagedItem(f"its {words.SCORE} is of DynamoDB's type {kind}")
        return read_user_item(item)


def as_found(**attributes: Any) -> tuple[str, dict[str, Any]]:
    """The condition that the attributes have these values (None: are absent), and its values.

    Asked of Receipts and LastPage: a receipt that left an item never comes back, so if both are as
    found, no change was counted since.
    """
    values = {f":found_{name}": value for name, value in attributes.items() if value}
    conditions = (
        f"{name} = :found_{name}" if value else f"attribute_not_exists({name})"
        for name, value in attributes.items()
    )
    return " AND ".join(conditions), values


def by_user(changes: Iterable[ScoreChange]) -> dict[str, list[ScoreChange]]:
    """The changes of each user, in their order."""
    groups: dict[str, list[ScoreChange]] = {}
    for change in changes:
        groups.setdefault(change.username, []).append(change)
    return groups


def pieces(receipts: Sequence[bytes], most: int) -> Iterator[Sequence[bytes]]:
    """The receipts in their order, at most `most` at a time."""
    for start in range(0, len(receipts), most):
        yield receipts[start : start + most]


@cache
def _not_counted_yet(receipts: int, *, checked: bool) -> str:
    """Why adding twice is harmless: none of the receipts is on the item or in a page.

    In a page they cannot be if the records are all newer than the newest page (`:page` is the
    oldest one's time), or if the pages were looked through up to `:page`, still the newest.
    """
    conditions = [
        "(attribute_not_exists(Receipts) OR size(Receipts) <= :room)",
        "LastPage = :page" if checked else "(attribute_not_exists(LastPage) OR LastPage < :page)",
        *(f"NOT contains(Receipts, :r{index})" for index in range(receipts)),
    ]
    return " AND ".join(conditions)


def _sum(pending: Mapping[bytes, Decimal]) -> str:
    """What the pending changes come to; raises AdditionRefused where DynamoDB cannot hold it."""
    try:
        return str(check_number("the sum", exact_sum(pending.values())))
    except InvalidRecord as error:
        raise AdditionRefused(str(error)) from error


def _oldest(receipts: Iterable[bytes]) -> int:
    return seconds_of(min(receipts))


def _all_newer(receipts: Iterable[bytes], last_page: str) -> bool:
    return last_page < first_page_of(_oldest(receipts))


def _pause(meeting: int) -> None:
    """Wait a moment of random length, so that those who met do not meet again."""
    time.sleep(random.uniform(0, min(LONGEST_PAUSE_SECONDS, SHORTEST_PAUSE_SECONDS * 2**meeting)))

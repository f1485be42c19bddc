"""GameScoresByUser: add changes to a user's total, each exactly once, whatever is redelivered.

The total and the receipts of the changes in it are one item, so one conditional update writes
both or neither: exactly-once without a transaction. When an item has no room for more receipts,
one transaction adds and moves the older receipts to a page of GameScoreReceipts, named on the item
(LastPage), so that an update can tell by one comparison that its records are newer than any page.
Conditions and updates as documented in
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.archive import Archive
from chalicelib.parallel import in_parallel
from chalicelib.receipts import first_page_of, plan_move, room_on_item, seconds_of
from chalicelib.scores import InvalidRecord, Reject, ScoreChange, check_number, exact_sum

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

RECEIPTS_UNCHANGED = "Receipts = :found"
"""A receipt that left an item never comes back, so equal sets mean that nothing was moved since."""

MOST_MEETINGS = 40
SHORTEST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 1.0


class TotalContended(RuntimeError):
    """Other invocations kept moving this user's receipts; the batch has to be delivered again."""


class AdditionRefused(Exception):
    """DynamoDB can never take this addition, e.g. the total would have more than 38 digits."""


class TransactionConflict(Exception):
    """The addition met a move of the same item; botocore does not retry that."""


@dataclass(frozen=True)
class Additions:
    """What became of a batch's changes; its numbers add up."""

    counted: int = 0
    already_counted: int = 0
    users_updated: int = 0
    archive_moves: int = 0
    rounds_repeated: int = 0
    rejects: tuple[Reject, ...] = ()


@dataclass(frozen=True)
class TotalItem:
    """What a refused update found on the user's item; without an item, nothing."""

    receipts: frozenset[bytes]
    last_page: str | None


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
        archive = Archive(self._dynamodb, self._receipts_table, username)
        return UserTotal(self._dynamodb, self._table, username, archive).add(changes)


class UserTotal:
    """One user's total, for one invocation."""

    def __init__(
        self, dynamodb: "DynamoDBClient", table: str, username: str, archive: Archive
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._username = username
        self._key: dict[str, Any] = {"Username": {"S": username}}
        self._room = room_on_item(username)
        self._archive = archive
        self._counted = self._already_counted = 0
        self._archive_moves = self._rounds_repeated = 0
        self._rejects: list[Reject] = []

    def add(self, changes: Sequence[ScoreChange]) -> Additions:
        """Add this user's changes. What DynamoDB refuses for good is tried one by one."""
        for piece in even_pieces(changes, self._room):
            try:
                self._add_piece(piece)
            except AdditionRefused:
                for change in piece:
                    try:
                        self._add_piece([change])
                    except AdditionRefused as refusal:
                        reason = f"the total of {self._username!r} cannot take it: {refusal}"
                        self._rejects.append(Reject(change.position, reason))
        return Additions(
            counted=self._counted,
            already_counted=self._already_counted,
            users_updated=1 if self._counted else 0,
            archive_moves=self._archive_moves,
            rounds_repeated=self._rounds_repeated,
            rejects=tuple(self._rejects),
        )

    def _add_piece(self, changes: Sequence[ScoreChange]) -> None:
        """Add changes whose receipts fit on one item.

        First blindly, which nearly always succeeds; if refused, by what the refusal told. When
        that fails, too, another invocation was faster, and what was told is old.
        """
        pending = {change.receipt: change.amount for change in changes}
        self._already_counted += len(changes) - len(pending)  # twice in one batch
        for meeting in range(MOST_MEETINGS):
            try:
                found = self._add(pending)
                if found:
                    found = self._add_knowing(found, pending)
            except TransactionConflict:
                pass
            else:
                if found is None:
                    self._counted += len(pending)
                    return
            self._rounds_repeated += 1
            _pause(meeting)
        raise TotalContended(
            f"{self._username!r} was being changed by others on {MOST_MEETINGS} attempts"
        )

    def _add_knowing(self, found: TotalItem, pending: dict[bytes, Decimal]) -> TotalItem | None:
        """Add those of the pending changes that are not counted yet, which stay in `pending`.

        None if they are in, else what stands against it now.
        """
        self._drop_counted(pending, found.receipts)
        checked_page = None
        if pending and found.last_page and not _all_newer(pending, found.last_page):
            self._archive.read(_oldest(pending), found.last_page)
            self._drop_counted(pending, self._archive.receipts)
            checked_page = found.last_page
        if not pending:
            return None
        self._rounds_repeated += 1
        if found.receipts and len(found.receipts) + len(pending) > self._room:
            return self._add_and_move(pending, found)
        return self._add(pending, checked_page)

    def _add(
        self, pending: Mapping[bytes, Decimal], checked_page: str | None = None
    ) -> TotalItem | None:
        """Add the pending changes; None if they are in, else what stands against it.

        Raises AdditionRefused and TransactionConflict.
        """
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=self._key,
                UpdateExpression="ADD Score :sum, Receipts :new",
                ConditionExpression=_not_counted_yet(
                    len(pending), checked=checked_page is not None
                ),
                ExpressionAttributeValues={
                    ":sum": {"N": _sum(pending)},
                    ":new": {"BS": list(pending)},
                    ":room": {"N": str(self._room - len(pending))},
                    ":page": {"S": checked_page or first_page_of(_oldest(pending))},
                    **{f":r{index}": {"B": receipt} for index, receipt in enumerate(pending)},
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalCheckFailedException":
                return _total_item(error.response.get("Item", {}))
            if code == "TransactionConflictException":
                raise TransactionConflict from error
            if code == "ValidationException":
                raise AdditionRefused(str(error)) from error
            raise
        return None

    def _add_and_move(self, pending: Mapping[bytes, Decimal], found: TotalItem) -> TotalItem | None:
        """The same, and in one transaction move the receipts found on the item to a new page.

        The pending changes must not be among those counted: on the item as found, or in pages up
        to its LastPage. Raises AdditionRefused and TransactionConflict.
        """
        move = plan_move(found.receipts, found.last_page, len(pending), self._room)
        update: TransactWriteItemTypeDef = {
            "Update": {
                "TableName": self._table,
                "Key": self._key,
                "UpdateExpression": "SET LastPage = :page, Receipts = :receipts ADD Score :sum",
                "ConditionExpression": RECEIPTS_UNCHANGED,
                "ExpressionAttributeValues": {
                    ":page": {"S": move.page},
                    ":sum": {"N": _sum(pending)},
                    ":receipts": {"BS": [*move.kept, *pending]},
                    ":found": {"BS": list(found.receipts)},
                },
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
        try:
            self._dynamodb.transact_write_items(
                TransactItems=[self._archive.put_request(move, time.time()), update]
            )
        except self._dynamodb.exceptions.TransactionCanceledException as error:
            reasons = {each["Code"]: each for each in error.response["CancellationReasons"]}
            reasons.pop("None", None)
            if reasons.keys() == {"ConditionalCheckFailed"}:
                return _total_item(reasons["ConditionalCheckFailed"].get("Item", {}))
            if reasons.keys() == {"TransactionConflict"}:
                raise TransactionConflict from error
            if reasons.keys() == {"ValidationError"}:
                raise AdditionRefused(str(error)) from error
            raise
        self._archive_moves += 1
        self._archive.note_move(move, _oldest(pending), found.last_page)
        return None

    def _drop_counted(self, pending: dict[bytes, Decimal], receipts: Set[bytes]) -> None:
        for receipt in pending.keys() & receipts:
            del pending[receipt]
            self._already_counted += 1


def by_user(changes: Iterable[ScoreChange]) -> dict[str, list[ScoreChange]]:
    """The changes of each user, in their order."""
    groups: dict[str, list[ScoreChange]] = {}
    for change in changes:
        groups.setdefault(change.username, []).append(change)
    return groups


def even_pieces(changes: Sequence[ScoreChange], most: int) -> Iterator[Sequence[ScoreChange]]:
    """The changes in their order, in as few pieces as hold `most` each, all about as large.

    In order, so that a later piece is not older than what an earlier one had archived.
    """
    pieces = -(-len(changes) // most)
    size = -(-len(changes) // pieces)
    for start in range(0, len(changes), size):
        yield changes[start : start + size]


@cache
def _not_counted_yet(receipts: int, *, checked: bool) -> str:
    """Why adding twice is harmless: none of the receipts is on the item or in a page.

    In a page it cannot be if the records are all newer than the newest page (`:page` is the
    oldest one's time), or if the pages were looked through up to `:page`, still the newest.
    """
    conditions = [
        "(attribute_not_exists(Receipts) OR size(Receipts) <= :room)",
        "LastPage = :page" if checked else "(attribute_not_exists(LastPage) OR LastPage < :page)",
        *(f"NOT contains(Receipts, :r{index})" for index in range(receipts)),
    ]
    return " AND ".join(conditions)


def _total_item(item: Any) -> TotalItem:
    return TotalItem(
        receipts=frozenset(item.get("Receipts", {}).get("BS", ())),
        last_page=item.get("LastPage", {}).get("S"),
    )


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

"""What an audit knows of users by stream, rejects and scan, in whatever order these come."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.receipts import make_receipt
from chalicelib.stream_records import decode_stream_batch
from operations.aws.errors import OperationFailed
from operations.totals.book import AuditBook, FoundTotal
from operations.totals.read import ScannedRecord
from tests.builders import TODAY, image, stream_record

EXPIRED = {"principalId": "dynamodb.amazonaws.com", "type": "Service"}


@pytest.fixture
def book() -> Iterator[AuditBook]:
    with AuditBook() as opened:
        yield opened


def record(
    number: int, new: tuple[str, int] | None, old: tuple[str, int] | None = None, **parts: Any
) -> Any:
    """The stream record of that sequence number, of record 1."""
    key: Any = {"RecordID": {"N": "1"}}
    images = [image(*each, **key) if each else None for each in (new, old)]
    found = stream_record(*images, **parts)
    found["dynamodb"] = {**found["dynamodb"], "SequenceNumber": str(number), "Keys": key}
    return found


def scan(book: AuditBook, user: str, score: int) -> None:
    book.add_scanned([ScannedRecord("1", user, Decimal(score))])


def test_the_last_record_of_the_stream_tells_whatever_was_scanned_or_came_first(
    book: AuditBook,
) -> None:
    scan(book, "Ada", 1)
    assert book.expected("Ada") == 1

    book.add_stream_record("b", record(1000, ("Ada", 4), ("Ada", 3)))
    book.add_stream_record("a", record(999, ("Ada", 3)))
    assert book.expected("Ada") == 4

    scan(book, "Ada", 7)
    assert book.expected("Ada") == 4


def test_what_is_deleted_counts_no_more_and_what_is_moved_for_another(book: AuditBook) -> None:
    book.add_stream_record("a", record(1, ("Ada", 3)))
    book.add_stream_record("a", record(2, ("Ben", 3), ("Ada", 3)))
    assert book.expected("Ada") == 0
    assert book.expected("Ben") == 3

    book.add_stream_record("a", record(3, None, ("Ben", 3)))
    assert book.expected("Ben") == 0


@pytest.mark.parametrize(("without_expired", "expected"), [(False, 3), (True, 0)])
def test_what_expired_stays_in_the_sum_unless_it_is_to_go(
    *, without_expired: bool, expected: int
) -> None:
    with AuditBook(without_expired=without_expired) as book:
        book.add_stream_record("a", record(1, ("Ada", 3)))
        assert not book.has_expiry
        book.add_stream_record("a", record(2, None, ("Ada", 3), userIdentity=EXPIRED))

        assert book.has_expiry
        assert book.expected("Ada") == expected


def test_a_stream_without_images_is_refused(book: AuditBook) -> None:
    nothing_shown = stream_record(eventName="MODIFY")
    nothing_shown["dynamodb"]["Keys"] = {"RecordID": {"N": "1"}}

    with pytest.raises(OperationFailed, match="NEW_AND_OLD_IMAGES"):
        book.add_stream_record("a", nothing_shown)


def test_one_record_is_a_change_of_both_players_whom_it_concerns(book: AuditBook) -> None:
    book.add_stream_record("a", record(2, ("Ben", 3), ("Ada", 3)))

    (of_ada,), (of_ben,) = book.changes_of("Ada"), book.changes_of("Ben")
    assert [of_ada.amount, of_ben.amount] == [Decimal(-3), Decimal(3)]
    assert of_ada.receipt == of_ben.receipt


@pytest.mark.parametrize("rejected_first", [False, True])
def test_a_change_in_stream_and_reject_is_known_by_both(
    book: AuditBook, *, rejected_first: bool
) -> None:
    found = record(5, ("Ada", 3))
    changes = decode_stream_batch([found]).changes
    if rejected_first:
        book.add_rejected(found, changes)
    book.add_stream_record("a", found)
    if not rejected_first:
        book.add_rejected(found, changes)

    (change,) = book.changes_of("Ada")
    assert change.in_reject
    assert (change.shard, change.sequence) == ("a", "5".zfill(40))


def test_of_an_items_receipts_those_are_kept_that_a_change_may_have(book: AuditBook) -> None:
    book.add_stream_record("a", record(5, ("Ada", 3), at=TODAY))
    old, of_then, untimed = (make_receipt("any", "1", at) for at in (TODAY - 9, TODAY, 0))
    receipts = {"BS": [old, of_then, untimed]}
    item = {"Username": {"S": "Ben"}, "Score": {"N": "1"}, "Receipts": receipts}
    book.add_totals([item], TODAY + 9)

    (_, ben) = book.users()
    assert ben.total == FoundTotal(Decimal(1), frozenset({of_then, untimed}))


def test_everybody_is_told_of_whom_anything_was_read(book: AuditBook) -> None:
    scan(book, "Ada", 2)
    book.add_totals([{"Username": {"S": "Ben"}, "Score": {"S": "x"}}], 0)
    moved = record(5, ("Ada", 2), ("Cid", 2))
    book.add_stream_record("a", moved)

    users = {row.username: row for row in book.users()}
    assert [each.is_player for each in users.values()] == [True, True, False]
    assert [each.expected for each in users.values()] == [Decimal(2), Decimal(0), Decimal(0)]
    assert list(users) == ["Ada", "Ben", "Cid"]
    assert users["Ben"].total.damage
    assert [change.amount for change in users["Cid"].changes] == [-2]

"""Adding to totals: receipts, the archive and its pages, and what DynamoDB refuses."""

import itertools
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError

from chalicelib.receipts import make_receipt, room_on_item
from chalicelib.scores import ScoreChange
from chalicelib.totals import (
    MOST_MEETINGS,
    Additions,
    GameScoresByUser,
    TotalContended,
    even_pieces,
)
from tests.builders import TODAY
from tests.faults import after_next, before_next, fail_requests, record_calls
from tests.stage import Stage

_numbers = itertools.count(1)


def change(username: str, amount: int | str, second: int = 0, position: int = 0) -> ScoreChange:
    receipt = make_receipt(f"event-{next(_numbers)}", "1", TODAY + second)
    return ScoreChange(username, Decimal(amount), receipt, position)


@pytest.fixture
def totals(stage: Stage) -> GameScoresByUser:
    return GameScoresByUser(stage.dynamodb, "GameScoresByUser", "GameScoreReceipts")


def test_one_change_is_one_request(totals: GameScoresByUser, stage: Stage) -> None:
    calls = record_calls(stage.dynamodb)

    added = totals.add([change("Ann", 5), change("Ann", 7), change("Ben", 1)])

    assert added == Additions(counted=3, users_updated=2)
    assert calls == ["UpdateItem", "UpdateItem"]
    assert stage.totals == {"Ann": 12, "Ben": 1}


def test_a_counted_change_is_dropped_by_its_receipt(totals: GameScoresByUser, stage: Stage) -> None:
    first, second = change("Ann", 5), change("Ann", 7)
    totals.add([first])

    added = totals.add([first, second])

    assert added == Additions(counted=1, already_counted=1, users_updated=1, rounds_repeated=1)
    assert stage.totals == {"Ann": 12}


def test_a_full_item_moves_its_receipts_to_a_page_but_for_the_newest_second(
    totals: GameScoresByUser, stage: Stage
) -> None:
    changes = [change("Ann", 1, second) for second in range(60)]

    added = [totals.add([each]) for each in changes]

    assert sum(each.archive_moves for each in added) == 1
    assert sum(each.counted for each in added) == 60
    assert stage.totals == {"Ann": 60}
    (page,) = stage.pages
    item = stage.total_item("Ann")
    assert item["LastPage"] == page["Page"]
    assert len(page["Receipts"]["BS"]) + len(item["Receipts"]["BS"]) == 60
    assert int(page["ExpiresAt"]["N"]) > TODAY


def test_changes_whose_receipts_were_archived_long_ago_are_not_counted_again(
    totals: GameScoresByUser, stage: Stage
) -> None:
    changes = [change("Ann", 1, second) for second in range(300)]
    for start in range(0, 300, 10):
        totals.add(changes[start : start + 10])
    assert len(stage.pages) > 3

    late = change("Ann", 1000, second=5)
    again = totals.add([*changes[:100], late])
    again_later = totals.add([*changes[:7], late])

    assert (again.counted, again.already_counted) == (1, 100)
    assert (again_later.counted, again_later.already_counted) == (0, 8)
    assert stage.totals == {"Ann": 1300}


def test_a_group_larger_than_an_update_can_name_is_counted_once_in_pieces(
    totals: GameScoresByUser, stage: Stage
) -> None:
    changes = [change("Ann", 1, second=index // 100) for index in range(1000)]

    first = totals.add(changes)
    second = totals.add(changes)

    assert (first.counted, second.already_counted) == (1000, 1000)
    assert stage.totals == {"Ann": 1000}


def test_a_large_group_is_cut_evenly_and_in_order() -> None:
    changes = [change("Ann", 1, second) for second in range(103)]

    pieces = list(even_pieces(changes, most=51))

    assert [len(piece) for piece in pieces] == [35, 35, 33]
    assert [each for piece in pieces for each in piece] == changes


def test_changes_of_one_second_all_count_although_they_are_as_old_as_the_archive(
    totals: GameScoresByUser, stage: Stage
) -> None:
    changes = [change("Ann", 1) for _ in range(200)]

    for each in changes:
        totals.add([each])
    for each in changes:
        totals.add([each])

    assert stage.totals == {"Ann": 200}


def test_pages_do_not_meet_when_the_users_item_was_deleted(
    totals: GameScoresByUser, stage: Stage
) -> None:
    for second in range(60):
        totals.add([change("Ann", 1, second)])
    stage.dynamodb.delete_item(TableName="GameScoresByUser", Key={"Username": {"S": "Ann"}})

    for second in range(60):
        totals.add([change("Ann", 1, second)])

    assert len(stage.pages) == 2
    assert stage.totals == {"Ann": 60}


def test_a_long_username_keeps_its_receipts_too(totals: GameScoresByUser, stage: Stage) -> None:
    name = "é" * 1024
    changes = [change(name, 1, second) for second in range(100)]

    for each in [*changes, *changes]:
        totals.add([each])

    assert stage.totals == {name: 100}


def test_a_sum_that_dynamodb_cannot_hold_rejects_the_changes_that_do_not_fit(
    totals: GameScoresByUser, stage: Stage
) -> None:
    huge = change("Ann", "9E+125", position=3)
    more = change("Ann", "8E+125", position=4)
    # The embedded AWS does not refuse a total beyond DynamoDB's range.
    fail_requests(
        stage.dynamodb,
        "UpdateItem",
        "ValidationException",
        when=lambda body: ':sum": {"N": "8E+125' in body,
    )

    added = totals.add([huge, more, change("Ben", 1, position=5)])

    assert (added.counted, added.users_updated) == (2, 2)
    assert [reject.position for reject in added.rejects] == [4]
    assert "the total of 'Ann' cannot take it" in added.rejects[0].reason


# Below: what the embedded AWS cannot do, see tests/faults.py.


def test_an_addition_that_meets_a_move_is_tried_again(
    totals: GameScoresByUser, stage: Stage
) -> None:
    fail_requests(stage.dynamodb, "UpdateItem", "TransactionConflictException", times=3)

    added = totals.add([change("Ann", 5)])

    assert added == Additions(counted=1, users_updated=1, rounds_repeated=3)
    assert stage.totals == {"Ann": 5}


def test_an_addition_between_looking_and_moving_is_not_forgotten(
    totals: GameScoresByUser, stage: Stage
) -> None:
    changes = [change("Ann", 1, second) for second in range(room_on_item("Ann"))]
    totals.add(changes[:-2])
    meanwhile, last = change("Ann", 10, 90), [change("Ann", 1, 100) for _ in range(3)]
    before_next(stage.dynamodb, "TransactWriteItems", lambda: totals.add([meanwhile]))

    totals.add(last)
    totals.add([*changes[:-2], meanwhile, *last])

    assert stage.totals == {"Ann": len(changes) - 2 + 10 + 3}


def test_a_page_made_between_looking_and_adding_is_looked_through(
    totals: GameScoresByUser, stage: Stage
) -> None:
    room = room_on_item("Ann")
    first = [change("Ann", 1, second) for second in range(room)]
    totals.add(first)
    totals.add([change("Ann", 1, room)])
    twins = [change("Ann", 1, 5) for _ in range(4)]

    def a_twin_invocation_counts_them_and_others_make_a_page() -> None:
        totals.add(twins)
        totals.add([change("Ann", 1, room + 1 + second) for second in range(room)])

    after_next(stage.dynamodb, "Query", a_twin_invocation_counts_them_and_others_make_a_page)

    totals.add(twins)

    assert stage.totals == {"Ann": room + 1 + 4 + room}


def test_endless_conflicts_rise_and_the_next_delivery_counts_once(
    totals: GameScoresByUser, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.totals.LONGEST_PAUSE_SECONDS", 0)
    fail_requests(stage.dynamodb, "UpdateItem", "TransactionConflictException", times=MOST_MEETINGS)
    five = change("Ann", 5)

    with pytest.raises(TotalContended, match="'Ann'"):
        totals.add([five])
    totals.add([five])

    assert stage.totals == {"Ann": 5}


def test_a_move_that_another_invocation_won_is_planned_anew(
    totals: GameScoresByUser, stage: Stage
) -> None:
    for second in range(room_on_item("Ann")):
        totals.add([change("Ann", 1, second)])
    fail_requests(
        stage.dynamodb,
        "TransactWriteItems",
        "TransactionCanceledException",
        times=2,
        CancellationReasons=[{"Code": "None"}, {"Code": "TransactionConflict"}],
    )

    added = totals.add([change("Ann", 1, 60)])

    assert (added.counted, added.archive_moves) == (1, 1)
    assert stage.totals == {"Ann": room_on_item("Ann") + 1}


def test_a_move_that_is_throttled_rises(totals: GameScoresByUser, stage: Stage) -> None:
    for second in range(room_on_item("Ann")):
        totals.add([change("Ann", 1, second)])
    fail_requests(
        stage.dynamodb,
        "TransactWriteItems",
        "TransactionCanceledException",
        times=1,
        CancellationReasons=[{"Code": "ThrottlingError"}, {"Code": "None"}],
    )

    with pytest.raises(ClientError, match="TransactionCanceled"):
        totals.add([change("Ann", 1, 60)])


def test_one_users_failure_rises_after_the_other_users_were_counted(
    totals: GameScoresByUser, stage: Stage
) -> None:
    fail_requests(
        stage.dynamodb, "UpdateItem", "AccessDeniedException", when=lambda body: "Ann" in body
    )
    changes = [change("Ann", 1), *(change(f"user-{index}", 1) for index in range(30))]

    with pytest.raises(ClientError, match="AccessDenied"):
        totals.add(changes)

    assert len(stage.totals) == 30

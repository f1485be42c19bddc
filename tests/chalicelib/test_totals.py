"""Adding to totals: receipts, the archive and its pages, and what DynamoDB refuses."""

import itertools
import time
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.receipts import make_receipt, room_on_item
from chalicelib.scores import ScoreChange
from chalicelib.totals import (
    MOST_MEETINGS,
    Additions,
    GameScoresByUser,
    TotalContended,
)
from tests.builders import TODAY
from tests.data_stack import DataStack
from tests.faults import after_next, before_next, fail_requests, record_calls

_numbers = itertools.count(1)


def change(username: str, amount: int | str, second: int = 0, position: int = 0) -> ScoreChange:
    receipt = make_receipt(f"event-{next(_numbers)}", "1", TODAY + second)
    return ScoreChange(username, Decimal(amount), receipt, position)


@pytest.fixture
def totals(data: DataStack) -> GameScoresByUser:
    return GameScoresByUser(data.dynamodb, "GameScoresByUser", "GameScoreReceipts")


def test_one_change_is_one_request(totals: GameScoresByUser, data: DataStack) -> None:
    calls = record_calls(data.dynamodb)

    added = totals.add([change("Ann", 5), change("Ann", 7), change("Ben", 1)])

    assert added == Additions(counted=3, users_updated=2)
    assert calls == ["UpdateItem", "UpdateItem"]
    assert data.totals == {"Ann": 12, "Ben": 1}


def test_a_counted_change_is_dropped_by_its_receipt(
    totals: GameScoresByUser, data: DataStack
) -> None:
    first, second = change("Ann", 5), change("Ann", 7)
    totals.add([first])

    added = totals.add([first, second])

    assert added == Additions(counted=1, already_counted=1, users_updated=1, rounds_repeated=1)
    assert data.totals == {"Ann": 12}


def test_a_full_item_moves_its_receipts_to_a_page_but_for_the_newest_second(
    totals: GameScoresByUser, data: DataStack
) -> None:
    changes = [change("Ann", 1, second) for second in range(60)]

    added = [totals.add([each]) for each in changes]

    assert sum(each.archive_moves for each in added) == 1
    assert sum(each.counted for each in added) == 60
    assert data.totals == {"Ann": 60}
    (page,) = data.pages
    item = data.total_item("Ann")
    assert item["LastPage"] == page["Page"]
    assert len(page["Receipts"]["BS"]) + len(item["Receipts"]["BS"]) == 60
    assert int(page["ExpiresAt"]["N"]) > time.time() + 29 * 24 * 3600


def test_changes_whose_receipts_were_archived_long_ago_are_not_counted_again(
    totals: GameScoresByUser, data: DataStack
) -> None:
    changes = [change("Ann", 1, second) for second in range(300)]
    for start in range(0, 300, 10):
        totals.add(changes[start : start + 10])
    assert len(data.pages) > 3

    late = change("Ann", 1000, second=5)
    again = totals.add([*changes[:100], late])
    again_later = totals.add([*changes[:7], late])

    assert (again.counted, again.already_counted) == (1, 100)
    assert (again_later.counted, again_later.already_counted) == (0, 8)
    assert data.totals == {"Ann": 1300}


def test_a_group_larger_than_the_items_room_is_three_requests(
    totals: GameScoresByUser, data: DataStack
) -> None:
    changes = [change("Ann", 1, second=index // 100) for index in range(1100)]
    totals.add(changes[:100])
    calls = record_calls(data.dynamodb)

    second = totals.add(changes[100:])
    assert calls == ["GetItem", "PutItem", "UpdateItem"]
    again = totals.add(changes)

    assert (second.counted, second.archive_moves, second.rounds_repeated) == (1000, 1, 0)
    assert (again.counted, again.already_counted) == (0, 1100)
    assert data.totals == {"Ann": 1100}


def test_changes_of_one_second_all_count_although_they_are_as_old_as_the_archive(
    totals: GameScoresByUser, data: DataStack
) -> None:
    changes = [change("Ann", 1) for _ in range(200)]

    for each in changes:
        totals.add([each])
    for each in changes:
        totals.add([each])

    assert data.totals == {"Ann": 200}


def test_pages_do_not_meet_when_the_users_item_was_deleted(
    totals: GameScoresByUser, data: DataStack
) -> None:
    for second in range(60):
        totals.add([change("Ann", 1, second)])
    data.dynamodb.delete_item(TableName="GameScoresByUser", Key={"Username": {"S": "Ann"}})

    for second in range(60):
        totals.add([change("Ann", 1, second)])

    assert len(data.pages) == 2
    assert data.totals == {"Ann": 60}


def test_a_long_username_keeps_its_receipts_too(totals: GameScoresByUser, data: DataStack) -> None:
    name = "é" * 1024
    changes = [change(name, 1, second) for second in range(100)]

    for each in [*changes, *changes]:
        totals.add([each])

    assert data.totals == {name: 100}


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ({"Score": {"S": "5"}}, "its Score is of DynamoDB's type S"),
        ({"Score": {"N": "5"}, "LastPage": {"N": "5"}}, "its LastPage is no page's key"),
        ({"Score": {"N": "5"}, "LastPage": {"S": "yesterday"}}, "its LastPage is no page's key"),
        ({"Receipts": {"SS": ["a", "b"]}}, "its Receipts are of DynamoDB's type SS"),
        ({"Receipts": {"N": "5"}}, "its Receipts are of DynamoDB's type N"),
    ],
    ids=str,
)
@pytest.mark.parametrize("count", [1, 2, 100])
def test_a_damaged_item_rejects_its_users_changes_and_the_others_go_on(
    totals: GameScoresByUser, data: DataStack, damage: dict[str, Any], reason: str, count: int
) -> None:
    data.dynamodb.put_item(TableName="GameScoresByUser", Item={"Username": {"S": "Ann"}, **damage})
    changes = [change("Ann", 1, position=position) for position in range(count)]

    added = totals.add([*changes, change("Ben", 1, position=count)])

    assert (added.counted, added.already_counted, added.users_updated) == (1, 0, 1)
    assert [reject.position for reject in added.rejects] == list(range(count))
    assert f"the total of 'Ann' is damaged: {reason}" in added.rejects[0].reason
    assert data.total_item("Ben")["Score"] == {"N": "1"}


def test_the_numbers_add_up_when_a_group_with_a_counted_change_is_refused(
    totals: GameScoresByUser, data: DataStack
) -> None:
    first = change("Ann", 5)
    totals.add([first])
    # Whatever brings 7 is refused, as a total beyond DynamoDB's range is.
    fail_requests(
        data.dynamodb,
        "UpdateItem",
        "ValidationException",
        when=lambda body: ':sum": {"N": "7' in body or ':sum": {"N": "8' in body,
    )

    added = totals.add([first, change("Ann", 7, position=1), change("Ann", 1, position=2)])

    assert (added.counted, added.already_counted, len(added.rejects)) == (1, 1, 1)


def test_of_many_changes_only_those_that_are_refused_are_rejected(
    totals: GameScoresByUser, data: DataStack
) -> None:
    # A million and more is refused, as a total beyond DynamoDB's range is.
    fail_requests(
        data.dynamodb,
        "UpdateItem",
        "ValidationException",
        when=lambda body: len(body.split(':sum": {"N": "')[1].split('"')[0]) > 6,
    )
    amounts = [10**6, 1, 10**7, 2, 10**8, 3, 10**9, 4, 10**10, 5]

    added = totals.add(
        [change("Ann", amount, position=number) for number, amount in enumerate(amounts)]
    )

    assert (added.counted, added.already_counted) == (5, 0)
    assert sorted(reject.position for reject in added.rejects) == [0, 2, 4, 6, 8]
    assert data.totals == {"Ann": 15}


def test_pages_are_looked_through_also_when_the_item_holds_no_receipts(
    totals: GameScoresByUser, data: DataStack
) -> None:
    changes = [change("Ann", 1, second) for second in range(60)]
    for each in changes:
        totals.add([each])
    data.dynamodb.update_item(
        TableName="GameScoresByUser",
        Key={"Username": {"S": "Ann"}},
        UpdateExpression="REMOVE Receipts",
    )

    added = totals.add(changes[:30])

    assert (added.counted, added.already_counted) == (0, 30)


def test_an_addition_of_the_same_second_between_looking_and_moving_is_not_forgotten(
    totals: GameScoresByUser, data: DataStack
) -> None:
    full = [change("Ann", 1, second) for second in range(room_on_item("Ann"))]
    totals.add(full)
    twins = [change("Ann", 1, 60) for _ in range(2)]

    def another_moves_and_fills_the_item_again() -> None:
        # As many receipts, and the newest among them is the same: yet others.
        item = data.total_item("Ann")
        newest = max(item["Receipts"]["BS"], key=lambda each: each[:4])
        kept = [newest, *(each.receipt for each in more)]
        totals.add(more)
        assert len(data.total_item("Ann")["Receipts"]["BS"]) == len(kept)

    more = [change("Ann", 10, room_on_item("Ann") - 2) for _ in range(room_on_item("Ann") - 1)]
    before_next(data.dynamodb, "PutItem", another_moves_and_fills_the_item_again)

    totals.add(twins)
    totals.add([*full, *more, *twins])

    assert data.totals == {"Ann": len(full) + 10 * len(more) + 2}


def test_a_sum_that_dynamodb_cannot_hold_rejects_the_changes_that_do_not_fit(
    totals: GameScoresByUser, data: DataStack
) -> None:
    huge = change("Ann", "9E+125", position=3)
    more = change("Ann", "8E+125", position=4)
    # The embedded AWS does not refuse a total beyond DynamoDB's range.
    fail_requests(
        data.dynamodb,
        "UpdateItem",
        "ValidationException",
        when=lambda body: ':sum": {"N": "8E+125' in body,
    )

    added = totals.add([huge, more, change("Ben", 1, position=5)])

    assert (added.counted, added.users_updated) == (2, 2)
    assert [reject.position for reject in added.rejects] == [4]
    assert "the total of 'Ann' cannot take it" in added.rejects[0].reason


# Below: what the embedded AWS cannot do, see tests/faults.py.


def test_an_addition_between_looking_and_moving_is_not_forgotten(
    totals: GameScoresByUser, data: DataStack
) -> None:
    changes = [change("Ann", 1, second) for second in range(room_on_item("Ann"))]
    totals.add(changes[:-2])
    meanwhile, last = change("Ann", 10, 90), [change("Ann", 1, 100) for _ in range(3)]
    before_next(data.dynamodb, "PutItem", lambda: totals.add([meanwhile]))

    totals.add(last)
    totals.add([*changes[:-2], meanwhile, *last])

    assert data.totals == {"Ann": len(changes) - 2 + 10 + 3}


def test_a_page_made_between_looking_and_adding_is_looked_through(
    totals: GameScoresByUser, data: DataStack
) -> None:
    room = room_on_item("Ann")
    first = [change("Ann", 1, second) for second in range(room)]
    totals.add(first)
    totals.add([change("Ann", 1, room)])
    twins = [change("Ann", 1, 5) for _ in range(4)]

    def a_twin_invocation_counts_them_and_others_make_a_page() -> None:
        totals.add(twins)
        totals.add([change("Ann", 1, room + 1 + second) for second in range(room)])

    after_next(data.dynamodb, "Query", a_twin_invocation_counts_them_and_others_make_a_page)

    totals.add(twins)

    assert data.totals == {"Ann": room + 1 + 4 + room}


def test_a_user_whom_others_change_all_the_time_rises_and_the_next_delivery_counts_once(
    totals: GameScoresByUser, data: DataStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.totals.LONGEST_PAUSE_SECONDS", 0)
    five = change("Ann", 5)
    end = fail_requests(data.dynamodb, "UpdateItem", "ConditionalCheckFailedException", times=2000)

    with pytest.raises(TotalContended, match=f"'Ann' .* {MOST_MEETINGS} attempts"):
        totals.add([five])
    end()
    totals.add([five])

    assert data.totals == {"Ann": 5}


@pytest.mark.parametrize("operation", ["PutItem", "GetItem", "Query"])
def test_a_failure_on_the_way_to_a_page_rises_and_the_next_delivery_counts_once(
    totals: GameScoresByUser, data: DataStack, operation: str
) -> None:
    changes = [change("Ann", 1, second) for second in range(3 * room_on_item("Ann"))]
    totals.add(changes[:100])
    totals.add(changes[100:101])

    end = fail_requests(data.dynamodb, operation, "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        totals.add(changes)
    end()
    totals.add(changes)

    assert data.totals == {"Ann": len(changes)}


def test_one_users_failure_rises_after_the_other_users_were_counted(
    totals: GameScoresByUser, data: DataStack
) -> None:
    fail_requests(
        data.dynamodb, "UpdateItem", "AccessDeniedException", when=lambda body: "Ann" in body
    )
    changes = [change("Ann", 1), *(change(f"user-{index}", 1) for index in range(30))]

    with pytest.raises(ClientError, match="AccessDenied"):
        totals.add(changes)

    assert len(data.totals) == 30

"""What a repair plans, and in which order it is done. Pure, but for answers that no AWS gives."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest
from botocore.exceptions import ClientError

from chalicelib.receipts import make_receipt
from chalicelib.scores import InvalidRecord, ScoreChange
from chalicelib.totals import MOST_AT_ONCE, AdditionRefused, Additions
from operations.totals.correction import (
    Correction,
    correct,
    delete_page,
    parameters_of,
    plan_correction,
)
from operations.totals.judgement import Judgement, Known
from operations.totals.repair import Step, plan_step, take_step
from operations.totals.user_look import DamagedPage, Look

OLD, NEW, MOVED, OPEN = (make_receipt(name, "1", at) for at, name in enumerate("omnp", 5))
P1, P2 = "0000000005.00000000.0123456789abcdef", "0000000006.00000000.0123456789abcdef"
FOUND: Any = {"Score": {"N": "7"}, "Receipts": {"BS": [OLD, NEW]}, "LastPage": {"S": P1}}
LOOK = Look("Ann", FOUND, Decimal(7), frozenset({OLD, NEW}), frozenset({MOVED}), P2)
ABSENT = Look("Ann", {}, Decimal(0), frozenset(), frozenset(), None)
KNOWN = Known(Decimal(9), {OLD: Decimal(1), MOVED: Decimal(2), OPEN: Decimal(4)})
DAMAGED = DamagedPage(P2, {"S": "damaged"})


def parameters(look: Look, known: Known = KNOWN) -> Any:
    plan = plan_correction(Judgement(look, known))
    assert plan
    return parameters_of("Totals", plan)


def client(**errors: str) -> Any:
    """A client whose calls of these names fail with these codes."""
    stub = mock.Mock()
    for name, code in errors.items():
        error: Any = {"Error": {"Code": code, "Message": "stubbed"}}
        getattr(stub, name).side_effect = ClientError(error, name)
    return stub


def test_a_correction_is_one_update_on_condition_that_the_item_is_as_it_was_found() -> None:
    assert parameters(LOOK) == {
        "TableName": "Totals",
        "Key": {"Username": {"S": "Ann"}},
        "UpdateExpression": "SET Score = :Score, Receipts = :Receipts, LastPage = :LastPage",
        "ConditionExpression": "Score = :found_Score AND Receipts = :found_Receipts"
        " AND LastPage = :found_LastPage",
        "ExpressionAttributeValues": {
            ":found_Score": {"N": "7"},
            ":found_Receipts": {"BS": [OLD, NEW]},
            ":found_LastPage": {"S": P1},
            ":Score": {"N": "9"},
            ":Receipts": {"BS": sorted([OLD, NEW, MOVED, OPEN])},
            ":LastPage": {"S": P2},
        },
    }


def test_what_is_damaged_is_removed_on_condition_that_it_still_is() -> None:
    found: Any = {"Score": {"NULL": True}, "Receipts": {"S": "text"}, "LastPage": {"S": "none"}}
    look = replace(ABSENT, found=found, score=None, damage="all of it")

    assert parameters(look, Known(Decimal(9), {})) == {
        "TableName": "Totals",
        "Key": {"Username": {"S": "Ann"}},
        "UpdateExpression": "SET Score = :Score REMOVE Receipts, LastPage",
        "ConditionExpression": "Score = :found_Score AND Receipts = :found_Receipts"
        " AND LastPage = :found_LastPage",
        "ExpressionAttributeValues": {
            ":found_Score": {"NULL": True},
            ":found_Receipts": {"S": "text"},
            ":found_LastPage": {"S": "none"},
            ":Score": {"N": "9"},
        },
    }


def test_an_item_that_is_not_there_is_made_on_condition_that_it_still_is_not() -> None:
    made = parameters(ABSENT)

    assert made["UpdateExpression"] == "SET Score = :Score, Receipts = :Receipts"
    assert made["ConditionExpression"] == (
        "attribute_not_exists(Score) AND attribute_not_exists(Receipts)"
        " AND attribute_not_exists(LastPage)"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"score": Decimal(8)},
        {"score": None},
        {"damage": "something"},
        {"has_leftovers": True},
        {"archived": frozenset()},
    ],
    ids=str,
)
def test_a_correction_is_planned_for_each_thing_that_is_wrong(change: dict[str, Any]) -> None:
    right = replace(LOOK, archived=frozenset({MOVED, OPEN}), score=Decimal(9))
    assert plan_correction(Judgement(right, KNOWN)) is None

    assert plan_correction(Judgement(replace(right, **change), KNOWN)) is not None


MANY = [make_receipt(str(number), "1", 100 + number) for number in range(MOST_AT_ONCE)]
"""From the oldest to the newest; with the two on the item more than one update takes."""


def test_what_one_update_cannot_record_is_left_open_the_youngest_first() -> None:
    look = replace(LOOK, archived=frozenset())
    known = Known(Decimal(20_000), {**dict.fromkeys(MANY, Decimal(1)), OLD: Decimal(3)})

    plan = plan_correction(Judgement(look, known))

    assert plan == Correction(look, Decimal(20_000 - 2), frozenset(MANY[:-2]))


def test_of_what_was_moved_the_newest_is_recorded_beside_all_that_is_open() -> None:
    look = replace(LOOK, archived=frozenset(MANY))

    plan = plan_correction(Judgement(look, Known(Decimal(9), {OPEN: Decimal(4)})))

    assert plan == Correction(look, Decimal(9), frozenset({OPEN, *MANY[3:]}))


def test_a_refusal_is_told_and_what_can_never_be_made_is_an_addition_refused() -> None:
    plan = Correction(LOOK, Decimal(1), frozenset())

    assert correct(client(), "Totals", plan)
    assert not correct(client(update_item="ConditionalCheckFailedException"), "Totals", plan)
    with pytest.raises(AdditionRefused):
        correct(client(update_item="ValidationException"), "Totals", plan)
    with pytest.raises(ClientError):
        correct(client(update_item="ThrottlingException"), "Totals", plan)


def test_a_page_is_deleted_on_condition_that_it_is_damaged_as_found() -> None:
    stub = client(delete_item="ConditionalCheckFailedException")

    delete_page(stub, "Receipts", "Ann", DAMAGED)

    stub.delete_item.assert_called_once_with(
        TableName="Receipts",
        Key={"Username": {"S": "Ann"}, "Page": {"S": P2}},
        ConditionExpression="Receipts = :found_Receipts",
        ExpressionAttributeValues={":found_Receipts": {"S": "damaged"}},
    )
    with pytest.raises(ClientError):
        delete_page(client(delete_item="ThrottlingException"), "Receipts", "Ann", DAMAGED)


def test_the_error_is_what_no_delivery_will_mend() -> None:
    judgement = Judgement(LOOK, KNOWN)

    assert judgement.open == {OPEN: Decimal(4)}
    assert judgement.error == 7 - 9 + 4
    assert Judgement(replace(LOOK, score=None), KNOWN).error is None


@pytest.mark.parametrize(
    ("change", "is_sound"),
    [
        ({}, True),
        ({"score": Decimal(7)}, False),
        ({"score": None}, False),
        ({"damage": "something"}, False),
        ({"damaged_pages": (DAMAGED,)}, False),
        ({"has_leftovers": True}, False),
    ],
    ids=str,
)
def test_a_total_is_sound_if_nothing_is_wrong(change: dict[str, Any], *, is_sound: bool) -> None:
    look = (
        replace(LOOK, score=Decimal(5), **change)
        if "score" not in change
        else replace(LOOK, **change)
    )

    assert Judgement(look, KNOWN).is_sound == is_sound


def test_a_sound_total_gets_all_that_is_open_by_the_cores_own_add() -> None:
    sound = replace(LOOK, score=Decimal(3), archived=frozenset())
    additions = (
        ScoreChange("Ann", Decimal(2), MOVED, 0),
        ScoreChange("Ann", Decimal(4), OPEN, 1),
    )

    assert plan_step(Judgement(sound, KNOWN)) == Step("Ann", additions)
    assert plan_step(Judgement(sound, KNOWN._replace(expected=Decimal(3), changes={}))) is None


def test_a_sum_that_no_number_holds_is_refused_though_open_changes_would_leave_one() -> None:
    huge = Known(Decimal("1E+126"), {OPEN: Decimal("1E+126")})

    with pytest.raises(InvalidRecord):
        plan_step(Judgement(replace(LOOK, score=Decimal(0)), huge))


def test_damaged_pages_go_after_the_correction_and_only_if_it_was_made() -> None:
    step = plan_step(Judgement(replace(LOOK, damaged_pages=(DAMAGED,)), KNOWN))
    assert step
    stub, refused = client(), client(update_item="ConditionalCheckFailedException")

    take_step(stub, "Totals", "Receipts", step)
    take_step(refused, "Totals", "Receipts", step)

    assert [call[0] for call in stub.method_calls] == ["update_item", "delete_item"]
    assert [call[0] for call in refused.method_calls] == ["update_item"]


def test_a_change_that_the_total_cannot_take_is_told_whatever_else_was_counted() -> None:
    step = Step("Ann", (ScoreChange("Ann", Decimal(1), OPEN, 0),))
    added = mock.Mock(return_value=Additions(counted=1, rejects=(mock.Mock(reason="too large"),)))

    with (
        mock.patch("chalicelib.totals.GameScoresByUser.add", added),
        pytest.raises(AdditionRefused, match="too large"),
    ):
        take_step(client(), "Totals", "Receipts", step)

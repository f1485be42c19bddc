"""What AWS's own DynamoDB answers to the questions that exactness stands on.

docs/exactness.md tells the answers, each under the name of its test's question.
"""

import itertools
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.receipts import make_receipt, room_on_item
from chalicelib.scores import ScoreChange
from chalicelib.totals import MOST_AT_ONCE, GameScoresByUser, _not_counted_yet
from tests.builders import TODAY
from tests.data_stack import DataStack
from tests.faults import record_calls

TOTALS = "GameScoresByUser"
KEY: dict[str, Any] = {"Username": {"S": "A"}}
LARGEST = "9.9999999999999999999999999999999999999E+125"

_numbers = itertools.count(1)


def change(amount: str | int, second: int = 0, position: int = 0) -> ScoreChange:
    receipt = make_receipt(f"event-{next(_numbers)}", "1", TODAY + second)
    return ScoreChange("A", Decimal(amount), receipt, position)


def receipts(count: int) -> list[bytes]:
    return [make_receipt(f"receipt-{number}", "1", TODAY) for number in range(count)]


def put(dynamodb: Any, **attributes: Any) -> None:
    dynamodb.put_item(TableName=TOTALS, Item={**KEY, **attributes})


def update(dynamodb: Any, expression: str, condition: str = "", **values: Any) -> Any:
    arguments = {"ConditionExpression": condition} if condition else {}
    return dynamodb.update_item(
        TableName=TOTALS,
        Key=KEY,
        UpdateExpression=expression,
        ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
        ReturnConsumedCapacity="TOTAL",
        **arguments,
    )


def error_of(dynamodb: Any, *arguments: Any, **values: Any) -> Any:
    """The error of an update that must be refused."""
    with pytest.raises(ClientError) as refused:
        update(dynamodb, *arguments, **values)
    return refused.value.response


def write_units(answer: Any) -> float:
    units: float = answer["ConsumedCapacity"]["CapacityUnits"]
    return units


@pytest.fixture
def totals(data: DataStack) -> GameScoresByUser:
    return GameScoresByUser(data.dynamodb, TOTALS, "GameScoreReceipts")


# 38 digits


@pytest.mark.parametrize(
    ("total", "amount", "expected"),
    [
        ("9" * 38, "1", "1E+38"),
        ("1E+36", "0.1", "1" + "0" * 36 + ".1"),
        ("1E+37", "-1E+37", "0"),
        ("-" + "9" * 38, "9" * 38, "0"),
        (LARGEST, "-" + LARGEST, "0"),
        ("1E-130", "1E-130", "2E-130"),
        ("3E-130", "-2E-130", "1E-130"),
        ("1E-130", "-1E-130", "0"),
    ],
)
def test_a_total_of_38_digits_is_exact_at_every_magnitude(
    totals: GameScoresByUser, data: DataStack, total: str, amount: str, expected: str
) -> None:
    put(data.dynamodb, Score={"N": total})

    added = totals.add([change(amount)])

    assert (added.counted, added.rejects) == (1, ())
    assert data.totals == {"A": Decimal(expected)}


@pytest.mark.parametrize(
    ("total", "amount", "reason"),
    [
        ("9" * 38, "2", "DynamoDB only supports precision up to 38 digits"),
        ("1E+37", "0.1", "DynamoDB only supports precision up to 38 digits"),
        ("1E+50", "1E-50", "DynamoDB only supports precision up to 38 digits"),
        (LARGEST, "1E-130", "DynamoDB only supports precision up to 38 digits"),
        ("9E+125", "8E+125", "Number overflow"),
    ],
)
def test_a_total_beyond_38_digits_is_refused_never_rounded(
    totals: GameScoresByUser, data: DataStack, total: str, amount: str, reason: str
) -> None:
    put(data.dynamodb, Score={"N": total})

    added = totals.add([change(amount)])

    assert (added.counted, len(added.rejects)) == (0, 1)
    assert reason in added.rejects[0].reason
    assert data.totals == {"A": Decimal(total)}
    assert "Receipts" not in data.total_item("A")


def test_of_a_group_that_is_refused_what_the_total_can_take_is_counted(
    totals: GameScoresByUser, data: DataStack
) -> None:
    put(data.dynamodb, Score={"N": "1E+37"})
    changes = [change(amount, position=number) for number, amount in enumerate(["5", "0.1", "7"])]

    added = totals.add(changes)
    again = totals.add(changes)

    assert [reject.position for reject in added.rejects] == [1]
    assert (added.counted, again.counted, again.already_counted) == (2, 0, 2)
    assert data.totals == {"A": Decimal(10**37 + 12)}


# 300 operators and 4 KB


@pytest.mark.parametrize("checked", [True, False])
def test_the_largest_group_that_is_added_blindly_is_one_request(
    totals: GameScoresByUser, data: DataStack, *, checked: bool
) -> None:
    largest = room_on_item("A")
    calls = record_calls(data.dynamodb)

    added = totals.add([change(1) for _ in range(largest)])

    assert (added.counted, calls) == (largest, ["UpdateItem"])
    assert len(_not_counted_yet(largest, checked=checked)) <= 4096 / 2


def conditional_addition(dynamodb: Any, count: int) -> Any:
    """An update as totals.py makes it, of so many receipts."""
    new = receipts(count)
    return update(
        dynamodb,
        "ADD Score :sum, Receipts :new",
        _not_counted_yet(count, checked=False),
        sum={"N": "1"},
        new={"BS": new},
        room={"N": "1000"},
        page={"S": "0000000001"},
        **{f"r{index}": {"B": receipt} for index, receipt in enumerate(new)},
    )


def test_an_expression_takes_300_operators_which_97_receipts_need_nearly(dynamodb: Any) -> None:
    conditional_addition(dynamodb, 97)

    with pytest.raises(ClientError, match="too many operators; operator count: 301"):
        conditional_addition(dynamodb, 98)


def test_an_expression_takes_4_kilobytes(dynamodb: Any) -> None:
    longest = f"{'attribute_not_exists(Score)':4096}"
    update(dynamodb, "ADD Score :one", longest, one={"N": "1"})

    refused = error_of(dynamodb, "ADD Score :one", longest + " ", one={"N": "1"})

    assert "expression size: 4097" in refused["Error"]["Message"]


# contains and size on a binary set


def test_contains_finds_a_receipt_by_all_its_bytes(dynamodb: Any) -> None:
    first, other = b"\x00" * 16, b"\x00" * 15 + b"\x01"
    put(dynamodb, Receipts={"BS": [first, b"\xff" * 16]})
    condition = "NOT contains(Receipts, :receipt)"

    update(dynamodb, "ADD Score :one", condition, one={"N": "1"}, receipt={"B": other})
    refused = error_of(dynamodb, "ADD Score :one", condition, one={"N": "1"}, receipt={"B": first})

    assert refused["Error"]["Code"] == "ConditionalCheckFailedException"


def test_the_size_of_a_binary_set_is_the_number_of_its_members(dynamodb: Any) -> None:
    put(dynamodb, Receipts={"BS": receipts(6)})
    condition = "size(Receipts) <= :room"

    update(dynamodb, "ADD Score :one", condition, one={"N": "1"}, room={"N": "6"})
    refused = error_of(dynamodb, "ADD Score :one", condition, one={"N": "1"}, room={"N": "5"})

    assert refused["Error"]["Code"] == "ConditionalCheckFailedException"


def test_binary_sets_are_equal_in_whatever_order(dynamodb: Any) -> None:
    put(dynamodb, Receipts={"BS": receipts(6)})

    update(
        dynamodb,
        "ADD Score :one",
        "Receipts = :found",
        one={"N": "1"},
        found={"BS": receipts(6)[::-1]},
    )


# Item in a refused update


def test_a_refused_update_brings_the_item_as_it_is(dynamodb: Any) -> None:
    put(dynamodb, Score={"N": "5"}, Receipts={"BS": receipts(3)}, LastPage={"S": "x"})

    refused = error_of(dynamodb, "ADD Score :one", "attribute_not_exists(LastPage)", one={"N": "1"})

    assert set(refused["Item"].pop("Receipts")["BS"]) == set(receipts(3))
    assert refused["Item"] == {**KEY, "Score": {"N": "5"}, "LastPage": {"S": "x"}}


def test_a_refused_update_of_no_item_brings_none(dynamodb: Any) -> None:
    refused = error_of(dynamodb, "ADD Score :one", "attribute_exists(Score)", one={"N": "1"})

    assert "Item" not in refused


# Item size


def units_of_an_item_with(dynamodb: Any, count: int) -> float:
    dynamodb.delete_item(TableName=TOTALS, Key=KEY)
    answer = update(
        dynamodb,
        "SET Receipts = :receipts, LastPage = :page ADD Score :sum",
        receipts={"BS": receipts(count)},
        page={"S": f"{TODAY}.00000000.0123456789abcdef"},
        sum={"N": "1234567890"},
    )
    return write_units(answer)


def test_an_item_full_of_receipts_costs_one_write_unit(dynamodb: Any) -> None:
    room = room_on_item("A")

    assert [units_of_an_item_with(dynamodb, count) for count in (room, 58, 64)] == [1, 1, 2]


def test_an_item_takes_the_receipts_of_the_most_changes_at_once_again_and_again(
    totals: GameScoresByUser, data: DataStack
) -> None:
    first = [change(1) for _ in range(MOST_AT_ONCE)]
    second = [change(1, second=1) for _ in range(MOST_AT_ONCE)]

    added = [totals.add([change(1)]), totals.add(first), totals.add(second)]
    again = totals.add([*first[:50], *second[:50]])

    assert [each.counted for each in added] == [1, MOST_AT_ONCE, MOST_AT_ONCE]
    assert (again.counted, again.already_counted) == (0, 100)
    assert data.totals == {"A": 2 * MOST_AT_ONCE + 1}
    assert len(data.total_item("A")["Receipts"]["BS"]) == MOST_AT_ONCE
    assert units_of_an_item_with(data.dynamodb, MOST_AT_ONCE) < 160


# The order of errors


@pytest.mark.parametrize(
    ("score", "amount"), [({"S": "text"}, "1"), ({"N": "9E+125"}, "9E+125"), ({"N": "1E+37"}, ".1")]
)
def test_the_condition_comes_before_what_cannot_be_added(
    dynamodb: Any, score: Any, amount: str
) -> None:
    (receipt,) = receipts(1)
    put(dynamodb, Score=score, Receipts={"BS": [receipt]})
    arguments = ("ADD Score :sum", "NOT contains(Receipts, :receipt)")

    counted = error_of(dynamodb, *arguments, sum={"N": amount}, receipt={"B": receipt})
    not_counted = error_of(dynamodb, *arguments, sum={"N": amount}, receipt={"B": b"another"})

    assert counted["Error"]["Code"] == "ConditionalCheckFailedException"
    assert not_counted["Error"]["Code"] == "ValidationException"


# An item whose Score is text


def test_a_total_whose_score_is_text_stays_as_it_is_and_its_records_are_rejects(
    totals: GameScoresByUser, data: DataStack
) -> None:
    put(data.dynamodb, Score={"S": "text"})

    added = totals.add([change(1), change(2, position=1)])

    assert [reject.position for reject in added.rejects] == [0, 1]
    assert "its Score is of DynamoDB's type S" in added.rejects[0].reason
    assert data.total_item("A") == {**KEY, "Score": {"S": "text"}}


# Numbers like 1E-130


@pytest.mark.parametrize("number", ["1E-130", "-1E-130", "1.5E-130", LARGEST, "-" + LARGEST, "-0"])
def test_a_number_at_the_edge_is_stored_as_it_is(dynamodb: Any, number: str) -> None:
    put(dynamodb, Score={"N": number})

    item = dynamodb.get_item(TableName=TOTALS, Key=KEY)["Item"]

    assert Decimal(item["Score"]["N"]) == Decimal(number)


@pytest.mark.parametrize("number", ["1E-131", "1E+126", "1" * 39, "NaN", "Infinity"])
def test_a_number_beyond_the_edge_is_refused(dynamodb: Any, number: str) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        put(dynamodb, Score={"N": number})


# What a failed condition costs


def test_a_failed_condition_does_not_tell_what_it_cost(dynamodb: Any) -> None:
    put(dynamodb, Receipts={"BS": receipts(500)})

    refused = error_of(dynamodb, "ADD Score :one", "attribute_not_exists(Receipts)", one={"N": "1"})

    assert "ConsumedCapacity" not in refused


# The condition of a correction

AS_FOUND = [
    {"N": "1"},
    {"S": "text"},
    {"B": b"bytes"},
    {"BOOL": False},
    {"NULL": True},
    {"L": [{"N": "1"}, {"L": []}]},
    {"M": {"name": {"SS": ["b", "a"]}}},
    {"SS": ["a", "b"]},
    {"NS": ["1", "2"]},
    {"BS": [b"1", b"2"]},
]


@pytest.mark.parametrize("found", AS_FOUND, ids=lambda value: next(iter(value)))
def test_a_value_of_any_type_equals_itself_and_no_other(dynamodb: Any, found: Any) -> None:
    for attribute in ("Score", "Receipts", "LastPage"):
        for other in AS_FOUND:
            put(dynamodb, **{attribute: other})
            condition = f"{attribute} = :found"
            if other == found:
                update(dynamodb, "SET Marked = :found", condition, found=found)
            else:
                refusal = error_of(dynamodb, "SET Marked = :found", condition, found=found)
                assert refusal["Error"]["Code"] == "ConditionalCheckFailedException"


def test_numbers_and_sets_are_equal_however_they_are_written(dynamodb: Any) -> None:
    put(dynamodb, Score={"N": "100"}, Receipts={"BS": receipts(3)})

    update(
        dynamodb,
        "SET Marked = :score",
        "Score = :score AND Receipts = :receipts",
        score={"N": "1.00E+2"},
        receipts={"BS": receipts(3)[::-1]},
    )

    assert "Marked" in dynamodb.get_item(TableName=TOTALS, Key=KEY)["Item"]


def test_one_update_makes_an_absent_item_and_removes_what_it_never_had(dynamodb: Any) -> None:
    nothing = " AND ".join(
        f"attribute_not_exists({name})" for name in ("Score", "Receipts", "LastPage")
    )
    values = {"score": {"N": "7"}, "page": {"S": "page"}}

    update(dynamodb, "SET Score = :score, LastPage = :page REMOVE Receipts", nothing, **values)
    again = error_of(
        dynamodb, "SET Score = :score, LastPage = :page REMOVE Receipts", nothing, **values
    )

    item = {**KEY, "Score": {"N": "7"}, "LastPage": {"S": "page"}}
    assert dynamodb.get_item(TableName=TOTALS, Key=KEY)["Item"] == item
    assert again["Item"] == item

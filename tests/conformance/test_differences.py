"""Where the embedded AWS's DynamoDB and AWS's own differ, each asked of both.

docs/how-it-works.md has a row for each, under the title given here.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from chalicelib.totals import _not_counted_yet
from operations.aws.config import PROJECT
from tests.conformance.judged import JudgedAws
from tests.conformance.test_answers import KEY, TOTALS, conditional_addition, put, update
from tests.data_stack import DataStack

HEADING = "## What the embedded AWS does differently"


def sum_of(total: str, amount: str) -> Callable[[Any], Any]:
    def ask(dynamodb: Any) -> Any:
        put(dynamodb, Score={"N": total})
        update(dynamodb, "ADD Score :amount", amount={"N": amount})
        return dynamodb.get_item(TableName=TOTALS, Key=KEY)["Item"]["Score"]["N"]

    return ask


def operators(dynamodb: Any) -> str:
    assert len(_not_counted_yet(98, checked=False)) < 4096
    conditional_addition(dynamodb, 98)
    return "taken"


def size_of_a_number(dynamodb: Any) -> str:
    put(dynamodb, Receipts={"N": "5"})
    update(dynamodb, "ADD Score :one", "size(Receipts) <= :one", one={"N": "1"})
    return "taken"


def item_with(**attributes: Any) -> Callable[[Any], Any]:
    def ask(dynamodb: Any) -> str:
        put(dynamodb, **attributes)
        return "taken"

    return ask


def expiry_of_the_receipts(dynamodb: Any) -> str:
    answer = dynamodb.describe_time_to_live(TableName="GameScoreReceipts")
    status: str = answer["TimeToLiveDescription"]["TimeToLiveStatus"]
    return status


def point_in_time_recovery(dynamodb: Any) -> str:
    dynamodb.update_continuous_backups(
        TableName=TOTALS,
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    return "taken"


class Difference(NamedTuple):
    """A question, and what AWS's engine and the embedded one answer: an error's code counts."""

    title: str
    ask: Callable[[Any], Any]
    of_aws: str
    of_embedded: str


DIFFERENCES = [
    Difference(
        "A total of 29 to 38 digits",
        sum_of("1E+36", "0.1"),
        f"1{'0' * 36}.1",
        f"1{'0' * 36}",
    ),
    Difference(
        "A total of more than 38 digits", sum_of("1E+37", "0.1"), "ValidationException", "1E+37"
    ),
    Difference("Zero, after amounts of 130 places", sum_of("1E-130", "-1E-130"), "0E-130", "0"),
    Difference("A condition of more than 300 operators", operators, "ValidationException", "taken"),
    Difference("`size` of a number", size_of_a_number, "ConditionalCheckFailedException", "taken"),
    Difference(
        "Half a surrogate pair in a text", item_with(T={"S": "\ud800"}), "taken", "InternalError"
    ),
    Difference(
        "An attribute without a name",
        item_with(**{"": {"S": "x"}}),
        "ValidationException",
        "taken",
    ),
    Difference(
        "An attribute's name of more than 64 KB",
        item_with(**{"x" * 65536: {"S": "x"}}),
        "ValidationException",
        "taken",
    ),
    Difference("Expiry in a template", expiry_of_the_receipts, "ENABLED", "DISABLED"),
    Difference(
        "Point-in-time recovery", point_in_time_recovery, "UnknownOperationException", "taken"
    ),
]


def answer_of(dynamodb: Any, ask: Callable[[Any], Any]) -> Any:
    try:
        return ask(dynamodb)
    except ClientError as error:
        return error.response["Error"]["Code"]


def assert_same(found: str, expected: str) -> None:
    """Compare numbers as such, with their exponents, and all else as text."""
    if re.match(r"[0-9]", expected):
        assert Decimal(found) == Decimal(expected)
        assert ("E" in expected) or found == expected
    else:
        assert found == expected


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda each: each.title)
def test_the_engines_differ_as_documented(
    aws: JudgedAws, data: DataStack, difference: Difference
) -> None:
    aws.embedded_dynamodb.delete_item(TableName=TOTALS, Key=KEY)

    assert_same(answer_of(aws.dynamodb, difference.ask), difference.of_aws)
    assert_same(answer_of(aws.embedded_dynamodb, difference.ask), difference.of_embedded)


def test_each_difference_is_a_row_in_how_it_works() -> None:
    page = (PROJECT / "docs" / "how-it-works.md").read_text()
    section = page.split(HEADING)[1].split("\n## ")[0]

    rows = re.findall(r"^\| ([^|]+?) \|", section, re.MULTILINE)[1:]

    assert [row for row in rows if not row.startswith("-")] == [each.title for each in DIFFERENCES]

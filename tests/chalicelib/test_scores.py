"""What a valid number and a valid username are."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.scores import (
    LARGEST_MAGNITUDE,
    InvalidRecord,
    check_number,
    check_username,
    exact_sum,
    parse_number,
)

dynamodb_numbers = st.builds(
    lambda sign, digits, exponent: Decimal((sign, tuple(digits), exponent - len(digits) + 1)),
    st.integers(0, 1),
    st.lists(st.integers(0, 9), min_size=1, max_size=38),
    st.integers(-130, 125),
).filter(lambda number: not number or Decimal("1E-130") <= abs(number) <= LARGEST_MAGNITUDE)


@given(dynamodb_numbers)
def test_every_number_of_dynamodbs_stays_itself(number: Decimal) -> None:
    assert check_number("Score", number) == number


@pytest.mark.parametrize("text", ["1" * 39, "0." + "3" * 39, "1E+126", "-1E-131", "NaN", "-inf"])
def test_what_dynamodb_cannot_hold_is_invalid(text: str) -> None:
    with pytest.raises(InvalidRecord, match=r"^Score "):
        check_number("Score", Decimal(text))


def test_zeros_at_the_end_are_no_digits() -> None:
    number = check_number("Score", Decimal("1." + "0" * 50))

    assert number == 1
    assert len(str(number)) <= 38


def test_an_exponent_beyond_pythons_is_no_number() -> None:
    assert parse_number("1e" + "9" * 40).is_nan()


@given(st.lists(dynamodb_numbers, max_size=50))
def test_sums_are_never_rounded(numbers: list[Decimal]) -> None:
    assert Fraction(exact_sum(numbers)) == sum(map(Fraction, numbers))


@pytest.mark.parametrize("name", ["a", "Jörg", "x" * 2048, "é" * 1024, " ", "\0"])
def test_a_username_may_be_any_text_that_fits_a_key(name: str) -> None:
    assert check_username(name) == name


@pytest.mark.parametrize("name", ["", None, 5, "x" * 2049, "é" * 1025, "\ud800"])
def test_anything_else_is_no_username(name: object) -> None:
    with pytest.raises(InvalidRecord, match=r"^Username "):
        check_username(name)

"""Exact sums by user for more users than memory holds.

A limited number of users is summed in memory; the rest spills, as partial sums, to a temporary
SQLite database, which sorts them by user on disk at the end. So memory does not grow with the
tables; disk use does, by some 50 bytes a user.
"""

from collections.abc import Iterator
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from chalicelib.scores import exact_sum
from operations.totals.spill import TemporaryDatabase

USERS_IN_MEMORY = 20_000

EXPECTED, FOUND = 0, 1


class Comparison(NamedTuple):
    """A user's sum over the records, and the total; None where its item holds no number."""

    username: str
    expected: Decimal
    found: Decimal | None

    @property
    def is_exact(self) -> bool:
        return self.found == self.expected

    @property
    def difference(self) -> Decimal | None:
        """By how much the total is too large; None where it is no number."""
        return None if self.found is None else exact_sum((self.found, self.expected.copy_negate()))


class UserSums(TemporaryDatabase):
    """Takes amounts in any order; yields one comparison a user, sorted by name."""

    def __init__(self, users_in_memory: int = USERS_IN_MEMORY) -> None:
        super().__init__("CREATE TABLE sums (username TEXT, side INTEGER, amount TEXT)")
        self._users_in_memory = users_in_memory
        self._sums: dict[tuple[str, int], Decimal | None] = {}

    def expect(self, username: str, amount: Decimal) -> None:
        """Add what a record gives the user."""
        key = (username, EXPECTED)
        self._sums[key] = exact_sum((self._sums.get(key) or Decimal(0), amount))
        self._spill_if_many()

    def find(self, username: str, total: Decimal | None) -> None:
        """Note the user's total as it is."""
        self._sums[(username, FOUND)] = total
        self._spill_if_many()

    def comparisons(self) -> Iterator[Comparison]:
        """Every user's comparison; may be read more than once."""
        self._spill()
        rows = self._database.execute("SELECT username, side, amount FROM sums ORDER BY username")
        for username, of_user in groupby(rows, key=lambda row: row[0]):
            amounts: tuple[list[str | None], list[str | None]] = ([], [])
            for _, side, amount in of_user:
                amounts[side].append(amount)
            expected = exact_sum(Decimal(amount) for amount in amounts[EXPECTED] if amount)
            found: Decimal | None = Decimal(0)
            if amounts[FOUND]:
                newest = amounts[FOUND][-1]
                found = None if newest is None else Decimal(newest)
            yield Comparison(username, expected, found)

    def differences(self) -> Iterator[Comparison]:
        """Those whose total is not the sum."""
        return (each for each in self.comparisons() if not each.is_exact)

    def _spill_if_many(self) -> None:
        if len(self._sums) >= self._users_in_memory:
            self._spill()

    def _spill(self) -> None:
        self._database.executemany(
            "INSERT INTO sums VALUES (?, ?, ?)",
            (
                (username, side, None if amount is None else str(amount))
                for (username, side), amount in self._sums.items()
            ),
        )
        self._sums.clear()

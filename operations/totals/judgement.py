"""Whether one user's total is exact, by a look at it and by what records and stream say. Pure.

The error of a total is what no delivery will ever mend: `Score − (sum of the records − open
changes)`. It stays the same whatever the core adds meanwhile, since that takes a change from the
open ones as it adds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from chalicelib.scores import exact_sum
from operations.totals.user_look import Look


class Known(NamedTuple):
    """What records and stream say of a user.

    `expected` is the sum of the records; `changes` are the amounts of all changes that may still be
    delivered, by receipt: those in the table's stream and in the aggregator's rejects.
    """

    expected: Decimal
    changes: Mapping[bytes, Decimal]


@dataclass(frozen=True)
class Judgement:
    """A look, judged by what is known; all receipts on it that the stream has must be known."""

    look: Look
    known: Known

    @cached_property
    def open(self) -> dict[bytes, Decimal]:
        """The changes that are not counted."""
        counted = self.look.counted
        return {
            receipt: amount
            for receipt, amount in self.known.changes.items()
            if receipt not in counted
        }

    @cached_property
    def error(self) -> Decimal | None:
        """By how much the total is too large for what is counted; None where it is no number."""
        if self.look.score is None:
            return None
        minus = self.known.expected.copy_negate()
        return exact_sum((self.look.score, minus, *self.open.values()))

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong, so that the total is exact once the open changes are added."""
        look = self.look
        return not (self.error != 0 or look.damage or look.damaged_pages or look.has_leftovers)

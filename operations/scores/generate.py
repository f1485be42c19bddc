"""Generated scores, and the tally of what every total must come to."""

import json
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from chalicelib import words
from chalicelib.scores import RECORD_KEYS, ScoreRecord, exact_sum

FIRST_RECORD_ID = 1000

MALFORMED = (
    ("%d", '"nobody"'),
    ("%d", '""', "5"),
    ("%d", "7", "5"),
    ('"%d"', '"nobody"', "5"),
    ("%d", '"nobody"', '"ten"'),
    ("%d", '"nobody"', "true"),
    ("%d", '"nobody"', "NaN"),
    ("%d", '"nobody"', "1e999"),
)
"""What malformed payloads have as RecordID, Username and Score; the id is a number of their own."""


@dataclass(frozen=True)
class GeneratedScore:
    """One score as a producer sends it."""

    record_id: int
    username: str
    score: Decimal

    @property
    def payload(self) -> bytes:
        """Its JSON, with the score's own digits."""
        return (
            f'{{"{words.RECORD_ID}": {self.record_id}, '
            f'"{words.USERNAME}": {json.dumps(self.username)}, "{words.SCORE}": {self.score}}}'
        ).encode()


def generate_scores(
    records: int,
    users: int,
    chance: random.Random,
    *,
    skew: float = 2,
    first_id: int = FIRST_RECORD_ID,
) -> Iterator[GeneratedScore]:
    """Scores with unique ids; with at least as many records as users, every user gets some.

    Scores are 0.00 to 100.00, some of them negative. With a skew of 1 all users play equally often;
    the larger the skew, the more a few users dominate.
    """
    for index in range(records):
        user = index if index < users else int(users * chance.random() ** skew)
        score = Decimal(chance.randint(-500, 10_000)).scaleb(-2)
        yield GeneratedScore(first_id + index, f"{words.PLAYER}-{user + 1:04d}", score)


def malformed_payloads(count: int, chance: random.Random) -> list[bytes]:
    """Payloads that look like score records and are invalid in various ways."""
    return [_malformed(chance.choice(MALFORMED), -(index + 1)) for index in range(count)]


def _malformed(values: tuple[str, ...], number: int) -> bytes:
    """JSON with these values of the three attributes, or of those of them that it has."""
    fields = [f'"{key}": {value}' for key, value in zip(RECORD_KEYS, values, strict=False)]
    return f"{{{', '.join(fields)}}}".encode() % number


@dataclass
class Tally:
    """What the totals must come to once all is counted, kept independently of the pipeline."""

    totals: dict[str, Decimal] = field(default_factory=dict)
    repeated: int = 0
    _ids: set[Decimal] = field(default_factory=set)

    def add(self, username: str, amount: Decimal) -> None:
        """Add an amount that must count."""
        self.totals[username] = exact_sum((self.totals.get(username, Decimal(0)), amount))

    def payloads(self, scores: Iterable[tuple[bytes, ScoreRecord]]) -> Iterator[bytes]:
        """The scores' payloads, each counted as it is taken; an id counts once."""
        for payload, record in scores:
            if record.record_id in self._ids:
                self.repeated += 1
            else:
                self._ids.add(record.record_id)
                self.add(record.username, record.score)
            yield payload

    def differences(self, totals: Mapping[str, Decimal]) -> dict[str, tuple[Decimal, Decimal]]:
        """The users whose total differs, each with what is and what should be."""
        both = {
            username: (totals.get(username, Decimal(0)), self.totals.get(username, Decimal(0)))
            for username in sorted(self.totals.keys() | totals.keys())
        }
        return {username: (found, due) for username, (found, due) in both.items() if found != due}

"""Generated scores, and the tally of what every total must come to."""

import json
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from chalicelib.scores import ScoreRecord, exact_sum

FIRST_RECORD_ID = 1000


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
            f'{{"RecordID": {self.record_id}, "Username": {json.dumps(self.username)}, '
            f'"Score": {self.score}}}'
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
        yield GeneratedScore(first_id + index, f"player-{user + 1:04d}", score)


def malformed_payloads(count: int, chance: random.Random) -> list[bytes]:
    """Payloads that look like score records and are invalid in various ways."""
    kinds = [
        b'{"RecordID": %d, "Username": "nobody"}',
        b'{"RecordID": %d, "Username": "", "Score": 5}',
        b'{"RecordID": %d, "Username": 7, "Score": 5}',
        b'{"RecordID": "%d", "Username": "nobody", "Score": 5}',
        b'{"RecordID": %d, "Username": "nobody", "Score": "ten"}',
        b'{"RecordID": %d, "Username": "nobody", "Score": true}',
        b'{"RecordID": %d, "Username": "nobody", "Score": NaN}',
        b'{"RecordID": %d, "Username": "nobody", "Score": 1e999}',
    ]
    return [chance.choice(kinds) % -(index + 1) for index in range(count)]


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
        """The scores' payloads, each counted as it is taken; a RecordID counts once."""
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

"""What the demo does, decided beforehand, so that every count it comes to is known."""

import random
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from chalicelib import words
from operations.scores.generate import GeneratedScore, generate_scores, malformed_payloads

TEXTS = (b"Hello, this is a test 123.", b"[1, 2, 3]", b"\xff\xfe not text")
OTHER_PLAYER = f"corrected {words.PLAYER}"
"""Who is given some of the others' records."""

AGGREGATED_ONE_IN = 3
SENT_TWICE_ONE_IN = 20
MALFORMED_ONE_IN = 50
CORRECTED_ONE_IN = 25
DELETED_ONE_IN = 50


class Correction(NamedTuple):
    """A record as it was sent, and as it is put into the table in its place."""

    before: GeneratedScore
    after: GeneratedScore

    @property
    def is_move(self) -> bool:
        """Whether another player is given the record."""
        return self.before.username != self.after.username

    @property
    def changes(self) -> int:
        """The changes of totals that it makes: a move is one in each player's total."""
        return 1 + bool(self.before.score) if self.is_move else 1


@dataclass(frozen=True)
class Plan:
    """What is sent, in which packing, and what is changed in the table afterwards."""

    scores: tuple[GeneratedScore, ...]
    aggregated: tuple[bytes, ...]
    singles: tuple[bytes, ...]
    again: tuple[bytes, ...]
    malformed: tuple[bytes, ...]
    conflicting: GeneratedScore
    corrections: tuple[Correction, ...]
    deletions: tuple[GeneratedScore, ...]

    @property
    def players(self) -> int:
        return len({score.username for score in self.scores})

    @property
    def to_send(self) -> int:
        """The payloads to send; singles hold the malformed ones and the texts."""
        return len(self.aggregated) + len(self.singles) + len(self.again) + 1

    @property
    def moves(self) -> tuple[Correction, ...]:
        return tuple(each for each in self.corrections if each.is_move)

    @property
    def deleted_changes(self) -> int:
        """The changes that the deletions make: taking a score of 0 away is none."""
        return sum(bool(each.score) for each in self.deletions)

    @property
    def changes(self) -> int:
        """The changes of totals that all of it makes."""
        corrected = sum(each.changes for each in self.corrections)
        return len(self.scores) + corrected + self.deleted_changes

    @property
    def rejects(self) -> int:
        """The records that must end up in the bucket."""
        return len(self.malformed) + 1


def plan_demo(records: int, users: int, seed: int) -> Plan:
    """A plan with this many scores; the same seed makes the same plan."""
    chance = random.Random(seed)
    scores = tuple(generate_scores(records, users, chance))
    malformed = tuple(malformed_payloads(records // MALFORMED_ONE_IN, chance))
    singles = [each.payload for index, each in enumerate(scores) if index % AGGREGATED_ONE_IN]
    singles += [*malformed, *TEXTS]
    chance.shuffle(singles)
    return Plan(
        scores=scores,
        aggregated=tuple(each.payload for each in scores[::AGGREGATED_ONE_IN]),
        singles=tuple(singles),
        again=tuple(each.payload for each in scores[::SENT_TWICE_ONE_IN]),
        malformed=malformed,
        conflicting=GeneratedScore(scores[0].record_id, "impostor", Decimal(1)),
        corrections=tuple(
            _correct(each, gives_away=index % 2 == 0)
            for index, each in enumerate(scores[1::CORRECTED_ONE_IN])
        ),
        deletions=scores[2::DELETED_ONE_IN],
    )


def _correct(score: GeneratedScore, *, gives_away: bool) -> Correction:
    username = OTHER_PLAYER if gives_away else score.username
    return Correction(score, GeneratedScore(score.record_id, username, score.score + 1))

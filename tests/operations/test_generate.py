"""Generated scores, and what their totals must come to."""

import random
from decimal import Decimal

from operations.scores.generate import Tally, generate_scores, malformed_payloads


def test_generated_scores_repeat_with_their_seed_and_reach_every_user() -> None:
    first, again = (list(generate_scores(500, 50, random.Random(4))) for _ in range(2))

    assert first == again
    assert len({score.username for score in first}) == 50
    assert len({score.record_id for score in first}) == 500
    assert len(malformed_payloads(10, random.Random(4))) == 10


def test_the_tally_names_missing_surplus_and_wrong_totals() -> None:
    tally = Tally()
    tally.add("Ann", Decimal(1))
    tally.add("Ben", Decimal(2))

    assert tally.differences({"Ben": Decimal(3), "Cid": Decimal(4)}) == {
        "Ann": (Decimal(0), Decimal(1)),
        "Ben": (Decimal(3), Decimal(2)),
        "Cid": (Decimal(4), Decimal(0)),
    }

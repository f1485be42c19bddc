"""Who plays, by Zipf's law: the second plays half as much as the first, the third a third."""

import itertools
import random
from collections.abc import Iterator
from functools import cache

DRAWN_AT_ONCE = 1_000


def zipf_players(users: int, chance: random.Random) -> Iterator[int]:
    """Players without end, the busiest is 0; of a million it has 7 percent of all records."""
    numbers = range(users)
    while True:
        yield from chance.choices(numbers, cum_weights=_cumulated(users), k=DRAWN_AT_ONCE)


@cache
def _cumulated(users: int) -> list[float]:
    return list(itertools.accumulate(1 / rank for rank in range(1, users + 1)))

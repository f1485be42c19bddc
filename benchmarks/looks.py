"""How each contender is called and drawn, in tables, plots and the exactness beside rivals."""

from typing import NamedTuple

OURS = "ours"


class Look(NamedTuple):
    """A contender's title, as the documents have it, and how it is drawn.

    Curves that coincide are told apart by their widths: the wide ones lie below the narrow ones.
    """

    title: str
    colour: str
    marker: str
    width: float


LOOKS = {
    "lab": Look("the lab's handler", "#b8c2cc", "o", 7),
    "powertools-batch": Look("Powertools' batch processor", "#7b6fa8", "s", 4),
    "powertools-idempotent": Look("… with its idempotency layer", "#c06c52", "v", 2),
    "transaction": Look("a transaction and a marker a record", "#d9a441", "^", 1.5),
    OURS: Look("Game Scores", "#0b7a75", "D", 1.5),
}
"""By the name under which the figures are kept, in the order of showing."""


def title_of(name: str) -> str:
    """The contender's title; what is no contender keeps its name."""
    return LOOKS[name].title if name in LOOKS else name

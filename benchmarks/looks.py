"""How contenders and scenarios are called and drawn, wherever they are shown."""

from typing import NamedTuple

OURS = "ours"


class Look(NamedTuple):
    """A contender's title, as the documents have it, and the colour that it is drawn in."""

    title: str
    colour: str


LOOKS = {
    "lab": Look("the lab's handler", "#b8c2cc"),
    "powertools-batch": Look("Powertools' batch processor", "#7b6fa8"),
    "powertools-idempotent": Look("… with its idempotency layer", "#c06c52"),
    "transaction": Look("a transaction and a marker a record", "#d9a441"),
    OURS: Look("Game Scores", "#0b7a75"),
}
"""By the name under which the figures are kept, in the order of showing."""

SCENARIOS = {
    "fresh": "each user new",
    "steady": "100 steady users",
    "20 users": "20 users",
    "one user": "one user",
}
"""The scenarios of adding that pages and plots show, by the name of their figures."""


def title_of(name: str) -> str:
    """The contender's title; what is no contender keeps its name."""
    return LOOKS[name].title if name in LOOKS else name

"""What it would save if an execution environment remembered how it left each user's item.

It would know that the item is full and move its receipts at once, instead of being refused first.
It knows so only where no other environment has written the item since: the stream's shards follow
RecordID, so a user's changes come to all of them.
"""

import random

from chalicelib.receipts import room_on_item

ROOM = room_on_item("player-0001")
CHANGES = 200_000
UNITS_OF_A_MOVE = 1
"""What the page costs beside the update, which counts the change."""


def units_with_hints(environments: int) -> float:
    """Write units a change of a steady user, whose changes reach any of the environments."""
    chance = random.Random(1)
    receipts, last, units = 0, -1, 0
    for _ in range(CHANGES):
        environment = chance.randrange(environments)
        if receipts == ROOM:
            remembered = environment == last
            units += UNITS_OF_A_MOVE + (0 if remembered else 1)
            receipts = 0
        units += 1
        receipts += 1
        last = environment
    return units / CHANGES

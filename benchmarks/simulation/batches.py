"""How records gather into batches on their way from the stream to a total, second by second.

A lane is a shard, or one of the batches of a shard that the ParallelizationFactor allows at a time.
What is delivered together follows from the rate of a lane, the batch size, the batching window, and
how long the batch before takes: whatever comes meanwhile waits, and is delivered together, too.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html#invocation-eventsourcemapping-batching
"""

import bisect
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import quantiles

MilliSeconds = Callable[[int], float]
"""How long a function takes for a batch of so many records."""


@dataclass(frozen=True)
class Mapping:
    """An event source mapping, with all that decides what is delivered together."""

    lanes: int
    batch_size: int
    window_seconds: float
    poll_seconds: float
    """How often a shard is read."""

    milliseconds: MilliSeconds


@dataclass(frozen=True)
class Delivered:
    """What became of the records: when each was written, and what the batches were."""

    written: list[float]
    sizes: list[int]
    milliseconds: list[float]

    @property
    def records_a_batch(self) -> float:
        """As a record finds it: the size of the batch that it came with, on average."""
        return sum(size * size for size in self.sizes) / sum(self.sizes)


@dataclass(frozen=True)
class Course:
    """A load's way through both functions."""

    ingestion: Delivered
    aggregation: Delivered
    seconds: float
    shown_after_seconds: list[float]
    """How long after a record came its user's total held it, a figure a record."""

    def shown_after(self, percent: int) -> float:
        """So many percent of the records are in their totals by then."""
        return quantiles(self.shown_after_seconds, n=100)[percent - 1]


def run_through(
    records_per_second: float,
    ingestion: Mapping,
    aggregation: Mapping,
    *,
    seconds: float,
    chance: random.Random,
) -> Course:
    """Let that many records come by chance, for so long, and follow each into its total."""
    came = sorted(
        chance.uniform(0, seconds) for _ in range(math.ceil(records_per_second * seconds))
    )
    stored = deliver(came, ingestion, chance)
    added = deliver(stored.written, aggregation, chance)
    waited = [end - begin for begin, end in zip(came, added.written, strict=True)]
    return Course(stored, added, seconds, waited)


def deliver(came: Sequence[float], mapping: Mapping, chance: random.Random) -> Delivered:
    """Deliver the records, each on a lane by chance; `written` keeps their order."""
    lanes: list[list[int]] = [[] for _ in range(mapping.lanes)]
    for record in sorted(range(len(came)), key=came.__getitem__):
        lanes[chance.randrange(mapping.lanes)].append(record)
    delivered = Delivered([0.0] * len(came), [], [])
    for lane in lanes:
        phase = chance.uniform(0, mapping.poll_seconds)
        polls = (math.ceil((came[record] - phase) / mapping.poll_seconds) for record in lane)
        readable = [phase + poll * mapping.poll_seconds for poll in polls]
        _deliver_lane(lane, readable, mapping, delivered)
    return delivered


def _deliver_lane(
    lane: Sequence[int], readable: Sequence[float], mapping: Mapping, delivered: Delivered
) -> None:
    first, free = 0, 0.0
    while first < len(lane):
        full = first + mapping.batch_size
        closed = readable[first] + mapping.window_seconds
        if full <= len(lane):
            closed = min(closed, readable[full - 1])
        start = max(closed, free)
        end = min(full, bisect.bisect_right(readable, start))
        milliseconds = mapping.milliseconds(end - first)
        for place, record in enumerate(lane[first:end], 1):
            delivered.written[record] = start + milliseconds / 1000 * place / (end - first)
        delivered.sizes.append(end - first)
        delivered.milliseconds.append(milliseconds)
        first, free = end, start + milliseconds / 1000

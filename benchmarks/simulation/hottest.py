"""The hottest user: how many records a second of one user the totals keep up with, simulated.

Batches arrive by chance, and each makes the very requests that we or a rival make.
"""

import heapq
import itertools
import random

from benchmarks.simulation.assumptions import PARTITION_WRITE_UNITS, Service, Writer
from benchmarks.simulation.our_user import OurUser
from benchmarks.simulation.partition import Partition, Run

WARM_UP_SECONDS = 1
GRACE_SECONDS = 1
LATE = 0.01
"""The share of the batches that may be in later than `GRACE_SECONDS` after the last arrived."""


class RivalUser:
    """One user's item as a rival uses it: an update a record, which may be in a transaction.

    Who finds no units left, or meets a transaction under way, comes again after a pause.
    """

    def __init__(self, writer: Writer, chance: random.Random) -> None:
        self._writer = writer
        self._chance = chance
        self._service = Service()
        self._partition = Partition()
        self._moving_until = 0.0

    def add(self, records: int, now: float) -> Run:
        """An invocation's part in it: its records one after the other."""
        for _ in range(records):
            for attempt in itertools.count():
                if self._taken(now):
                    break
                pause = min(0.5, 0.02 * 2**attempt)
                now = yield 0.005 + self._chance.uniform(0, pause)

    def _taken(self, now: float) -> bool:
        if not self._partition.take(now, self._writer.own_item_units) or now < self._moving_until:
            return False
        if self._writer.own_item_units > 1:
            factor = self._service.transaction_factor
            self._moving_until = now + self._service.latency_ms(self._chance) * factor / 1000
        return True


def hottest_that_keeps_up(writer: Writer, *, batch: int = 100, share: float = 1.0) -> float:
    """Records a second of one user, up to which the totals keep up: the last rate that does.

    `share` is the user's share of each batch.
    """
    low, high = 0.0, 200_000.0
    while high - low > max(10.0, low * 0.02):
        rate = (low + high) / 2
        if keeps_up(writer, rate, batch=batch, share=share):
            low = rate
        else:
            high = rate
    return low


def keeps_up(writer: Writer, rate: float, *, batch: int, share: float, seconds: int = 8) -> bool:
    """Whether one user's records of that rate go in, second after second, on one item."""
    chance = random.Random(7)
    in_batch = max(1, round(batch * share)) if writer.grouped else 1
    arrivals = int(rate / in_batch * seconds)
    if rate / in_batch * writer.own_item_units > PARTITION_WRITE_UNITS:
        return False
    user: OurUser | RivalUser = (
        OurUser(writer, chance) if writer.grouped else RivalUser(writer, chance)
    )
    moments: list[tuple[float, int, Run | None]] = [
        (WARM_UP_SECONDS + chance.random() * seconds, number, None) for number in range(arrivals)
    ]
    heapq.heapify(moments)
    late = 0
    while moments:
        now, number, run = heapq.heappop(moments)
        if now > WARM_UP_SECONDS + seconds + GRACE_SECONDS:
            late += 1
            continue
        try:
            if run is None:
                run = user.add(in_batch, now)
                pause = next(run)
            else:
                pause = run.send(now)
        except StopIteration:
            continue
        heapq.heappush(moments, (now + pause, number, run))
    return late <= arrivals * LATE

"""The hottest user: how many records a second of one user the totals keep up with, simulated.

Batches arrive by chance, and each makes the very requests that `chalicelib/totals.py` or a rival
makes, all on one item. Two partitions hold what belongs to a user, the item's and its pages'; each
gives its units, counted in tenths of a second.
"""

import heapq
import itertools
import math
import random
from collections.abc import Callable, Generator
from typing import NamedTuple

from benchmarks.dynamodb.tables import READ_UNIT_BYTES, WRITE_UNIT_BYTES, Usage
from benchmarks.simulation import PARTITION_WRITE_UNITS, Service, Writer
from chalicelib.receipts import first_page_of, room_on_item
from chalicelib.totals import LONGEST_PAUSE_SECONDS, SHORTEST_PAUSE_SECONDS

PARTITION_READ_UNITS = 3_000
"""Read units a second of one partition:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"""

USERNAME = "player-0001"
ROOM = room_on_item(USERNAME)
BYTES_OF_A_RECEIPT = 16
BYTES_OF_THE_REST = len(f"Username{USERNAME}ScoreReceiptsLastPage{first_page_of(0)}") + 26 + 8
"""Of an item without its receipts: names and values, of a page's key what follows its second, too.
A page's differ by a few bytes."""

SDK_PAUSE_SECONDS = 0.05
"""How long botocore waits at most before it sends a throttled request again; then twice as long."""

WARM_UP_SECONDS = 1
GRACE_SECONDS = 1
LATE = 0.01
"""The share of the batches that may be in later than `GRACE_SECONDS` after the last arrived."""

Run = Generator[float, float, None]
"""An invocation: yields how many seconds pass until its next moment, and is sent that moment."""


class ItemState(NamedTuple):
    """What stands on the user's item; `archived_second` is the time that LastPage begins with."""

    version: int = 0
    receipts: int = 0
    newest_second: int = 0
    newest_receipts: int = 0
    """How many of the receipts are of the newest second."""

    archived_second: int = -1
    page: int = -1
    """LastPage; -1: none yet."""

    def with_receipts(self, records: int, second: int) -> "ItemState":
        """The item after an update that adds so many records of that second."""
        newest = self.newest_receipts if second <= self.newest_second else 0
        return self._replace(
            version=self.version + 1,
            receipts=self.receipts + records,
            newest_second=max(self.newest_second, second),
            newest_receipts=newest + (records if second >= self.newest_second else 0),
        )


class Page(NamedTuple):
    """A page of the archive; its number is that of the item's version that it was made for."""

    number: int
    second: int
    receipts: int


class Partition:
    """What one partition still gives in this tenth of a second."""

    def __init__(self) -> None:
        self._tenth = -1
        self._write_units = self._read_units = 0.0

    def take(self, now: float, write_units: float, read_units: float = 0.0) -> bool:
        """Whether the request is served; one that alone exceeds a tenth's units is, once in it."""
        if int(now * 10) != self._tenth:
            self._tenth, self._write_units, self._read_units = int(now * 10), 0.0, 0.0
        write_units, read_units = self._write_units + write_units, self._read_units + read_units
        too_many = write_units > PARTITION_WRITE_UNITS / 10 and self._write_units
        if too_many or (read_units > PARTITION_READ_UNITS / 10 and self._read_units):
            return False
        self._write_units, self._read_units = write_units, read_units
        return True


class OurUser:
    """One user's item and pages, as `chalicelib/totals.py` uses them."""

    def __init__(self, writer: Writer, chance: random.Random) -> None:
        self.chance = chance
        self.item = ItemState()
        self.item_partition, self.pages_partition = Partition(), Partition()
        self.pages: dict[int, Page] = {}
        self.usage = Usage()
        self._service = Service()
        self._cpu_seconds = writer.cpu_ms_per_request / 1000

    def add(self, records: int, now: float) -> Run:
        """An invocation with so many records of the second in which it begins."""
        return _Invocation(self, records, int(now)).run()

    def way(self) -> float:
        """Seconds that a request takes to the service, or its answer back."""
        return self._service.latency_ms(self.chance) / 2000

    def send(
        self, partition: Partition, units: Callable[[], tuple[float, float]]
    ) -> Generator[float, float]:
        """Ends when the request is served; `units` are those to write and to read by then."""
        self.usage.requests += 1
        now = yield self._cpu_seconds + self.way()
        for attempt in itertools.count():
            to_write, to_read = units()
            if partition.take(now, to_write, to_read):
                self.usage.write_units += to_write
                self.usage.read_units += to_read
                return
            now = yield self.chance.uniform(0, SDK_PAUSE_SECONDS * 2**attempt)


class _Invocation:
    """`UserTotal._add_once` of one batch, request by request."""

    def __init__(self, user: OurUser, records: int, second: int) -> None:
        self._user = user
        self._records = records
        self._second = second
        self._known_to = -1

    def run(self) -> Run:
        for meeting in itertools.count():
            blindly = self._records <= ROOM
            found = yield from (self._add_blindly(None) if blindly else self._read())
            if found is not None:
                found = yield from self._add_knowing(found)
            if found is None:
                return
            longest = min(LONGEST_PAUSE_SECONDS, SHORTEST_PAUSE_SECONDS * 2**meeting)
            yield self._user.chance.uniform(0, longest)

    def _add_knowing(self, found: ItemState) -> Generator[float, float, ItemState | None]:
        checked = None
        if found.archived_second >= self._second:
            yield from self._look_up(found.page)
            checked = found.page
        if found.receipts + self._records <= ROOM:
            return (yield from self._add_blindly(checked))
        return (yield from self._add_and_move(found))

    def _read(self) -> Generator[float, float, ItemState | None]:
        user = self._user
        yield from user.send(user.item_partition, lambda: (0, read_units(user.item.receipts)))
        found = user.item
        yield user.way()
        return found

    def _look_up(self, page: int) -> Generator[float, float]:
        user = self._user
        if self._known_to >= page:
            return

        def units() -> tuple[float, float]:
            read = [
                each.receipts
                for each in user.pages.values()
                if each.second >= self._second and each.number > self._known_to
            ]
            return 0, read_units(sum(read), items=len(read))

        yield from user.send(user.pages_partition, units)
        self._known_to = page
        yield user.way()

    def _add_blindly(self, checked: int | None) -> Generator[float, float, ItemState | None]:
        user, records = self._user, self._records

        def fits() -> bool:
            newer = user.item.archived_second < self._second
            right_age = newer if checked is None else user.item.page == checked
            return right_age and user.item.receipts + records <= ROOM

        def units() -> tuple[float, float]:
            return write_units(user.item.receipts + (records if fits() else 0)), 0

        yield from user.send(user.item_partition, units)
        refusal = None if fits() else user.item
        if refusal is None:
            user.item = user.item.with_receipts(records, self._second)
        yield user.way()
        return refusal

    def _add_and_move(self, found: ItemState) -> Generator[float, float, ItemState | None]:
        user, records = self._user, self._records
        left = found
        if found.receipts:
            left, page = move(found, records)
            yield from user.send(user.pages_partition, lambda: (write_units(page.receipts), 0))
            user.pages[page.number] = page
            yield user.way()

        def as_found() -> bool:
            return user.item.version == found.version

        def units() -> tuple[float, float]:
            after = left.receipts + records if as_found() else 0
            return write_units(max(user.item.receipts, after)), 0

        yield from user.send(user.item_partition, units)
        refusal = None if as_found() else user.item
        if refusal is None:
            user.item = left.with_receipts(records, self._second)
        yield user.way()
        return refusal


def move(found: ItemState, wanted: int) -> tuple[ItemState, Page]:
    """What stays on the item and the page that the others go to, as `receipts.plan_move` plans."""
    kept, second = found.newest_receipts, found.newest_second - 1
    if kept == found.receipts or kept + wanted > ROOM:
        kept, second = 0, found.newest_second
    second = max(second, found.archived_second)
    page = Page(found.version, second, found.receipts - kept)
    left = found._replace(
        receipts=kept, newest_receipts=kept, archived_second=second, page=page.number
    )
    return left, page


def write_units(receipts: int) -> int:
    """What a write of an item or page with so many receipts costs."""
    return math.ceil((BYTES_OF_THE_REST + receipts * BYTES_OF_A_RECEIPT) / WRITE_UNIT_BYTES)


def read_units(receipts: int, items: int = 1) -> int:
    """What a consistent read of so many receipts costs."""
    size = items * BYTES_OF_THE_REST + receipts * BYTES_OF_A_RECEIPT
    return max(1, math.ceil(size / READ_UNIT_BYTES))


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

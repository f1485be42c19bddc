"""Our requests for the hottest user's batches, all on one item and its pages.

Each invocation makes the very requests that `chalicelib/totals.py` makes.
"""

import itertools
import math
import random
from collections.abc import Callable, Generator
from typing import NamedTuple

from benchmarks.simulation.assumptions import Service, Writer
from benchmarks.simulation.partition import Partition, Run
from chalicelib.receipts import first_page_of, room_on_item
from chalicelib.totals import LONGEST_PAUSE_SECONDS, SHORTEST_PAUSE_SECONDS
from dynamodb_model.tables import READ_UNIT_BYTES, WRITE_UNIT_BYTES, Usage

USERNAME = "player-0001"
ROOM = room_on_item(USERNAME)
BYTES_OF_A_RECEIPT = 16
BYTES_OF_THE_REST = len(f"Username{USERNAME}ScoreReceiptsLastPage{first_page_of(0)}") + 26 + 8
"""Of an item without its receipts: names and values, of a page's key what follows its second, too.
A page's differ by a few bytes."""

SDK_PAUSE_SECONDS = 0.05
"""How long botocore waits at most before it sends a throttled request again; then twice as long."""


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
        """The item after an update that adds these records of that second."""
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
        """An invocation whose records are of the second in which it begins."""
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
    """What it costs to write an item or page with that number of receipts."""
    return math.ceil((BYTES_OF_THE_REST + receipts * BYTES_OF_A_RECEIPT) / WRITE_UNIT_BYTES)


def read_units(receipts: int, items: int = 1) -> int:
    """What it costs to read that number of receipts consistently."""
    size = items * BYTES_OF_THE_REST + receipts * BYTES_OF_A_RECEIPT
    return max(1, math.ceil(size / READ_UNIT_BYTES))

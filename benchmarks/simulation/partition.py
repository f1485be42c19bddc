"""One partition of a table and the units it gives, counted in tenths of a second."""

from collections.abc import Generator

from benchmarks.simulation.assumptions import PARTITION_WRITE_UNITS

PARTITION_READ_UNITS = 3_000
"""Read units a second of one partition:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"""

Run = Generator[float, float, None]
"""An invocation: yields how many seconds pass until its next moment, and is sent that moment."""


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

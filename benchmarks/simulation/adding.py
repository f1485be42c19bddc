"""What adding a batch of a million players takes, by its size.

Measured; between two measured sizes on a straight line over the size's logarithm.
"""

import math
from collections.abc import Iterable
from itertools import pairwise

from benchmarks.results import Row


class Adding:
    """Requests and write units a record, as the aggregator makes them."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = sorted(
            (row for row in rows if row.get("measured") == "adding"),
            key=lambda row: row["batch"],
        )

    def write_units(self, batch: float) -> float:
        """Write units a record in batches of that size, refused updates and pages included."""
        return self._between("write_units_per_record", batch)

    def requests(self, batch: float) -> float:
        """Requests a record."""
        return self._between("requests_per_record", batch)

    def _between(self, figure: str, batch: float) -> float:
        for smaller, larger in pairwise(self._rows):
            if batch <= larger["batch"]:
                way = math.log(max(batch, smaller["batch"]) / smaller["batch"])
                share = way / math.log(larger["batch"] / smaller["batch"])
                return float(smaller[figure] + (larger[figure] - smaller[figure]) * share)
        return float(self._rows[-1][figure])

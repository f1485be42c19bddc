"""What the totals must come to once everything that was sent is counted."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from chalicelib.scores import ScoreRecord, exact_sum


@dataclass
class Tally:
    """Sums by user over records that pass by; a RecordID counts once, as in the pipeline."""

    totals: dict[str, Decimal] = field(default_factory=dict)
    repeated: int = 0
    _ids: set[Decimal] = field(default_factory=set)

    def payloads(self, scores: Iterable[tuple[bytes, ScoreRecord]]) -> Iterator[bytes]:
        """The scores' payloads, each counted as it is taken."""
        for payload, record in scores:
            if record.record_id in self._ids:
                self.repeated += 1
            else:
                self._ids.add(record.record_id)
                self._add(record.username, record.score)
            yield payload

    def _add(self, username: str, score: Decimal) -> None:
        self.totals[username] = exact_sum((self.totals.get(username, Decimal(0)), score))

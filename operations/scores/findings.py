"""What is wrong with the lines of a file of scores, so that it is named before they are sent."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from chalicelib import words
from chalicelib.scores import DIGEST_ATTRIBUTE, EXACT
from operations.scores.files import BadLine, Line

MOST_NAMED = 20


class Findings:
    """Lines that are no score records, and lines that say of an id something else than before.

    An id's first content counts; any other will be rejected.
    """

    def __init__(self) -> None:
        self.good = self.bad = self.conflicting = 0
        self._named: list[str] = []
        self._contents: dict[Decimal, bytes] = {}

    def take(self, lines: Iterable[Line | BadLine], *, skip_invalid: bool) -> Iterator[Line]:
        """The lines that can be sent; a bad one is raised or else passed over."""
        for line in lines:
            if isinstance(line, BadLine):
                if not skip_invalid:
                    raise line
                self.bad += 1
                self._name(str(line))
                continue
            record_id, content = line.record.record_id.normalize(EXACT), _digest(line.record.item)
            if self._contents.setdefault(record_id, content) != content:
                self.conflicting += 1
                self._name(
                    f"{line.place}: {words.RECORD_ID} {record_id:f} has other content than before "
                    "in the file: it will be rejected, the first one counts."
                )
            self.good += 1
            yield line

    @property
    def report(self) -> str:
        """The first of them by name, and how many more there are; empty if there are none."""
        more = self.bad + self.conflicting - len(self._named)
        return "\n".join([*self._named, *([f"And {more:,} more like these."] if more else [])])

    def _name(self, what: str) -> None:
        if len(self._named) < MOST_NAMED:
            self._named.append(what)


def _digest(item: Mapping[str, Any]) -> bytes:
    """The same for items of the same content, however their numbers are written."""
    fields = {name: value for name, value in item.items() if name != DIGEST_ATTRIBUTE}
    return blake2b(repr(_plain({"M": fields})).encode(), digest_size=8).digest()


def _plain(value: Mapping[str, Any]) -> object:
    ((kind, content),) = value.items()
    if kind == "N":
        return kind, str(Decimal(content).normalize(EXACT))
    if kind == "L":
        return kind, [_plain(each) for each in content]
    if kind == "M":
        return kind, sorted((name, _plain(each)) for name, each in content.items())
    return kind, content

"""How event source mappings deliver a stream's shards: at least once, in every way they may.

A batch that fails comes again whole or in halves; a mapping may start again from an older
checkpoint, and two invocations may have the same records at once.
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from tests.proofs.environment import Environment, Handler


class Stream(Protocol):
    """What is delivered: each shard's records, in their order."""

    @property
    def shards(self) -> Sequence[list[dict[str, Any]]]: ...


class Mapping:
    """An event source mapping: delivers a history's shards to a handler, at least once."""

    def __init__(
        self,
        history: Stream,
        handler: Handler,
        environments: Sequence[Environment],
    ) -> None:
        self.history = history
        self.checkpoints = [0] * len(history.shards)
        self.failures = 0
        self.faults = environments[0].faults
        self._handler = handler
        self._environments = environments
        self._pool = ThreadPoolExecutor(len(environments))

    def deliver(self, shard: int, start: int, end: int, *, environment: int = 0) -> bool:
        """Whether an invocation with that part of the shard succeeded."""
        records = self.history.shards[shard][start:end]
        if not records:
            return True
        try:
            self._environments[environment].invoke(self._handler, records)
        except Exception:  # noqa: BLE001 - Lambda does not ask which
            self.failures += 1
            return False
        return True

    def advance(self, shard: int, size: int, *, bisect: bool = False) -> bool:
        """Deliver the next batch; the checkpoint moves only past what succeeded."""
        start = self.checkpoints[shard]
        end = min(start + size, len(self.history.shards[shard]))
        if self.deliver(shard, start, end):
            self.checkpoints[shard] = end
            return True
        if bisect and end - start > 1:
            half = start + (end - start) // 2
            if self.deliver(shard, start, half):
                self.checkpoints[shard] = half
        return False

    def rewind(self, shard: int, records: int) -> None:
        """Start again from an older checkpoint."""
        self.checkpoints[shard] = max(0, self.checkpoints[shard] - records)

    def deliver_at_once(self, parts: Sequence[tuple[int, int, int]]) -> list[bool]:
        """Invocations side by side, each (shard, start, end) in an environment of its own."""
        futures = [
            self._pool.submit(self.deliver, *part, environment=number)
            for number, part in enumerate(parts)
        ]
        return [future.result() for future in futures]

    def drain(self, size: int = 100, most_attempts: int = 5) -> int:
        """Deliver all that is left, without faults; the number of shards that got stuck."""
        self.faults.one_in = 0
        self.faults.let_arrive()
        stuck = 0
        for shard in range(len(self.history.shards)):
            attempts = 0
            while self.checkpoints[shard] < len(self.history.shards[shard]):
                attempts = 0 if self.advance(shard, size) else attempts + 1
                if attempts == most_attempts:
                    stuck += 1
                    break
        return stuck

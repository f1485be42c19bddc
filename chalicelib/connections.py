"""What the functions write to: the stage's tables and bucket, by one set of clients."""

from dataclasses import dataclass, field

from chalicelib.clients import Clients
from chalicelib.records import GameScoreRecords
from chalicelib.rejects import RejectsBucket
from chalicelib.settings import Settings
from chalicelib.totals import GameScoresByUser


@dataclass(frozen=True)
class Connections:
    """The tables and the bucket of the names; what is not written to needs neither name nor client.

    `app.connections` are those that both functions use. Tests and benchmarks hand in others there.
    """

    names: Settings
    clients: Clients = field(default_factory=Clients)

    @property
    def records(self) -> GameScoreRecords:
        """The table of score records."""
        return GameScoreRecords(self.clients.dynamodb, self.names.records_table)

    @property
    def totals(self) -> GameScoresByUser:
        """The table of totals, with the one of archived receipts."""
        names = self.names
        return GameScoresByUser(self.clients.dynamodb, names.totals_table, names.receipts_table)

    @property
    def rejects(self) -> RejectsBucket:
        """The bucket for rejects."""
        return RejectsBucket(self.clients.s3, self.names.rejects_bucket)

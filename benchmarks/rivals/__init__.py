"""The rivals, each in the plainest correct use of its own documentation."""

from benchmarks.rivals import lab, powertools_batch, powertools_idempotent, transaction
from benchmarks.rivals.interface import MakeHandler

AGGREGATORS: dict[str, MakeHandler] = {
    "lab": lab.make_aggregator,
    "powertools-batch": powertools_batch.make_aggregator,
    "powertools-idempotent": powertools_idempotent.make_aggregator,
    "transaction": transaction.make_aggregator,
}
"""Add each stream record's score to its user's total."""

INGESTERS: dict[str, MakeHandler] = {
    "lab": lab.make_ingester,
    "powertools-batch": powertools_batch.make_ingester,
    "powertools-idempotent": powertools_idempotent.make_ingester,
}
"""Log each Kinesis payload; put those that are JSON objects into the table of records."""

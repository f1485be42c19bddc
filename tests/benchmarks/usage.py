"""What the aggregator asks of DynamoDB."""

import itertools

import app
from benchmarks.contenders import our_environment
from benchmarks.events import Players, stream_events
from benchmarks.measuring import CONTEXT
from dynamodb_model.stub import answer_in_process
from dynamodb_model.tables import Tables, Usage


def our_usage(players: Players, batch: int, batches: int) -> Usage:
    """What the aggregator asks of DynamoDB for batches of users without a history."""
    with our_environment("http://127.0.0.1:9"):
        tables = Tables()
        answer_in_process(app.connections.clients.dynamodb.meta.events, tables)
        for each in itertools.islice(stream_events(players, batch, "fresh"), batches):
            app.aggregate_scores_by_user(each, CONTEXT)
    return tables.usage

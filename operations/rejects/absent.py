"""Which records that may have been stored once are not in the table, so that a redrive stores them.

A batch that Lambda gave up may have been stored in part, and so may a Kinesis record that packs
several. What was deleted since comes back by a redrive, and nothing in the table tells it from what
was never stored: so a person is told.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from chalicelib import words
from chalicelib.payloads import decode_kinesis_batch
from operations.aws.stage import INGESTION, Stage
from operations.rejects.objects import LAMBDAS_PREFIX, READERS, RejectsObject

NAMED = 10


def tell_absent(stage: Stage, found: RejectsObject) -> str:
    """What to tell of them; empty if there are none."""
    absent = _absent(stage, dict.fromkeys(_may_have_been_stored(found)))
    if not absent:
        return ""
    more = f" and {len(absent) - NAMED:,} more" if len(absent) > NAMED else ""
    named = ", ".join(map(str, absent[:NAMED]))
    return f"not in the table before, so what was deleted comes back: {named}{more}"


def _may_have_been_stored(found: RejectsObject) -> Iterator[Decimal]:
    """The ids of the score records that the function may have stored when it was given them."""
    if found.function != INGESTION:
        return
    for record in found.records:
        batch = decode_kinesis_batch([record])
        if found.key.startswith(LAMBDAS_PREFIX) or len(batch.records) + len(batch.rejects) > 1:
            yield from (each.record_id for each in batch.records)


def _absent(stage: Stage, ids: Iterable[Decimal]) -> list[Decimal]:
    dynamodb, table = stage.aws.client("dynamodb"), stage.names.records_table

    def is_absent(record_id: Decimal) -> bool:
        key = {words.RECORD_ID: {"N": str(record_id)}}
        answer = dynamodb.get_item(
            TableName=table, Key=key, ProjectionExpression=words.RECORD_ID, ConsistentRead=True
        )
        return "Item" not in answer

    ids = list(ids)
    with ThreadPoolExecutor(READERS, thread_name_prefix="absent") as readers:
        return [
            each for each, absent in zip(ids, readers.map(is_absent, ids), strict=True) if absent
        ]

"""Which rejected records stand corrected in the table, so that nothing is left to do for them.

A record that was invalid counts for nothing. Once a valid one stands in the table under its id, put
there by a person, its score is in the total by that very write. Not so where the record itself was
valid: a total that could not take it still lacks it, and one whose id stood in the table with other
content was never the record that stands there. So the reason tells: it must be just what decoding
the record says by itself.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from chalicelib import words
from chalicelib.documents import Document
from chalicelib.payloads import decode_kinesis_batch, decode_payload, documents_in, payloads_in
from chalicelib.rejects import RejectedRecord, join_reasons
from chalicelib.scores import EventRecord, InvalidRecord, Place, Reject, check_number, parse_number
from chalicelib.stream_records import decode_stream_batch, decode_stream_record
from operations.aws.items import score_of
from operations.aws.stage import AGGREGATOR, INGESTION, Stage
from operations.rejects.objects import RejectsObject


class Corrections:
    """Looks rejected records up in the table of records."""

    def __init__(self, stage: Stage) -> None:
        self._dynamodb = stage.aws.client("dynamodb")
        self._table = stage.names.records_table

    def left_out(self, found: RejectsObject) -> RejectsObject:
        """The object without the records that stand corrected, which are counted."""
        left = tuple(each for each in found.rejects if not self.has(found.function, each))
        return replace(found, rejects=left, corrected=len(found.rejects) - len(left))

    def has(self, function: str, rejected: RejectedRecord) -> bool:
        """Whether the record was invalid and stands in the table, valid."""
        ids = invalid_ids(function, rejected)
        return bool(ids) and all(map(self._is_valid, ids))

    def _is_valid(self, record_id: Decimal) -> bool:
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={words.RECORD_ID: {"N": str(record_id)}}, ConsistentRead=True
        )
        return "Item" in answer and score_of(answer["Item"]) is not None


def invalid_ids(function: str, rejected: RejectedRecord) -> list[Decimal]:
    """The ids of all that is invalid in the record; none where that is not all that is wrong.

    A Kinesis record that packs many may hold several; where one of them tells no id, none is told.
    """
    if not isinstance(rejected.record, Mapping):
        return []
    try:
        if function == INGESTION:
            return _invalid_ids_in_kinesis_record(rejected)
        if function == AGGREGATOR:
            return [_invalid_id_in_stream_record(rejected)]
    except InvalidRecord:
        pass
    return []


def _invalid_ids_in_kinesis_record(rejected: RejectedRecord) -> list[Decimal]:
    reasons = [each.reason for each in decode_kinesis_batch([rejected.record]).rejects]
    if rejected.reason != join_reasons(reasons):
        raise InvalidRecord("it was rejected for another reason, too")
    return [
        _id_in(document)
        for payload in payloads_in(rejected.record)
        for document, outcome in zip(
            documents_in(payload), decode_payload(Place(0), payload), strict=False
        )
        if isinstance(outcome, Reject)
    ]


def _id_in(document: Document) -> Decimal:
    fields = document.value
    if not isinstance(fields, dict) or getattr(fields, "key", "") == words.RECORD_ID:
        raise InvalidRecord("it tells no id")
    return check_number(words.RECORD_ID, fields.get(words.RECORD_ID))


def _invalid_id_in_stream_record(rejected: RejectedRecord) -> Decimal:
    record: EventRecord = rejected.record
    reasons = [each.reason for each in decode_stream_batch([record]).rejects]
    if reasons != [rejected.reason] or decode_stream_record(Place(0), record).problem is None:
        raise InvalidRecord("it was rejected for another reason, too")
    keys = record["dynamodb"].get("Keys")
    attribute = keys.get(words.RECORD_ID) if isinstance(keys, Mapping) else None
    record_id = attribute.get("N") if isinstance(attribute, Mapping) else None
    return check_number(words.RECORD_ID, parse_number(str(record_id)))

"""Both functions on events as Lambda delivers them."""

from tests.conftest import Invoke
from tests.data_stack import DataStack
from tests.recorded import recorded_kinesis_record, recorded_stream_record


def test_a_kinesis_event_as_recorded_is_stored(ingest: Invoke, data: DataStack) -> None:
    payloads = [b'{"RecordID": %d, "Username": "Ann", "Score": 5}' % number for number in (1, 2)]
    records = [recorded_kinesis_record(data, number) for number, data in enumerate(payloads)]

    answer = ingest(*records)

    assert answer == "Successfully processed 2 records."
    assert sorted(data.records) == ["1", "2"]
    assert data.rejects == []


def test_a_tables_event_as_recorded_is_counted_once(aggregate: Invoke, data: DataStack) -> None:
    image = {
        "RecordID": {"N": "1"},
        "Username": {"S": "Ann"},
        "Score": {"N": "5"},
        "PayloadDigest": {"B": "Zm9vYmFy"},
    }
    corrected = {**image, "Score": {"N": "7"}}
    records = [
        recorded_stream_record(image),
        recorded_stream_record(corrected, image, number=1),
        recorded_stream_record(None, corrected, number=2),
    ]

    aggregate(*records[:2])
    assert data.totals == {"Ann": 7}
    aggregate(*records)

    assert data.totals == {"Ann": 0}
    assert data.rejects == []

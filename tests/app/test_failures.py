"""Failures of the environment rise, so that Lambda delivers again; nothing is lost or doubled."""

import pytest
from botocore.exceptions import ClientError

from chalicelib.clients import Clients
from tests.builders import inserted, kinesis_record
from tests.conftest import Invoke
from tests.data_stack import DataStack
from tests.faults import failing

FAILURES = [
    "AccessDeniedException",
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
]
"""Lost connections and answers that do not come: tests/proofs/test_wire.py."""


@pytest.fixture(autouse=True)
def _no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.retries.standard.time.sleep", lambda _: None, raising=False)


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failing_insertion_rises_and_the_redelivery_stores_all(
    ingest: Invoke, clients: Clients, data: DataStack, failure: str
) -> None:
    batch = [
        kinesis_record({"RecordID": number, "Username": "Ann", "Score": 1}) for number in range(5)
    ]
    batch.append(kinesis_record(b'{"Score": 1}'))

    with (
        failing(clients.dynamodb, "PutItem", failure),
        pytest.raises(ClientError),
    ):
        ingest(*batch)
    ingest(*batch)

    assert len(data.records) == 5
    assert len(data.rejects) == 1


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failing_addition_rises_and_the_redelivery_counts_all_once(
    aggregate: Invoke, clients: Clients, data: DataStack, failure: str
) -> None:
    counted, batch = inserted("Ann", 1), [inserted("Ann", 10), inserted("Ben", 100)]
    aggregate(counted)

    with (
        failing(clients.dynamodb, "UpdateItem", failure),
        pytest.raises(ClientError),
    ):
        aggregate(counted, *batch)
    aggregate(counted, *batch)

    assert data.totals == {"Ann": 11, "Ben": 100}


@pytest.mark.parametrize("failure", ["AccessDenied", "SlowDown", "InternalError"])
def test_a_bucket_that_cannot_be_written_rises_and_the_redelivery_keeps_the_reject(
    ingest: Invoke, clients: Clients, data: DataStack, failure: str
) -> None:
    batch = [
        kinesis_record({"RecordID": 1, "Username": "Ann", "Score": 1}),
        kinesis_record(b'{"Score": 1}'),
    ]

    with failing(clients.s3, "PutObject", failure), pytest.raises(ClientError):
        ingest(*batch)
    ingest(*batch)

    assert len(data.records) == 1
    assert len(data.rejects) == 1


@pytest.mark.parametrize("table", ["GameScoreRecords", "GameScoresByUser"])
def test_a_missing_table_rises(
    ingest: Invoke, aggregate: Invoke, data: DataStack, table: str
) -> None:
    data.dynamodb.delete_table(TableName=table)
    deliver = {
        "GameScoreRecords": lambda: ingest(
            kinesis_record({"RecordID": 1, "Username": "Ann", "Score": 1})
        ),
        "GameScoresByUser": lambda: aggregate(inserted("Ann", 1)),
    }

    with pytest.raises(ClientError, match="ResourceNotFound"):
        deliver[table]()

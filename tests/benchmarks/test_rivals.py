"""The rivals do what their documentation promises."""

from decimal import Decimal
from typing import Any

import pytest

from benchmarks.measuring import CONTEXT
from benchmarks.rivals import AGGREGATORS, INGESTERS
from benchmarks.rivals.interface import RivalSession, RivalTables, create_markers_table
from operations.local.server import EmbeddedAws
from tests.builders import event, inserted, kinesis_record, stream_record
from tests.data_stack import DataStack

TABLES = RivalTables(records="GameScoreRecords", totals="GameScoresByUser")
REMOVAL = stream_record(old={"Username": {"S": "Ada"}, "Score": {"N": "5"}})


@pytest.fixture
def rivals(aws: EmbeddedAws, data: DataStack) -> RivalSession:
    create_markers_table(data.dynamodb, TABLES.markers)
    return RivalSession(aws.session, aws.endpoint_url)


@pytest.mark.parametrize("name", AGGREGATORS)
def test_a_rival_adds_up_what_is_delivered_once(
    rivals: RivalSession, data: DataStack, name: str
) -> None:
    handler = AGGREGATORS[name](rivals, TABLES)

    handler(event(inserted("Ada", "20.5"), inserted("Bob", 7), inserted("Ada", 1)), CONTEXT)

    assert data.totals == {"Ada": Decimal("21.5"), "Bob": Decimal(7)}


@pytest.mark.parametrize(
    ("name", "total"),
    [("lab", 40), ("powertools-batch", 40), ("powertools-idempotent", 20), ("transaction", 20)],
)
def test_rivals_differ_in_what_a_redelivery_does(
    rivals: RivalSession, data: DataStack, name: str, total: int
) -> None:
    handler = AGGREGATORS[name](rivals, TABLES)
    batch = event(inserted("Ada", 20))

    handler(batch, CONTEXT)
    handler(batch, CONTEXT)

    assert data.totals == {"Ada": total}


def test_the_lab_crashes_on_a_deletion(rivals: RivalSession) -> None:
    with pytest.raises(KeyError, match="NewImage"):
        AGGREGATORS["lab"](rivals, TABLES)(event(REMOVAL), CONTEXT)


@pytest.mark.parametrize("name", ["powertools-batch", "powertools-idempotent"])
def test_the_batch_processor_reports_the_record_that_failed(
    rivals: RivalSession, data: DataStack, name: str
) -> None:
    answer: Any = AGGREGATORS[name](rivals, TABLES)(event(inserted("Ada", 20), REMOVAL), CONTEXT)

    failed = REMOVAL["dynamodb"]["SequenceNumber"]
    assert answer == {"batchItemFailures": [{"itemIdentifier": failed}]}
    assert data.totals == {"Ada": 20}


@pytest.mark.parametrize("name", INGESTERS)
def test_a_rival_stores_score_records(rivals: RivalSession, data: DataStack, name: str) -> None:
    score = {"RecordID": 1, "Username": "Ada", "Score": 20}

    INGESTERS[name](rivals, TABLES)(event(kinesis_record(score), kinesis_record(b"text")), CONTEXT)

    assert data.records == {
        "1": {"RecordID": {"N": "1"}, "Username": {"S": "Ada"}, "Score": {"N": "20"}}
    }

"""The verb forget: nothing of a player is left, everything of the others is."""

import base64
import io
import json
import time
from decimal import Decimal
from typing import Any

import pytest

from chalicelib import words
from chalicelib.opening import unpack
from chalicelib.rejects import RejectedRecord, object_key
from chalicelib.scores import ScoreChange
from chalicelib.totals import GameScoresByUser
from operations.aws.stage import AGGREGATOR, INGESTION, Stage
from operations.aws.tables import scan
from operations.rejects.objects import RejectsObject, read_rejects
from operations.rejects.redaction import LEFT_OVER, is_unreadable_but_mentions, without_player
from operations.scores.events import image, kinesis_record, stream_record
from operations.totals import forget as forgetting
from tests.builders import TODAY, aggregate
from tests.operations.conftest import Shell, records_of, totals, until
from tests.operations.repairing import switch

pytestmark = pytest.mark.usefixtures("_empty_bucket")

FORGET = ("--yes", "--settle", "1", "--json")
NOW = time.time()


def insert(shell: Shell, record_id: int, player: str, score: int) -> None:
    record = {"RecordID": record_id, "Username": player, "Score": score}
    assert shell("insert", json.dumps(record), "--replace").status == 0


def archive(stage: Stage, player: str) -> None:
    """So many changes that the player has pages; they add nothing in the end."""
    names = stage.names
    table = GameScoresByUser(stage.aws.client("dynamodb"), names.totals_table, names.receipts_table)
    for start in range(0, 120, 40):
        table.add(
            ScoreChange(
                player,
                Decimal(1 if number % 2 else -1),
                int(NOW + start).to_bytes(4, "big") + number.to_bytes(12, "big"),
                0,
            )
            for number in range(start, start + 40)
        )


def store(stage: Stage, function: str, *records: Any, key: str = "") -> str:
    key = key or object_key(function, records)
    rejects = [{"reason": "it was broken then", "record": record} for record in records]
    body = json.dumps({"function": function, "rejects": rejects}).encode()
    stage.aws.client("s3").put_object(Bucket=stage.names.rejects_bucket, Key=key, Body=body)
    return key


def store_failure(stage: Stage, *records: Any) -> str:
    """As Lambda stores an event that it gave up."""
    key = "aws/lambda/1/shardId-000000000000/2026/11/24/2026-11-24T06.00.00-1"
    content = {
        "requestContext": {
            "functionArn": f"arn:aws:lambda:us-east-1:0:function:{stage.function_name(AGGREGATOR)}",
            "condition": "MaxRecordAgeExceeded",
        },
        "payload": json.dumps({"Records": records}),
    }
    stage.aws.client("s3").put_object(
        Bucket=stage.names.rejects_bucket, Key=key, Body=json.dumps(content).encode()
    )
    return key


def moved(new: str, old: str, number: int) -> dict[str, Any]:
    """A change that gives a record of 5 to another player."""
    return stream_record(image(new, 5), image(old, 5), at=NOW, number=int(NOW * 1e6) + number)


def everything(stage: Stage) -> bytes:
    """All that the tables and all versions in the bucket hold, Kinesis data decoded."""
    names, dynamodb = stage.names, stage.aws.client("dynamodb")
    held = [
        repr(item).encode()
        for table in (names.records_table, names.totals_table, names.receipts_table)
        for item in scan(dynamodb, table)
    ]
    s3, bucket = stage.aws.client("s3"), stage.names.rejects_bucket
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in page.get("Versions", []):
            body = s3.get_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
            content = body["Body"].read()
            held.append(content)
            if b'"kinesis"' in content:
                held += [
                    base64.b64decode(reject["record"]["kinesis"]["data"])
                    for reject in json.loads(content)["rejects"]
                ]
    return b"\n".join(held)


def test_nothing_of_the_player_is_left_while_the_functions_run_and_others_keep_theirs(
    shell: Shell, stage: Stage
) -> None:
    for number in range(4):
        insert(shell, 60_000 + number, "Erin", 5)
    insert(shell, 60_010, "Bela", 7)
    stage.aws.client("dynamodb").put_item(
        TableName=stage.names.records_table,
        Item={"RecordID": {"N": "60020"}, "Username": {"S": "Erin"}, "Score": {"S": "five"}},
    )
    archive(stage, "Erin")
    until(lambda: totals(stage, "Erin", "Bela"), {"Erin": Decimal(20), "Bela": Decimal(7)})
    theirs = kinesis_record({"RecordID": 60_030, "Username": "Erin"}, at=NOW)
    others = kinesis_record({"RecordID": 60_031, "Username": "Bela"}, at=NOW)
    only = store(stage, INGESTION, theirs)
    store(stage, INGESTION, theirs)  # the version before holds it, too
    mixed = store(stage, INGESTION, others, theirs)
    packed = aggregate(
        {"RecordID": 60_032, "Username": "Bela"}, {"RecordID": 60_033, "Username": "Erin"}
    )
    whole = store(stage, INGESTION, kinesis_record(packed, at=NOW))
    given = store(stage, AGGREGATOR, moved("Bela", "Erin", 1))
    failed = store_failure(stage, stream_record(image("Erin", 5), at=NOW), moved("Erin", "Bela", 2))
    dry = shell("forget", "Erin", "--dry-run", "--json")

    answer = shell("forget", "Erin", *FORGET)

    assert (dry.status, answer.status) == (0, 0), answer.err
    assert dry.json["records"] == answer.json["records"] == 5
    assert answer.json["totals"] == 1
    assert answer.json["pages"] > 0
    assert b"Erin" not in everything(stage)
    assert records_of(stage, "Bela").keys() == {"60010"}
    s3, bucket = stage.aws.client("s3"), stage.names.rejects_bucket
    left = {each.key: each for each in read_rejects(s3, bucket)}
    assert left.keys() == {mixed, whole, given, failed}
    assert only not in left
    assert left[mixed].records == [others]
    data = base64.b64decode(left[whole].records[0]["kinesis"]["data"])
    assert [json.loads(each)["RecordID"] for each in unpack(data).user_records] == [60_032]
    assert left[whole].rejects[0].reason == "user record 0: the record has no Score"
    assert [each.records[0]["eventName"] for each in (left[given], left[failed])] == [
        "INSERT",
        "REMOVE",
    ]
    shell("rejects", "redrive")
    until(lambda: totals(stage, "Bela"), {"Bela": Decimal(7 + 5 - 5)})
    assert totals(stage, "Erin") == {}


def test_it_can_be_repeated_and_tells_what_remains_where(shell: Shell, stage: Stage) -> None:
    insert(shell, 61_000, "Finn", 5)
    until(lambda: totals(stage, "Finn"), {"Finn": Decimal(5)})
    shell("forget", "Finn", *FORGET)

    again = shell("forget", "Finn", "--yes", "--settle", "0")
    as_json = shell("forget", "Finn", *FORGET).json

    assert again.status == 0
    assert f"Nothing of the {words.PLAYER} is left" in again.out
    assert (as_json["records"], as_json["totals"], as_json["objects"]) == (0, 0, 0)
    remains = {each["where"]: each["stays"] for each in as_json["remains"]}
    assert remains[f"the stream {stage.names.stream}"] == "24 hours"
    assert remains[f"the stream of {stage.names.records_table}"] == "24 hours"
    assert remains[f"the log of {AGGREGATOR}"] == "30 days"
    assert any(where.startswith("point-in-time backups") for where in remains)


def test_the_total_stays_until_the_deletions_are_counted(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(shell, 62_000, "Gwen", 5)
    until(lambda: totals(stage, "Gwen"), {"Gwen": Decimal(5)})
    switch(stage, enabled=False)
    refused = shell("forget", "Gwen", *FORGET)
    kept = records_of(stage, "Gwen")
    with monkeypatch.context() as patched:  # it is paused just after it was looked at
        patched.setattr(forgetting, "_refuse_what_waits", lambda _: None)
        stopped = shell("forget", "Gwen", "--yes", "--patience", "1")
    meanwhile = totals(stage, "Gwen")
    switch(stage, enabled=True)
    until(lambda: totals(stage, "Gwen"), {"Gwen": Decimal(0)})

    again = shell("forget", "Gwen", *FORGET)

    assert (refused.status, len(kept)) == (1, 1)
    assert f"{AGGREGATOR} is paused" in refused.err
    assert stopped.status == 1
    assert "so the total stays for now" in stopped.err
    assert meanwhile == {"Gwen": Decimal(5)}
    assert again.status == 0
    assert b"Gwen" not in everything(stage)


def test_what_comes_back_meanwhile_is_erased_too(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(shell, 63_000, "Hugo", 5)
    sleep, more = time.sleep, iter([63_001])

    def come_back(seconds: float) -> None:
        if seconds == 1.25 and (record_id := next(more, None)):
            insert(shell, record_id, "Hugo", 5)
            until(lambda: totals(stage, "Hugo"), {"Hugo": Decimal(5)})
        sleep(seconds)

    monkeypatch.setattr("operations.totals.forget.time.sleep", come_back)

    answer = shell("forget", "Hugo", "--yes", "--settle", "1.25", "--json")

    assert answer.status == 0, answer.err
    assert (answer.json["records"], answer.json["looks"]) == (2, 2)
    assert b"Hugo" not in everything(stage)


def test_an_object_that_cannot_be_read_and_holds_the_name_is_left_to_a_person(
    shell: Shell, stage: Stage
) -> None:
    s3, bucket = stage.aws.client("s3"), stage.names.rejects_bucket
    s3.put_object(Bucket=bucket, Key="notes.txt", Body=b"ask Ines about this")

    answer = shell("forget", "Ines", "--yes", "--settle", "0")
    s3.delete_object(Bucket=bucket, Key="notes.txt")

    assert answer.status == 1
    assert "the name stands in it: notes.txt" in answer.out
    assert f"Nothing of the {words.PLAYER} is left" not in answer.out


class Terminal(io.StringIO):
    """A person at a terminal who types these lines."""

    def isatty(self) -> bool:
        return True


def test_it_asks_for_the_name(shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    insert(shell, 64_000, "Jana", 5)
    until(lambda: totals(stage, "Jana"), {"Jana": Decimal(5)})
    nobody = shell("forget", "Jana")
    monkeypatch.setattr("sys.stdin", Terminal("Jan\nJana\n"))
    wrong = shell("forget", "Jana")
    kept = records_of(stage, "Jana")
    right = shell("forget", "Jana", "--settle", "0.5")
    unnamed = shell("forget", "", "--yes")

    assert (nobody.status, wrong.status, right.status, unnamed.status) == (2, 2, 0, 2)
    assert len(kept) == 1
    assert records_of(stage, "Jana") == {}


def rejects_object(*records: Any, reason: str = "broken") -> RejectsObject:
    rejects = tuple(RejectedRecord(reason, record) for record in records)
    return RejectsObject("rejects/x.json", "1", None, AGGREGATOR, rejects)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "record",
    [
        stream_record(image("Bela", 1)),
        stream_record(image("Erin Too", 1), image("Bela", 1)),
        kinesis_record({"RecordID": 1, "Username": "Bela", "Rival": "Erin"}),
        kinesis_record(b"Erin"),
        kinesis_record(aggregate({"RecordID": 1, "Username": "Bela"})),
        {"kinesis": {"data": "?"}},
        {"dynamodb": None},
        "no record",
    ],
)
def test_what_is_not_the_players_stays_the_very_same(record: Any) -> None:
    found = rejects_object(record)

    assert without_player(found, "Erin") is found


@pytest.mark.parametrize(
    "record",
    [
        stream_record(image("Erin", 1)),
        stream_record(None, image("Erin", 1)),
        stream_record({"RecordID": {"N": "1"}}, image("Erin", 1)),
        kinesis_record({"RecordID": 1, "Username": "Erin"}),
        kinesis_record(aggregate({"RecordID": 1, "Username": "Erin"})),
    ],
)
def test_what_is_only_the_players_goes(record: Any) -> None:
    assert without_player(rejects_object(record), "Erin").rejects == ()


def test_of_a_record_given_to_another_the_others_half_stays_without_the_name() -> None:
    given = stream_record(image("Bela", 1), image("Erin", 1), number=1)
    reason = "the total of 'Erin' cannot take it"

    (left,) = without_player(rejects_object(given, reason=reason), "Erin").rejects

    assert left.record == stream_record(image("Bela", 1), number=1, at=TODAY)
    assert left.reason == LEFT_OVER


@pytest.mark.parametrize(
    ("record", "is_unclear"),
    [
        (kinesis_record(aggregate({"Username": "Erin"})[:-1]), True),
        (kinesis_record(aggregate({"Username": "Bela"})[:-1]), False),
        ({"kinesis": {"data": "Erin?"}}, True),
        (kinesis_record(b"Erin"), False),
        (stream_record(image("Erin", 1)), False),
        ("Erin", False),
    ],
)
def test_damaged_data_in_which_the_name_stands_is_unclear(record: Any, *, is_unclear: bool) -> None:
    assert is_unreadable_but_mentions(record, "Erin") is is_unclear

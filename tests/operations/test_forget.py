"""The verb forget: nothing of a player is left, everything of the others is, all stays exact."""

import base64
import gzip
import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from chalicelib import words
from chalicelib.opening import unpack
from chalicelib.rejects import object_key
from chalicelib.scores import ScoreChange
from chalicelib.totals import GameScoresByUser
from operations.aws.stage import AGGREGATOR, INGESTION, Stage
from operations.aws.tables import ReadMeter, scan
from operations.rejects import erasure
from operations.rejects.erasure import erase, find_holdings
from operations.rejects.objects import list_objects, read_rejects
from operations.rejects.unfinished import find_unfinished, remind, unfinished_of
from operations.scores.events import image, kinesis_record, stream_record
from operations.totals import forget as forgetting
from operations.totals import rebuild as rebuilding
from operations.totals.players_items import PlayersItems
from operations.totals.rebuild import rebuild
from tests.builders import aggregate
from tests.faults import after_next, before_next, lose_next_answer
from tests.operations import days
from tests.operations.conftest import Shell, records_of, totals, until
from tests.operations.repairing import (
    change_total,
    deliver,
    set_total,
    stream_records,
    switch,
)

pytestmark = pytest.mark.usefixtures("_empty_bucket", "_no_versions")

QUICKLY = ("--yes", "--settle", "0.5")
NOW = time.time()


@pytest.fixture
def _no_versions(stage: Stage) -> Iterator[None]:
    """Nothing is in the bucket when the test is over, in no version, and no erasure is left."""
    yield
    for version in versions_under(stage, ""):
        stage.aws.client("s3").delete_object(Bucket=stage.names.rejects_bucket, **version)


def versions_under(stage: Stage, prefix: str) -> list[Any]:
    s3, bucket = stage.aws.client("s3"), stage.names.rejects_bucket
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    return [
        {"Key": each["Key"], "VersionId": each["VersionId"]}
        for page in pages
        for each in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
    ]


def keys(stage: Stage) -> list[str]:
    return [each.key for each in list_objects(stage.aws.client("s3"), stage.names.rejects_bucket)]


def insert(shell: Shell, record_id: int, player: str, score: int) -> None:
    record = {"RecordID": record_id, "Username": player, "Score": score}
    assert shell("insert", json.dumps(record), "--replace").status == 0


def play(shell: Shell, stage: Stage, player: str, *record_ids: int) -> None:
    """Give the player a score of 5 for each of these ids, and wait until they are counted."""
    before = totals(stage, player).get(player, Decimal(0))
    for record_id in record_ids:
        insert(shell, record_id, player, 5)
    until(lambda: totals(stage, player), {player: before + 5 * len(record_ids)})


def archive(stage: Stage, player: str) -> None:
    """So many changes, a month ago, that the player has pages; they add nothing in the end."""
    names = stage.names
    table = GameScoresByUser(stage.aws.client("dynamodb"), names.totals_table, names.receipts_table)
    month_ago = int(NOW) - 30 * 24 * 3600
    for start in range(0, 120, 40):
        table.add(
            ScoreChange(
                player,
                Decimal(1 if number % 2 else -1),
                (month_ago + start).to_bytes(4, "big") + number.to_bytes(12, "big"),
                0,
            )
            for number in range(start, start + 40)
        )


def pages_of(stage: Stage, player: str) -> list[Any]:
    pages = scan(stage.aws.client("dynamodb"), stage.names.receipts_table)
    return [page for page in pages if page["Username"] == {"S": player}]


def total_item(stage: Stage, player: str) -> Any:
    return (
        stage.aws.client("dynamodb")
        .get_item(TableName=stage.names.totals_table, Key={"Username": {"S": player}})
        .get("Item", {})
    )


def store(stage: Stage, function: str, *records: Any, key: str = "") -> str:
    key = key or object_key(function, records)
    rejects = [{"reason": "it was broken then", "record": record} for record in records]
    return put(stage, key, json.dumps({"function": function, "rejects": rejects}).encode())


def put(stage: Stage, key: str, body: bytes) -> str:
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
    return put(stage, key, json.dumps(content).encode())


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
    return b"\n".join([*held, *everything_in_the_bucket(stage)])


def everything_in_the_bucket(stage: Stage) -> list[bytes]:
    held = []
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
    return held


def deliver_again(stage: Stage, player: str) -> None:
    """All of the player's changes that the table's stream still keeps."""
    deliver(stage, [each for each in stream_records(stage) if player in repr(each)])


@pytest.fixture
def a_day_later(stage: Stage) -> Iterator[Callable[[], None]]:
    """Lets a day pass; what the stream had before is forgotten until the test is over."""
    with ExitStack() as later:
        yield lambda: later.enter_context(days.a_day_later(stage))


def test_first_records_and_rejects_go_and_a_day_later_the_total_and_others_keep_theirs(
    shell: Shell, stage: Stage, a_day_later: Callable[[], None]
) -> None:
    archive(stage, "Erin")
    play(shell, stage, "Erin", 60_000, 60_001, 60_002, 60_003)
    insert(shell, 60_010, "Bela", 7)
    stage.aws.client("dynamodb").put_item(
        TableName=stage.names.records_table,
        Item={"RecordID": {"N": "60020"}, "Username": {"S": "Erin"}, "Score": {"S": "five"}},
    )
    until(lambda: totals(stage, "Bela"), {"Bela": Decimal(7)})
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

    first = shell("forget", "Erin", *QUICKLY, "--json")
    records, left = records_of(stage, "Erin"), dict(totals(stage, "Erin"))
    not_yet = shell("forget", "--json")
    waiting = shell("status", "--json")
    a_day_later()
    due = shell("status")
    last = shell("forget", "--settle", "0.5", "--json")

    assert (dry.status, first.status, not_yet.status, last.status) == (0, 0, 0, 0), first.err
    assert dry.json["records"] == first.json["records"] == 5
    assert dry.json["rejects"] == first.json["rejects"]
    assert (records, left) == ({}, {"Erin": Decimal(0)})
    assert first.json["due"] == not_yet.json["due"]
    assert not not_yet.json["is_due"]
    assert [each["name"] for each in waiting.json["parts"] if each["kind"] == "erasure"] == ["Erin"]
    assert not any("erasure" in each for each in waiting.json["problems"])
    assert due.status == 1
    assert "forget --stage local`, which finishes it" in due.out
    assert (last.json["totals"], last.json["pages"]) == (1, dry.json["pages"])
    assert last.json["pages"] > 0
    assert last.json["due"] is None
    assert b"Erin" not in everything(stage)
    assert records_of(stage, "Bela").keys() == {"60010"}
    s3, bucket = stage.aws.client("s3"), stage.names.rejects_bucket
    kept = {each.key: each for each in read_rejects(s3, bucket)}
    assert kept.keys() == {mixed, whole, given, failed}
    assert only not in kept
    assert kept[mixed].records == [others]
    data = base64.b64decode(kept[whole].records[0]["kinesis"]["data"])
    assert [json.loads(each)["RecordID"] for each in unpack(data).user_records] == [60_032]
    assert [each.records[0]["eventName"] for each in (kept[given], kept[failed])] == [
        "INSERT",
        "REMOVE",
    ]
    shell("rejects", "redrive")
    until(lambda: totals(stage, "Bela"), {"Bela": Decimal(7 + 5 - 5)})
    assert totals(stage, "Erin") == {}


def test_nobody_is_waited_for_and_what_is_delivered_later_or_again_counts_for_nothing(
    shell: Shell, stage: Stage
) -> None:
    play(shell, stage, "Gwen", 62_000)
    switch(stage, enabled=False)
    insert(shell, 62_001, "Gwen", 7)

    paused = shell("forget", "Gwen", *QUICKLY, "--json")

    meanwhile = totals(stage, "Gwen")
    switch(stage, enabled=True)
    deliver_again(stage, "Gwen")
    until(lambda: totals(stage, "Gwen"), {"Gwen": Decimal(0)})
    shell("insert", '{"RecordID": 62002, "Username": "Other", "Score": 1}')
    until(lambda: totals(stage, "Other"), {"Other": Decimal(1)})  # the mapping has caught up
    assert paused.status == 0, paused.err
    assert meanwhile == totals(stage, "Gwen") == {"Gwen": Decimal(0)}
    assert shell("reconcile", "--user", "Gwen", "--settle", "0.5").status == 0


def test_a_change_that_was_never_counted_is_added_before_its_deletion_is_forgotten(
    shell: Shell, stage: Stage
) -> None:
    """The change is in a reject, which is erased, and in the stream."""
    change_total(stage, "Rolf", Score={"S": "damaged"})
    insert(shell, 62_100, "Rolf", 5)
    until(lambda: b"Rolf" in b"".join(everything_in_the_bucket(stage)), True)
    set_total(stage, "Rolf", "0")

    answer = shell("forget", "Rolf", *QUICKLY, "--json")

    assert answer.status == 0, answer.err
    until(lambda: totals(stage, "Rolf"), {"Rolf": Decimal(0)})
    deliver_again(stage, "Rolf")
    assert totals(stage, "Rolf") == {"Rolf": Decimal(0)}


def test_a_change_that_only_a_reject_had_is_taken_out_of_the_total(
    shell: Shell, stage: Stage
) -> None:
    """Its deletion was counted, the change itself was not; the stream has forgotten both."""
    set_total(stage, "Saul", "-5")
    store(stage, AGGREGATOR, stream_record(image("Saul", 5), at=NOW - 2 * 24 * 3600))

    answer = shell("forget", "Saul", *QUICKLY, "--json")

    assert (answer.status, answer.json["rejects"]) == (0, 1), answer.err
    assert totals(stage, "Saul") == {"Saul": Decimal(0)}


def test_a_name_that_nobody_has_is_told_with_those_that_look_alike(
    shell: Shell, stage: Stage
) -> None:
    insert(shell, 61_500, "Jos\u00e9", 5)
    set_total(stage, " jose\u0301 ", "5")
    put(stage, "rejects/damaged.gz", gzip.compress(b"x")[:-1])
    put(stage, "forget/not-ours.json", b"[]")

    nobody = shell("forget", "JOSE\u0301", *QUICKLY)
    dry = shell("forget", "Nobody", "--dry-run")
    known = shell("forget", "Jos\u00e9", "--dry-run", "--json")

    assert (nobody.status, dry.status) == (1, 1)
    assert f"There is no {words.PLAYER} 'JOSE\u0301'" in nobody.err
    assert "look alike: ' jose\u0301 ', 'Jos\u00e9'." in nobody.err
    assert "look alike" not in dry.err
    assert known.json["similar"] == []
    assert known.json["unclear"] == {"rejects/damaged.gz": "it cannot be read whole"}
    assert shell("status").status == 1  # of the object, no erasure among it
    assert list(find_unfinished(stage.aws.client("s3"), stage.names.rejects_bucket)) == []
    insert(shell, 61_501, "JOS\u00c9", 5)
    assert shell("forget", "Jos\u00e9", "--dry-run", "--json").json["similar"] == ["JOS\u00c9"]
    assert "Others look alike" in shell("forget", "Jos\u00e9", "--dry-run").out


STEPS = {
    "the reminder": (forgetting, "remind", 1),
    "the records": (PlayersItems, "delete_records", 1),
    "the first version": (forgetting, "erase", 1),
    "the new version": (erasure, "_encode", 1),
    "the total": (forgetting, "rebuild", 1),
    "the due time": (forgetting, "remind", 2),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_interrupted_anywhere_it_goes_on_when_it_is_run_again(
    shell: Shell, stage: Stage, step: str, moment: str
) -> None:
    player = f"Hugo {moment} {step}"
    play(shell, stage, player, 63_000, 63_001)
    theirs = kinesis_record({"RecordID": 63_002, "Username": player}, at=NOW)
    store(stage, INGESTION, theirs, kinesis_record({"RecordID": 63_003, "Username": "Bo"}))
    switch(stage, enabled=False)  # so nobody else counts the deletions
    with interruption(*STEPS[step], moment):
        interrupted = shell("forget", player, *QUICKLY)
    is_known = unfinished_of(stage.aws.client("s3"), stage.names.rejects_bucket, player) is not None

    again = shell("forget", player, *QUICKLY, "--json")

    meanwhile = totals(stage, player)
    switch(stage, enabled=True)
    assert (interrupted.status, again.status) == (130, 0), again.err
    assert "has begun and is not finished: run this again to go on." in interrupted.err
    assert is_known or (step, moment) == ("the reminder", "before")
    assert again.json["due"] is not None
    assert (records_of(stage, player), meanwhile) == ({}, {player: Decimal(0)})
    assert not any(player.encode() in each for each in rejects_in_all_versions(stage))
    deliver_again(stage, player)
    assert totals(stage, player) == {player: Decimal(0)}


@contextmanager
def interruption(place: Any, step: str, number: int, moment: str) -> Iterator[None]:
    """A person interrupts the step on its call of that number, before or after it."""
    calls, original = iter(range(1, 100)), getattr(place, step)

    def interrupted(*arguments: Any, **options: Any) -> Any:
        is_now = next(calls) == number
        if is_now and moment == "before":
            raise KeyboardInterrupt
        answer = original(*arguments, **options)
        if is_now:
            raise KeyboardInterrupt
        return answer

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(place, step, interrupted)
        yield


def rejects_in_all_versions(stage: Stage) -> list[bytes]:
    """What is in the bucket besides the reminders."""
    return [each for each in everything_in_the_bucket(stage) if b'"player"' not in each]


LAST_STEPS = {
    "the total": (PlayersItems, "_delete_total", 1),
    "the pages": (PlayersItems, "delete_total_and_pages", 1),
    "the reminder": (forgetting, "finish", 1),
}


@pytest.mark.parametrize("step", LAST_STEPS)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_interrupted_at_the_end_it_goes_on_when_it_is_run_again(
    shell: Shell, stage: Stage, a_day_later: Callable[[], None], step: str, moment: str
) -> None:
    player = f"Ines {moment} {step}"
    archive(stage, player)
    play(shell, stage, player, 63_100)
    shell("forget", player, *QUICKLY)
    a_day_later()
    with interruption(*LAST_STEPS[step], moment):
        interrupted = shell("forget", "--settle", "0.5")

    again = shell("forget", "--settle", "0.5", "--json")

    assert (interrupted.status, again.status) == (130, 0)
    assert player.encode() not in everything(stage)
    assert shell("forget").out == "No erasure is left to finish.\n"


def test_run_twice_at_once_it_erases_once(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch, a_day_later: Callable[[], None]
) -> None:
    archive(stage, "Twyla")
    play(shell, stage, "Twyla", 63_200)
    store(stage, INGESTION, kinesis_record({"RecordID": 63_201, "Username": "Twyla"}))
    others: list[Any] = []

    def run_another(step: Any, verb: tuple[str, ...]) -> Any:
        def with_another(*arguments: Any) -> Any:
            if len(others) % 2 == 0:
                others.append(None)
                others.append(shell(*verb))
            return step(*arguments)

        return with_another

    with monkeypatch.context() as patched:
        erasing = run_another(PlayersItems.delete_records, ("forget", "Twyla", *QUICKLY))
        patched.setattr(PlayersItems, "delete_records", erasing)
        first = shell("forget", "Twyla", *QUICKLY)
    a_day_later()
    with monkeypatch.context() as patched:
        finishing = run_another(PlayersItems.delete_total_and_pages, ("forget", "--settle", "0.5"))
        patched.setattr(PlayersItems, "delete_total_and_pages", finishing)
        last = shell("forget", "--settle", "0.5")

    assert [each.status for each in (first, last, *others[1::2])] == [0] * 4
    assert b"Twyla" not in everything(stage)


def test_a_rebuild_that_overlaps_brings_nobody_back(
    shell: Shell, stage: Stage, a_day_later: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One has read the table before the records went, one the total before that went."""
    play(shell, stage, "Tove", 63_300)
    answers: list[Any] = []
    audited = rebuilding._Rebuild.repair

    def forget_first(verb: tuple[str, ...]) -> None:
        def repair(*arguments: Any) -> Any:
            monkeypatch.setattr(rebuilding._Rebuild, "repair", audited)
            answers.append(shell("forget", *verb, "--settle", "0.5"))
            return audited(*arguments)

        monkeypatch.setattr(rebuilding._Rebuild, "repair", repair)

    set_total(stage, "Tove", "7")
    forget_first(("Tove", "--yes"))
    answers.append(shell("rebuild", "--user", "Tove", "--settle", "0.5"))
    after_the_first_part = totals(stage, "Tove")
    a_day_later()
    forget_first(())
    answers.append(shell("rebuild", "--user", "Tove", "--settle", "0.5"))

    assert [each.status for each in answers] == [0] * 4
    assert after_the_first_part == {"Tove": Decimal(0)}
    assert totals(stage, "Tove") == {}


def test_a_deletion_whose_answer_is_lost_is_done_and_a_record_given_away_stays(
    shell: Shell, stage: Stage
) -> None:
    dynamodb = stage.aws.client("dynamodb")
    play(shell, stage, "Jana", 64_000, 64_001)
    items = PlayersItems(stage, "Jana")
    keys = items.find_records(ReadMeter()).keys
    insert(shell, 64_001, "Kim", 5)
    lose_next_answer(dynamodb, "DeleteItem")

    deleted = [items.delete_records([key]) for key in keys if key["RecordID"]["N"] == "64000"]
    kept = [items.delete_records([key]) for key in keys if key["RecordID"]["N"] == "64001"]

    assert (deleted, kept) == ([1], [0])
    assert (records_of(stage, "Jana"), list(records_of(stage, "Kim"))) == ({}, ["64001"])


def test_what_comes_back_meanwhile_is_erased_too_and_who_never_stops_is_told(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(shell, stage, "Kai", 64_100)
    more = iter([64_101])

    def come_back(*arguments: Any, **options: Any) -> Any:
        answer = rebuild(*arguments, **options)
        for record_id in more:
            insert(shell, record_id, "Kai", 5)
        return answer

    monkeypatch.setattr(forgetting, "rebuild", come_back)

    answer = shell("forget", "Kai", *QUICKLY, "--json")
    insert(shell, 64_102, "Kai", 5)
    more = iter(range(64_103, 64_200))
    monkeypatch.setattr(forgetting, "MOST_LOOKS", 2)
    come_back_each_time = shell("forget", "Kai", *QUICKLY)

    assert (answer.status, answer.json["records"]) == (0, 2), answer.err
    until(lambda: totals(stage, "Kai"), {"Kai": Decimal(0)})
    assert come_back_each_time.status == 1


def due_in_hours(stage: Stage, player: str) -> float:
    found = unfinished_of(stage.aws.client("s3"), stage.names.rejects_bucket, player)
    assert found is not None
    return (found.due - datetime.now(UTC)) / timedelta(hours=1)


def test_the_total_stays_as_long_as_the_stream_has_a_change(shell: Shell, stage: Stage) -> None:
    play(shell, stage, "Lou", 64_300)
    shell("forget", "Lou", *QUICKLY)
    hours_at_first = due_in_hours(stage, "Lou")
    days.make_due(stage)

    answer = shell("forget", "--settle", "0.5", "--json")

    assert answer.status == 0, answer.err
    assert (answer.json["totals"], answer.json["is_due"]) == (0, False)
    assert totals(stage, "Lou") == {"Lou": Decimal(0)}
    assert 23.9 < hours_at_first < 24.1
    assert 3.9 < due_in_hours(stage, "Lou") < 4.1


def test_who_played_again_is_erased_again_and_due_a_day_later(
    shell: Shell, stage: Stage, a_day_later: Callable[[], None]
) -> None:
    play(shell, stage, "Mia", 64_400)
    shell("forget", "Mia", *QUICKLY)
    a_day_later()
    play(shell, stage, "Mia", 64_401)
    store(stage, INGESTION, kinesis_record({"RecordID": 64_402, "Username": "Mia"}))

    answer = shell("forget", "--settle", "0.5", "--json")

    assert (answer.json["records"], answer.json["rejects"], answer.json["totals"]) == (1, 1, 0)
    assert 23.9 < due_in_hours(stage, "Mia") < 24.1


def test_a_total_that_is_not_zero_is_corrected_and_stays_for_another_day(
    shell: Shell, stage: Stage, a_day_later: Callable[[], None]
) -> None:
    play(shell, stage, "Noa", 64_500)
    shell("forget", "Noa", *QUICKLY)
    a_day_later()
    set_total(stage, "Noa", "5")

    answer = shell("forget", "--settle", "0.5", "--json")

    assert (answer.status, answer.json["totals"], answer.json["is_due"]) == (0, 0, False)
    assert totals(stage, "Noa") == {"Noa": Decimal(0)}
    assert 23.9 < due_in_hours(stage, "Noa") < 24.1


def test_a_total_that_changes_at_the_last_moment_stays_with_its_pages(
    shell: Shell, stage: Stage, a_day_later: Callable[[], None], operators_dynamodb: Any
) -> None:
    """Somebody counts a change just before the total is deleted."""
    archive(stage, "Ola")
    play(shell, stage, "Ola", 64_600)
    shell("forget", "Ola", *QUICKLY)
    a_day_later()
    pages = len(pages_of(stage, "Ola"))
    late = ScoreChange("Ola", Decimal(0), int(NOW).to_bytes(4, "big") + b"late" * 3, 0)
    table = GameScoresByUser(
        stage.aws.client("dynamodb"), stage.names.totals_table, stage.names.receipts_table
    )
    before_next(operators_dynamodb, "DeleteItem", lambda: table.add([late]))

    answer = shell("forget", "--settle", "0.5")

    assert answer.status == 1
    assert "'Ola' came back" in answer.err
    assert late.receipt in total_item(stage, "Ola")["Receipts"]["BS"]
    assert len(pages_of(stage, "Ola")) == pages > 0
    assert shell("status").status == 1


def test_the_total_goes_before_its_pages_and_those_of_a_new_total_stay(
    shell: Shell, stage: Stage, a_day_later: Callable[[], None], operators_dynamodb: Any
) -> None:
    archive(stage, "Pau")
    play(shell, stage, "Pau", 64_700)
    shell("forget", "Pau", *QUICKLY)
    a_day_later()
    new_page: Any = {
        "Username": {"S": "Pau"},
        "Page": {"S": "9999999999.00000000.0123456789abcdef"},
        "Receipts": {"BS": [b"a receipt of now"]},
    }

    def begin_anew() -> None:
        assert total_item(stage, "Pau") == {}
        stage.aws.client("dynamodb").put_item(TableName=stage.names.receipts_table, Item=new_page)

    lose_next_answer(operators_dynamodb, "DeleteItem")
    after_next(operators_dynamodb, "DeleteItem", begin_anew)
    answer = shell("forget", "--settle", "0.5", "--json")

    assert (answer.status, answer.json["totals"]) == (0, 1)
    assert pages_of(stage, "Pau") == [new_page]


@pytest.fixture
def operators_dynamodb(stage: Stage, find_once: Callable[..., Stage]) -> Any:
    """The client by which the command line speaks to the tables."""
    return find_once(stage.name, None, None, stage.aws.endpoint_url).aws.client("dynamodb")


@pytest.fixture
def operators_s3(stage: Stage, find_once: Callable[..., Stage]) -> Any:
    """The client by which the command line speaks to the bucket."""
    return find_once(stage.name, None, None, stage.aws.endpoint_url).aws.client("s3")


def test_all_that_it_decides_by_is_read_consistently(
    shell: Shell, stage: Stage, a_day_later: Callable[[], None], operators_dynamodb: Any
) -> None:
    """The embedded AWS shows every write at once, so the requests are looked at."""
    play(shell, stage, "Quy", 64_800)
    inconsistent: list[str] = []

    def note(params: Any, model: Any, **_: Any) -> None:
        if not params.get("ConsistentRead"):
            inconsistent.append(model.name)

    events = [f"provide-client-params.dynamodb.{name}" for name in ("Scan", "Query", "GetItem")]
    for event in events:
        operators_dynamodb.meta.events.register(event, note)
    shell("forget", "Quy", *QUICKLY)
    a_day_later()
    shell("forget", "--settle", "0.5")
    for event in events:
        operators_dynamodb.meta.events.unregister(event, note)

    assert inconsistent == []
    assert totals(stage, "Quy") == {}


def test_what_cannot_be_decoded_is_told_and_goes_whole_once_a_person_looked_at_it(
    shell: Shell, stage: Stage, a_day_later: Callable[[], None]
) -> None:
    put(stage, "notes.txt", b"ask Ren\\u00e9e about this")
    damaged = aggregate({"RecordID": 1, "Username": "Ren\u00e9e"})[:-1]
    key = store(stage, INGESTION, kinesis_record(damaged), kinesis_record(b"Bela"))
    item: Any = {"RecordID": {"N": "64900"}, "Username": {"L": [{"S": "Ren\u00e9e"}]}}
    dynamodb: Any = stage.aws.client("dynamodb")
    dynamodb.put_item(TableName=stage.names.records_table, Item=item)
    until(lambda: len(keys(stage)), 3)  # the table's stream has brought it into the bucket, too
    unclear = set(keys(stage))

    first = shell("forget", "Ren\u00e9e", *QUICKLY)
    as_json = shell("forget", "Ren\u00e9e", *QUICKLY, "--json")
    dynamodb.delete_item(TableName=stage.names.records_table, Key={"RecordID": item["RecordID"]})
    a_day_later()
    due = shell("forget", "--settle", "0.5", "--json")
    still = shell("status", "--json")
    unknown = shell("forget", "Ren\u00e9e", "--whole", "nothing.txt", "--yes")
    nobody = shell("forget", "--whole", "notes.txt", "--yes")
    options = [option for each in unclear for option in ("--whole", each)]
    whole = shell("forget", "Ren\u00e9e", *QUICKLY, *options)
    a_day_later()
    last = shell("forget", "--settle", "0.5")

    assert (first.status, as_json.status, due.status) == (1, 1, 1)
    assert "Look at this yourself, the name stands in it: notes.txt" in first.out
    assert f"Nothing of the {words.PLAYER} is left" not in first.out
    assert as_json.json["unclear"].keys() == {*unclear, "record 64900"}
    assert {"notes.txt", key} < unclear
    assert due.json["unclear"].keys() == unclear
    assert any("erasure Ren\u00e9e: run" in each for each in still.json["problems"])
    assert (unknown.status, nobody.status) == (2, 2)
    assert "There is no object 'nothing.txt'" in unknown.err
    assert whole.status == 0, whole.err
    assert last.status == 0
    assert f"Nothing of the {words.PLAYER} is left" in last.out
    assert not [each for each in find_holdings(stage, "Ren\u00e9e") if each.version.key in unclear]


def test_it_tells_what_remains_where(shell: Shell, stage: Stage) -> None:
    play(shell, stage, "Rut", 65_000)

    answer = shell("forget", "Rut", *QUICKLY, "--json")

    remains = {each["where"]: each["stays"] for each in answer.json["remains"]}
    assert remains[f"the stream {stage.names.stream}"] == "24 hours"
    assert remains[f"the stream of {stage.names.records_table}"] == "24 hours"
    assert remains[f"the log of {AGGREGATOR}"] == "30 days"
    assert any(where.startswith("point-in-time backups") for where in remains)


class Terminal(io.StringIO):
    """A person at a terminal who types these lines."""

    def isatty(self) -> bool:
        return True


def test_it_asks_for_the_name(shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    play(shell, stage, "Sam", 65_100)
    nobody = shell("forget", "Sam")
    monkeypatch.setattr("sys.stdin", Terminal("Sa\nSam\n"))
    wrong = shell("forget", "Sam")
    kept = records_of(stage, "Sam")
    right = shell("forget", "Sam", "--settle", "0.5")
    unnamed = shell("forget", "", "--yes")

    assert (nobody.status, wrong.status, right.status, unnamed.status) == (2, 2, 0, 2)
    assert len(kept) == 1
    assert records_of(stage, "Sam") == {}
    assert "The total stays, at 0, until" in right.out


def holding_of(stage: Stage, player: str) -> Any:
    (holding,) = find_holdings(stage, player)
    return holding


def test_an_object_whose_rewriting_is_answered_once_more_is_erased_at_once(stage: Stage) -> None:
    records = [kinesis_record({"RecordID": 1, "Username": name}) for name in ("Tom", "Bela")]
    key = store(stage, INGESTION, *records)
    lose_next_answer(stage.aws.client("s3"), "PutObject")

    erase(stage, holding_of(stage, "Tom"))

    assert list(find_holdings(stage, "Tom")) == []
    (left,) = read_rejects(stage.aws.client("s3"), stage.names.rejects_bucket)
    assert (left.key, left.records) == (key, [records[1]])


@pytest.mark.parametrize("players", [("Tom", "Bela"), ("Tom",)])
def test_an_object_that_is_written_again_meanwhile_stays_for_another_look(
    stage: Stage, players: tuple[str, ...]
) -> None:
    records = [kinesis_record({"RecordID": 1, "Username": name}) for name in players]
    key = store(stage, INGESTION, *records)
    holding = holding_of(stage, "Tom")
    anew = kinesis_record({"RecordID": 2, "Username": "Cleo"})
    store(stage, INGESTION, anew, key=key)

    erase(stage, holding)
    once_more = list(find_holdings(stage, "Tom"))
    for each in once_more:
        erase(stage, each)

    (left,) = read_rejects(stage.aws.client("s3"), stage.names.rejects_bucket)
    assert (left.key, left.records) == (key, [anew])
    assert list(find_holdings(stage, "Tom")) == []


def test_a_version_that_is_gone_when_it_is_looked_at_is_nobodys(stage: Stage) -> None:
    store(stage, INGESTION, kinesis_record({"RecordID": 1, "Username": "Uwe"}))
    s3, bucket = stage.aws.client("s3"), stage.names.rejects_bucket
    versions = versions_under(stage, "rejects/")

    def delete_all() -> None:
        for version in versions:
            s3.delete_object(Bucket=bucket, **version)

    after_next(s3, "ListObjectVersions", delete_all)

    assert not [each for each in find_holdings(stage, "Uwe") if each.records]


def test_a_reminder_is_no_reject(shell: Shell, stage: Stage) -> None:
    remind(stage.aws.client("s3"), stage.names.rejects_bucket, "Vera", timedelta(0))

    assert shell("rejects", "list").out == "There are none.\n"
    assert shell("rejects", "redrive").status == 0
    assert list(find_holdings(stage, "Vera")) == []
    assert shell("forget", "--settle", "0.5", "--json").json["due"] is None
    assert b"Vera" not in everything(stage)

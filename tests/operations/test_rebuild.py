"""rebuild: exact, or refused; what is redelivered afterwards counts once."""

import base64
import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.rejects import object_key
from chalicelib.scores import ScoreChange
from chalicelib.totals import MOST_AT_ONCE, GameScoresByUser
from operations.aws.mappings import require_mapping, switch_mapping
from operations.aws.pause import Pause
from operations.aws.stage import AGGREGATOR, FUNCTIONS, Stage
from operations.aws.table_stream import TableStream
from operations.totals import rebuild as rebuilding
from operations.totals.read import expect_records
from operations.totals.write import Amounts, FoundTotal, TotalPlan, TotalSetter, plan_total
from tests.operations.conftest import Shell, totals, until

REBUILD = ("rebuild", "--settle", "0.2", "--json")


@pytest.fixture(scope="module", autouse=True)
def _short_timeout(stage: Stage) -> Iterator[None]:
    """An invocation under way is over after a second, and a shard can be asked more often."""
    name = stage.function_name(AGGREGATOR)
    stage.aws.client("lambda").update_function_configuration(FunctionName=name, Timeout=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("operations.aws.table_stream.PAUSE_SECONDS", 0.02)
        yield
    stage.aws.client("lambda").update_function_configuration(FunctionName=name, Timeout=60)


def insert(shell: Shell, record_id: int, user: str, score: str) -> None:
    record = f'{{"RecordID": {record_id}, "Username": "{user}", "Score": {score}}}'
    assert shell("insert", record, "--replace").status == 0


def delete_total(stage: Stage, user: str) -> None:
    stage.aws.client("dynamodb").delete_item(
        TableName=stage.names.totals_table,
        Key={"Username": {"S": user}},
    )


def delete_record(stage: Stage, record_id: int) -> None:
    stage.aws.client("dynamodb").delete_item(
        TableName=stage.names.records_table, Key={"RecordID": {"N": str(record_id)}}
    )


def set_total(stage: Stage, user: str, total: str) -> None:
    stage.aws.client("dynamodb").update_item(
        TableName=stage.names.totals_table,
        Key={"Username": {"S": user}},
        UpdateExpression="SET Score = :total",
        ExpressionAttributeValues={":total": {"N": total}},
    )


def stream_records(stage: Stage) -> list[dict[str, Any]]:
    """All that the table's stream still keeps, as Lambda delivers it."""
    arn = stage.names.records_stream_arn
    stream = TableStream(stage.aws.client("dynamodbstreams"), arn, "TRIM_HORIZON")
    return list(stream.read_until_quiet(0))


def redeliver_everything(stage: Stage) -> None:
    """As a mapping does whose checkpoint is a day behind."""
    records = stream_records(stage)
    for start in range(0, len(records), 100):
        event = {"Records": records[start : start + 100]}
        answer = stage.aws.client("lambda").invoke(
            FunctionName=stage.function_name(AGGREGATOR),
            Payload=json.dumps(event, default=lambda data: base64.b64encode(data).decode()),
        )
        assert "FunctionError" not in answer, answer["Payload"].read()


def pause(stage: Stage, *, enabled: bool = False) -> None:
    switch_mapping(stage, require_mapping(stage, AGGREGATOR), enabled=enabled)


def states(stage: Stage) -> list[str]:
    return [require_mapping(stage, handler).state for handler in FUNCTIONS]


def test_damage_of_every_kind_is_mended_and_redelivery_counts_once(
    shell: Shell, stage: Stage
) -> None:
    for number in range(12):
        insert(shell, 30_000 + number, f"Damaged {number % 4}", f"{number}.5")
    expected = {f"Damaged {n}": Decimal(3 * n + 12) + Decimal("1.5") for n in range(4)}
    until(lambda: totals(stage, *expected), expected)
    set_total(stage, "Damaged 0", "1000000")
    delete_total(stage, "Damaged 1")
    pause(stage)
    insert(shell, 30_100, "Damaged 2", "100")
    insert(shell, 30_101, "Damaged 5", "7")
    dry = shell("rebuild", "--dry-run", "--json")
    found = shell("reconcile", "--settle", "0.1")
    unchanged = totals(stage, *expected)

    answer = shell(*REBUILD)

    expected |= {"Damaged 2": expected["Damaged 2"] + 100, "Damaged 5": Decimal(7)}
    assert answer.status == 0, answer.err
    assert found.status == 1
    assert dry.json["changed"]["Damaged 0"] == {"total": "1000000", "expected": "13.5"}
    assert unchanged["Damaged 0"] == 1000000
    assert set(answer.json["changed"]) >= {f"Damaged {n}" for n in (0, 1, 2, 5)}
    assert states(stage) == ["Enabled", "Enabled"]
    redeliver_everything(stage)
    insert(shell, 30_102, "Damaged 1", "1")
    expected["Damaged 1"] += 1
    until(lambda: totals(stage, *expected), expected)
    assert shell("reconcile", "--settle", "0.5").status == 0
    again = shell(*REBUILD)
    assert (again.json["changed_users"], again.status) == (0, 0)


def test_a_deleted_record_that_was_never_counted_stays_uncounted(
    shell: Shell, stage: Stage
) -> None:
    insert(shell, 31_000, "Gone", "5")
    until(lambda: totals(stage, "Gone"), {"Gone": Decimal(5)})
    pause(stage)
    stage.aws.client("dynamodb").delete_item(
        TableName=stage.names.records_table,
        Key={"RecordID": {"N": "31000"}},
    )
    delete_total(stage, "Gone")

    answer = shell(*REBUILD)
    redeliver_everything(stage)

    assert answer.status == 0
    until(lambda: totals(stage, "Gone"), {"Gone": Decimal(0)})


@pytest.mark.usefixtures("_empty_bucket")
def test_a_rejected_record_that_is_in_the_sum_is_not_counted_again_when_redriven(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause(stage)
    insert(shell, 32_000, "Rejected", "5")
    (record,) = [
        each
        for each in stream_records(stage)
        if each["dynamodb"]["Keys"] == {"RecordID": {"N": "32000"}}
    ]
    body = {"function": AGGREGATOR, "rejects": [{"reason": "too large", "record": record}]}
    stage.aws.client("s3").put_object(
        Bucket=stage.names.rejects_bucket,
        Key=object_key(AGGREGATOR, [record]),
        Body=json.dumps(body).encode(),
    )
    # the stream has forgotten it: a day has passed since
    monkeypatch.setattr(TableStream, "read", lambda _: iter(()))

    answer = shell(*REBUILD)
    monkeypatch.undo()
    redriven = shell("rejects", "redrive")

    assert (answer.status, redriven.status) == (0, 0), answer.err + redriven.err
    assert totals(stage, "Rejected") == {"Rejected": Decimal(5)}


def test_a_table_that_is_written_meanwhile_is_refused_and_nothing_is_changed(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(shell, 33_000, "Busy", "5")
    until(lambda: totals(stage, "Busy"), {"Busy": Decimal(5)})
    set_total(stage, "Busy", "6")
    scans = iter(range(1, 10))

    def written_meanwhile(*arguments: Any, **options: Any) -> Any:
        insert(shell, 33_001, "Busy writer", str(next(scans)))
        return expect_records(*arguments, **options)

    monkeypatch.setattr(rebuilding, "expect_records", written_meanwhile)
    answer = shell(*REBUILD)
    refused = totals(stage, "Busy")
    monkeypatch.undo()
    set_total(stage, "Busy", "5")

    assert answer.status == 1
    assert "Nothing was changed and both functions go on" in answer.err
    assert refused == {"Busy": Decimal(6)}
    assert states(stage) == ["Enabled", "Enabled"]


def test_an_interrupted_rebuild_tells_its_state_and_goes_on_when_run_again(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        insert(shell, 34_000 + number, f"Stopped {number}", "5")
    expected = {f"Stopped {number}": Decimal(5) for number in range(3)}
    until(lambda: totals(stage, *expected), expected)
    for user in expected:
        set_total(stage, user, "7")

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rebuilding, "find_totals", interrupt)
    before_writing = shell("rebuild", "--settle", "0.1")
    states_before_writing = states(stage)
    monkeypatch.undo()
    set_one = TotalSetter.set

    def set_until_the_second(setter: TotalSetter, user: str, *rest: Any) -> bool:
        if user == "Stopped 1":
            raise KeyboardInterrupt
        return set_one(setter, user, *rest)

    monkeypatch.setattr(TotalSetter, "set", set_until_the_second)
    while_writing = shell("rebuild", "--settle", "0.1")
    states_while_writing = states(stage)
    seen = shell("status", "--json")
    monkeypatch.undo()
    again = shell(*REBUILD)

    assert before_writing.status == while_writing.status == 130
    assert "No total was changed and both functions go on" in before_writing.err
    assert states_before_writing == ["Enabled", "Enabled"]
    assert "both mappings are paused" in while_writing.err
    assert "Run this again: it goes on from here" in while_writing.err
    assert states_while_writing == ["Disabled", "Disabled"]
    assert seen.status == 1
    assert "After an interrupted `rebuild` run that again" in " ".join(seen.json["problems"])
    assert again.status == 0, again.err
    assert totals(stage, *expected) == expected
    assert states(stage) == ["Enabled", "Enabled"]


def test_a_record_that_the_stream_held_back_is_refused(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(shell, 35_000, "Late", "5")
    until(lambda: totals(stage, "Late"), {"Late": Decimal(5)})
    set_total(stage, "Late", "6")
    read, reads = TableStream.read_until_quiet, iter(range(10))
    late = {"dynamodb": {"ApproximateCreationDateTime": time.time() - 60}}

    def held_back(stream: TableStream, quiet_seconds: float) -> Iterator[dict[str, Any]]:
        yield from read(stream, quiet_seconds)
        if next(reads) == 2:
            yield late

    monkeypatch.setattr(TableStream, "read_until_quiet", held_back)
    answer = shell(*REBUILD)
    monkeypatch.undo()
    paused = states(stage)
    again = shell(*REBUILD)

    assert answer.status == 1
    assert "much later than it was written" in answer.err
    assert paused == ["Disabled", "Disabled"]
    assert again.status == 0


def test_a_total_that_no_number_holds_stops_nobody_and_its_records_are_named(
    shell: Shell, stage: Stage
) -> None:
    insert(shell, 36_000, "Too long", "-1E+50")
    until(lambda: totals(stage, "Too long"), {"Too long": Decimal("-1E+50")})
    insert(shell, 36_001, "Too long", "1E-50")
    insert(shell, 36_002, "Too long", "5")
    insert(shell, 36_003, "Beside it", "5")
    until(lambda: totals(stage, "Beside it"), {"Beside it": Decimal(5)})
    set_total(stage, "Beside it", "6")
    dry = shell("rebuild", "--dry-run", "--json")
    shown = shell("rebuild", "--dry-run")

    answer = shell(*REBUILD)

    found = totals(stage, "Too long", "Beside it")
    for record_id in (36_001, 36_002):
        delete_record(stage, record_id)
    again = shell(*REBUILD)
    assert (dry.status, answer.status, again.status) == (1, 1, 0), answer.err
    assert dry.json["unwritable"] == answer.json["unwritable"]
    (unwritable,) = answer.json["unwritable"]
    assert unwritable["username"] == "Too long"
    assert unwritable["reason"] == "the sum has more than 38 significant digits"
    assert {"record_id": "36000", "score": "-1E+50"} in unwritable["records"]
    assert {"36001", "36000"} <= {each["record_id"] for each in unwritable["records"]}
    assert "Too long" not in dry.json["changed"]
    assert "Too long" in shown.out
    assert found == {"Too long": Decimal("-1E+50"), "Beside it": Decimal(5)}
    assert answer.err.index("No number holds the totals of 'Too long'") < answer.err.index(
        "Reading the aggregator's rejects"
    )
    assert states(stage) == ["Enabled", "Enabled"]
    shell("rejects", "discard", "--prefix", "", "--yes")


@contextmanager
def short_record_age(stage: Stage) -> Iterator[None]:
    """The mappings give records up after a minute, the shortest that Lambda has."""
    client = stage.aws.client("lambda")
    uuids = [require_mapping(stage, function).uuid for function in FUNCTIONS]
    for uuid in uuids:
        client.update_event_source_mapping(UUID=uuid, MaximumRecordAgeInSeconds=60)
    yield
    for uuid in uuids:
        client.update_event_source_mapping(UUID=uuid, MaximumRecordAgeInSeconds=43_200)


def test_reading_that_would_keep_records_waiting_too_long_is_refused_before_the_pause(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10):
        insert(shell, 37_000 + number, "Slow", "1")
    # a table is small that the embedded AWS takes for 2 KB, so the part has to be small, too
    monkeypatch.setattr(rebuilding, "SAFE_PART", 0.001)

    with short_record_age(stage):
        answer = shell("rebuild", "--max-read-units", "1")

    assert answer.status == 1
    assert "but records wait for 60 seconds at most" in answer.err
    assert "Pausing" not in answer.err
    assert states(stage) == ["Enabled", "Enabled"]


def test_a_rebuild_that_keeps_records_waiting_too_long_gives_up_before_it_writes(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pause, "waited_seconds", lambda _: 50)

    with short_record_age(stage):
        answer = shell(*REBUILD)

    assert answer.status == 1
    assert "records have been waiting for 48 seconds and may wait for 60 seconds" in answer.err
    assert "No total was changed and both functions go on" in answer.err
    assert states(stage) == ["Enabled", "Enabled"]


def test_a_rebuild_that_finds_mappings_paused_for_long_says_where_their_records_go(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause(stage)
    monkeypatch.setattr(Pause, "waited_seconds", lambda _: 25 * 3600)

    answer = shell(*REBUILD)

    assert answer.status == 0, answer.err
    assert "A mapping is paused since 20" in answer.err
    told = " ".join(answer.err.split())
    assert told.count("go to the rejects bucket when the mappings are resumed") == 2
    assert told.count("afterwards run `rejects redrive --prefix aws/lambda/`") == 2
    assert states(stage) == ["Enabled", "Enabled"]


def test_expiring_records_are_refused_unless_they_shall_not_count(
    shell: Shell, stage: Stage
) -> None:
    table = stage.names.records_table
    specification: Any = {"AttributeName": "ExpiresAt", "Enabled": True}
    stage.aws.client("dynamodb").update_time_to_live(
        TableName=table, TimeToLiveSpecification=specification
    )

    refused = shell("rebuild")
    allowed = shell("rebuild", "--without-expired", "--dry-run")

    specification["Enabled"] = False
    stage.aws.client("dynamodb").update_time_to_live(
        TableName=table, TimeToLiveSpecification=specification
    )
    assert (refused.status, allowed.status) == (1, 0)
    assert "--without-expired" in refused.err


NOW = 1_795_413_600


def receipts(count: int, start: int = 0) -> frozenset[bytes]:
    return frozenset(
        (NOW + number // 7).to_bytes(4, "big") + number.to_bytes(12, "big")
        for number in range(start, start + count)
    )


def ones(known: Iterable[bytes]) -> dict[bytes, Decimal]:
    return dict.fromkeys(known, Decimal(1))


def found_total(
    score: int | None, known: Iterable[bytes] = (), page: str | None = None
) -> FoundTotal:
    attributes = {"Receipts": None, "LastPage": {"S": page} if page else None}
    return FoundTotal(
        None if score is None else Decimal(score), attributes, frozenset(), page, frozenset(known)
    )


def test_a_total_that_is_right_with_all_receipts_known_is_left_alone() -> None:
    found = found_total(5, receipts(20), page="1")

    assert plan_total(Decimal(5), ones(receipts(20)), found) is None
    assert plan_total(Decimal("5.0"), ones(receipts(20)), found) is None


def test_what_one_update_cannot_make_known_is_kept_out_of_the_score_until_it_is_added() -> None:
    few = plan_total(Decimal(50), ones(receipts(20)), found_total(None))
    many = plan_total(Decimal(50_000), ones(receipts(MOST_AT_ONCE + 7)), found_total(None))

    assert few == TotalPlan(Decimal(50), receipts(20), None, {})
    assert many
    assert many.score == 50_000 - 7
    assert len(many.receipts) == MOST_AT_ONCE
    assert many.receipts | many.left.keys() == receipts(MOST_AT_ONCE + 7)


@pytest.mark.parametrize("count", [20, 2500, 12_000])
def test_the_aggregator_finds_what_was_made_known_counted(stage: Stage, count: int) -> None:
    user = f"Many {count}"
    tables = (
        stage.names.totals_table,
        stage.names.receipts_table,
    )
    setter = TotalSetter(stage.aws.client("dynamodb"), *tables)
    known = receipts(count)
    changes = [ScoreChange(user, Decimal(1), receipt, 0) for receipt in sorted(known)]
    new = [ScoreChange(user, Decimal(1), receipt, 0) for receipt in receipts(5, start=count)]

    assert setter.set(user, Decimal(count), ones(known)) is True
    assert setter.set(user, Decimal(count), ones(known)) is False
    delete_total(stage, user)  # with the pages still there
    assert setter.set(user, Decimal(count), ones(known)) is True
    sample = [*changes[:100], *changes[-100:]]
    added = GameScoresByUser(stage.aws.client("dynamodb"), *tables).add([*sample, *new, *sample])

    assert added.counted == 5
    assert totals(stage, user) == {user: Decimal(count + 5)}
    delete_total(stage, user)


def test_an_addition_under_way_neither_doubles_nor_loses(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = (
        stage.names.totals_table,
        stage.names.receipts_table,
    )
    aggregator = GameScoresByUser(stage.aws.client("dynamodb"), *tables)
    known = sorted(receipts(60))
    changes = [ScoreChange("Under way", Decimal(1), receipt, 0) for receipt in known]
    aggregator.add(changes[:40])
    read, under_way = TotalSetter._read, iter([changes[40:45], changes[45:]])

    def read_then_add(setter: TotalSetter, user: str, counted: Amounts) -> FoundTotal:
        found = read(setter, user, counted)
        aggregator.add(next(under_way, []))
        return found

    monkeypatch.setattr(TotalSetter, "_read", read_then_add)
    TotalSetter(stage.aws.client("dynamodb"), *tables).set("Under way", Decimal(60), ones(known))
    late = aggregator.add(changes)

    assert late.counted == 0
    assert totals(stage, "Under way") == {"Under way": Decimal(60)}
    delete_total(stage, "Under way")

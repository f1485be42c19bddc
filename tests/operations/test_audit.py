"""What an audit asks, in which order, and what it takes for missing, open or none of both."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest

from chalicelib.receipts import make_receipt
from chalicelib.scores import ScoreChange
from chalicelib.totals import AdditionRefused, TotalContended
from operations.aws.table_stream import ShardRecord, TableStream
from operations.local.server import EmbeddedAws
from operations.totals import rebuild as rebuilding
from operations.totals.audit import Audit
from operations.totals.followed_stream import FollowedStream
from operations.totals.repair import Step, take_step
from tests.data_stack import DataStack
from tests.operations.damage import ByHand, by_hand
from tests.proofs.explorer.invocation import Limits, limits_of


@pytest.fixture
def stage(aws: EmbeddedAws, data: DataStack, monkeypatch: pytest.MonkeyPatch) -> ByHand:
    monkeypatch.setattr("operations.aws.table_stream.PAUSE_SECONDS", 0.001)
    return by_hand(aws, data)


@contextmanager
def dealt_out(monkeypatch: pytest.MonkeyPatch, shards: int) -> Iterator[None]:
    """The stream's records come from so many shards, by their RecordID; 0: from none at all."""
    read = TableStream.read_with_shards

    def read_dealt_out(stream: TableStream) -> Iterator[ShardRecord]:
        for found in read(stream):
            record_id = int(found.record["dynamodb"]["Keys"]["RecordID"]["N"])
            if shards:
                yield found._replace(shard=str(record_id % shards))

    with monkeypatch.context() as patched:
        patched.setattr(TableStream, "read_with_shards", read_dealt_out)
        yield


@pytest.mark.parametrize("where", ["reject", "removed", "overwritten", "of Lambda"])
def test_a_change_that_only_the_bucket_has_is_open_and_gets_in(
    stage: ByHand, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    stage.play("Ada")
    stage.write("Ada", 100)
    (record,) = stage.shown()
    key = stage.give_up(record) if where == "of Lambda" else stage.reject(record)
    if where == "removed":
        stage.discard(key)
    if where == "overwritten":
        stage.put_object(key, "{}")

    with dealt_out(monkeypatch, shards=0):
        before = stage.reconcile()
        stage.rebuild()

    assert (before.open, before.missing, before.differing_users) == (1, 0, 1)
    assert stage.totals == {"Ada": 106}
    assert stage.deliver([record]) == 0


def test_a_change_that_the_stream_and_a_reject_have_is_not_missing(stage: ByHand) -> None:
    stage.write("Ada", 100)
    (record,) = stage.shown()
    stage.reject(record)
    stage.play("Ben")

    result = stage.reconcile()

    assert (result.open, result.missing) == (1, 0)


@pytest.mark.parametrize(("later", "is_missing"), [(2, False), (3, True)])
def test_a_change_is_missing_only_if_its_own_shard_went_on(
    stage: ByHand, monkeypatch: pytest.MonkeyPatch, later: int, *, is_missing: bool
) -> None:
    """Of two shards, one has the records of even ids."""
    stage.write("Ada", 100, record_id=1)
    stage.shown()
    stage.write("Ben", 7, record_id=later)
    stage.deliver()

    with dealt_out(monkeypatch, shards=2):
        result = stage.reconcile()

    assert (result.missing, result.open) == ((1, 0) if is_missing else (0, 1))


def test_what_is_counted_before_the_second_look_is_no_verdict(stage: ByHand) -> None:
    """The first look is of its own here, since only one player is asked for."""
    stage.play("Ada")
    stage.write("Ada", 1)

    with before_each_settling(lambda _: stage.deliver()):
        assert stage.reconcile(users={"Ada"}).is_exact


def test_what_comes_between_two_looks_is_no_verdict(stage: ByHand) -> None:
    """At each look another change is open; the one before is counted."""
    stage.play("Ada")
    stage.write("Ada", 1)

    def play_on(_: FollowedStream) -> None:
        stage.deliver()
        stage.write("Ada", 1)

    with before_each_settling(play_on):
        assert stage.reconcile().is_exact


@contextmanager
def before_each_settling(act: Callable[[FollowedStream], Any]) -> Iterator[None]:
    """Do that before each settle time that an audit waits, with what it follows."""
    settle = FollowedStream.settle

    def act_and_settle(stream: FollowedStream, since: float) -> None:
        act(stream)
        settle(stream, since)

    with mock.patch.object(FollowedStream, "settle", act_and_settle):
        yield


def test_whoever_the_stream_shows_late_is_looked_at_as_well(stage: ByHand) -> None:
    stage.play("Ada", "Ben")
    stage.set_total("Ada", 7)

    def show_late(stream: FollowedStream) -> None:
        if stage.totals["Ben"] == 6:
            stage.set_total("Ben", 8)
            stream.late.add("Ben")

    with before_each_settling(show_late):
        assert [each.username for each in stage.reconcile().verdicts] == ["Ada", "Ben"]


def test_whoever_was_repaired_is_looked_at_until_nothing_is_found(stage: ByHand) -> None:
    stage.play("Ada")
    stage.set_total("Ada", 7)
    settlings: list[FollowedStream] = []

    def break_again(stream: FollowedStream) -> None:
        settlings.append(stream)
        if len(settlings) == 2:
            stage.set_total("Ada", 8)

    with before_each_settling(break_again):
        stage.rebuild()

    assert len(settlings) == 3
    assert stage.totals == {"Ada": 6}


@pytest.mark.parametrize("error", [TotalContended, AdditionRefused])
def test_a_player_whose_step_fails_stops_nobody(stage: ByHand, error: type[Exception]) -> None:
    stage.play("Ada", "Ben")
    stage.set_total("Ada", 50)
    stage.set_total("Ben", 50)
    failed: list[str] = []

    def take(dynamodb: Any, totals: str, receipts: str, step: Step) -> None:
        if step.username == "Ada" and not failed:
            failed.append(step.username)
            raise error
        take_step(dynamodb, totals, receipts, step)

    with mock.patch.object(rebuilding, "take_step", take):
        result = stage.rebuild()

    assert stage.totals["Ben"] == 6
    if error is TotalContended:
        assert stage.totals["Ada"] == 6
    else:
        assert [each.username for each in result.unwritable] == ["Ada"]


def test_a_damaged_item_is_found_though_nothing_is_missing(stage: ByHand) -> None:
    stage.play("Ada", "Ben")
    stage.change_total("Ada", LastPage={"S": "none"})

    (verdict,) = stage.reconcile().verdicts

    assert verdict.username == "Ada"
    assert "LastPage" in verdict.problem


def test_receipts_on_item_and_pages_are_waited_for_as_far_as_they_are_young(
    stage: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[bytes] = []
    wait_for = FollowedStream.wait_for

    def note(stream: FollowedStream, receipts: Any, moment: Any) -> None:
        waited.extend(receipts)
        wait_for(stream, receipts, moment)

    monkeypatch.setattr(FollowedStream, "wait_for", note)
    by_hand = [make_receipt("by hand", "1", int(time.time()) - ago) for ago in (10**5, 20, 10)]
    with limits_of(Limits(room=1)):
        for each in by_hand:
            stage.core.add([ScoreChange("Ada", Decimal(1), each, 0)])

    stage.reconcile()

    assert len(stage.data.pages) == 2
    assert set(waited) == set(by_hand[1:])


def test_the_second_look_is_a_settle_time_after_the_first(
    stage: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    look, settle = Audit.look, FollowedStream.settle

    def note_look(of: Audit, usernames: Any) -> Any:
        steps.append("look")
        return look(of, usernames)

    def note_settle(of: FollowedStream, since: float) -> None:
        steps.append("settle")
        settle(of, since)

    monkeypatch.setattr(Audit, "look", note_look)
    monkeypatch.setattr(FollowedStream, "settle", note_settle)
    stage.play("Ada")
    stage.set_total("Ada", 7)
    stage.change_total("Ada", LastPage={"S": "none"})

    assert stage.reconcile().differing_users == 1
    assert steps == ["look", "settle", "look"]


def test_a_right_total_without_its_receipts_is_not_exact(stage: ByHand) -> None:
    """Delivered again, its changes would count twice."""
    stage.play("Ada", "Ben")
    stage.dynamodb.update_item(
        TableName=stage.data.names.totals_table,
        Key={"Username": {"S": "Ada"}},
        UpdateExpression="REMOVE Receipts",
    )

    (verdict,) = stage.reconcile().verdicts

    assert verdict.username == "Ada"
    assert verdict.judgement.error == 6


def test_the_stream_is_read_before_rejects_and_scan_and_after(stage: ByHand) -> None:
    stage.play("Ada")
    steps: list[str] = []

    def note(operation: str) -> None:
        if operation in ("GetRecords", "ListObjectVersions", "Scan") and steps[-1:] != [operation]:
            steps.append(operation)

    with stage.hooked("before-send", note):
        stage.reconcile()

    assert steps == ["GetRecords", "ListObjectVersions", "Scan", "GetRecords"]


def test_a_total_is_looked_for_consistently(stage: ByHand) -> None:
    """By the request's parameter, since the embedded AWS has no other reads."""
    stage.erase(stage.write("Kim", 0))
    stage.core.add([ScoreChange("Ada", Decimal(1), bytes(16), 0)])
    asked: list[bool] = []

    def note(params: Any, **_: Any) -> None:
        asked.append(params.get("ConsistentRead", False))

    events = stage.stage.aws.client("dynamodb").meta.events
    events.register("provide-client-params.dynamodb.GetItem", note)
    try:
        stage.reconcile(users={"Ada"})
    finally:
        events.unregister("provide-client-params.dynamodb.GetItem", note)

    assert asked
    assert all(asked)

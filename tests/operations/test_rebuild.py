"""rebuild: every total right, beside whatever else goes on, and wherever it is interrupted."""

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from botocore.httpsession import URLLib3Session

from chalicelib.receipts import KEPT_SECONDS
from operations.aws.errors import Misuse, OperationFailed, OperationInterrupted
from operations.aws.table_stream import ShardRecord, TableStream
from operations.aws.tables import scan
from operations.local.server import EmbeddedAws
from operations.totals import rebuild as rebuilding
from operations.totals.rebuild import Changed
from tests.builders import image, stream_record
from tests.data_stack import DataStack
from tests.faults import fail_requests
from tests.operations.damage import ByHand, by_hand

PLAYERS = [f"Player {number}" for number in range(20)]


@pytest.fixture
def stage(aws: EmbeddedAws, data: DataStack, monkeypatch: pytest.MonkeyPatch) -> ByHand:
    monkeypatch.setattr("operations.aws.table_stream.PAUSE_SECONDS", 0.001)
    return by_hand(aws, data)


def damage(stage: ByHand, *players: str) -> None:
    """A different damage for each player in turn."""
    table = stage.data.names.totals_table
    damages: list[Callable[[str], Any]] = [
        lambda player: stage.set_total(player, 1_000_000),
        stage.delete_total,
        lambda player: stage.change_total(player, Score={"S": "eleven"}),
        lambda player: stage.change_total(player, Receipts={"S": "gone"}),
        lambda player: stage.dynamodb.put_item(
            TableName=table, Item={"Username": {"S": player}, "Score": {"N": "6"}}
        ),
    ]
    for player, do in zip(players, itertools.cycle(damages), strict=False):
        do(player)


def test_damage_of_every_kind_is_mended_and_redelivery_counts_once(stage: ByHand) -> None:
    stage.play(*PLAYERS)
    damage(stage, *PLAYERS[:10])
    stage.write(PLAYERS[3], 100)
    stage.write("Newcomer", 7)

    result = stage.rebuild()

    assert result.is_done
    assert result.changed_users == 11
    assert Changed(PLAYERS[0], Decimal(1_000_000), Decimal(6)) in result.changed
    assert Changed(PLAYERS[2], None, Decimal(6)) in result.changed
    assert Changed("Newcomer", Decimal(0), Decimal(7)) in result.changed
    assert stage.is_exact_for_ever()
    assert stage.reconcile().is_exact
    assert stage.rebuild().changed_users == 0


def test_it_fills_the_totals_of_a_table_that_was_there_before(stage: ByHand) -> None:
    stage.play(*PLAYERS)
    stage._stream = None
    for player in PLAYERS:
        stage.delete_total(player)

    assert stage.rebuild().changed_users == len(PLAYERS)
    assert stage.is_exact_for_ever()


def test_a_dry_run_names_the_same_and_writes_nothing(stage: ByHand) -> None:
    stage.play(*PLAYERS)
    damage(stage, *PLAYERS[:5])
    calls = stage.calls

    foreseen = stage.rebuild(dry_run=True)

    assert not {"UpdateItem", "PutItem", "DeleteItem"} & set(calls)
    assert foreseen.changed == stage.rebuild().changed
    assert foreseen.changed_users == 5


def test_only_the_players_named_are_repaired(stage: ByHand) -> None:
    stage.play("Ada", "Ben", "Cid")
    for player in ("Ada", "Ben", "Cid"):
        stage.set_total(player, 50)

    result = stage.rebuild(users={"Ada", "Cid"})

    assert [each.username for each in result.changed] == ["Ada", "Cid"]
    assert stage.totals == {"Ada": 6, "Ben": 50, "Cid": 6}


@pytest.mark.parametrize("users", [{"Nobody"}, {"Ada", "Nobody"}])
def test_a_player_who_is_nobody_is_told(stage: ByHand, users: set[str]) -> None:
    stage.play("Ada")

    with pytest.raises(Misuse, match="no player 'Nobody'"):
        stage.rebuild(users=users)


STEPS = 8


@pytest.mark.parametrize("step", range(STEPS))
def test_a_second_rebuild_that_runs_whole_at_a_step_of_the_first_disturbs_nothing(
    stage: ByHand, step: int
) -> None:
    stage.play(*PLAYERS)
    damage(stage, *PLAYERS)
    operations = ["DescribeTable", "GetRecords", "ListObjectVersions", "Scan"]
    operations += ["GetItem", "Query", "UpdateItem", "GetItem"]
    wanted, seen = operations[step], itertools.count()
    late = step == STEPS - 1

    def run_second(operation: str) -> None:
        if operation == wanted and next(seen) == (40 if late else 1):
            assert stage.rebuild().is_done

    with stage.hooked("before-send", run_second):
        result = stage.rebuild()

    assert next(seen) > 1
    assert result.is_done
    assert stage.is_exact_for_ever()


def test_rebuilds_side_by_side_with_scores_and_deliveries_leave_every_total_right(
    stage: ByHand,
) -> None:
    stage.play(*PLAYERS)
    damage(stage, *PLAYERS)
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(stage.rebuild) for _ in range(2)]
        while not all(each.done() for each in running):
            stage.write(PLAYERS[int(time.monotonic() * 1000) % 20], 5)
            stage.deliver()

    assert all(each.result().is_done for each in running)
    stage.deliver()
    stage.rebuild()
    assert stage.is_exact_for_ever()


def test_it_ends_although_the_stream_is_never_quiet(stage: ByHand) -> None:
    stage.play("Ada", "Ben")
    stage.set_total("Ada", 50)

    def score(operation: str) -> None:
        if operation == "GetRecords":
            stage.write("Ben", 1)
            stage.deliver()

    with stage.hooked("before-send", score):
        assert stage.rebuild(settle_seconds=1).is_done

    assert stage.is_exact_for_ever()


def test_a_mapping_that_delivers_at_any_moment_disturbs_nothing(stage: ByHand) -> None:
    stage.play(*PLAYERS)
    damage(stage, *PLAYERS[:10])
    for player in PLAYERS:
        stage.write(player, 9)
    numbers = itertools.count()

    def deliver(_: str) -> None:
        if next(numbers) % 7 == 0:
            stage.write(PLAYERS[next(numbers) % 20], 2)
            stage.deliver(stage.shown()[:3])

    with stage.hooked("before-send.dynamodb", deliver):
        stage.rebuild()

    stage.redeliver()
    assert stage.rebuild().is_done
    assert stage.is_exact_for_ever()


def test_a_player_whose_item_others_keep_changing_is_named(
    stage: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "MOST_STEPS", 3)
    stage.play("Ada", "Ben")
    stage.set_total("Ada", 50)
    stage.set_total("Ben", 50)

    def change(operation: str) -> None:
        if operation == "UpdateItem":
            stage.set_total("Ada", int(time.monotonic_ns()))

    with stage.hooked("before-send", change):
        result = stage.rebuild()

    assert result.contended == ("Ada",)
    assert not result.is_done
    assert stage.totals["Ben"] == 6


def test_a_rejected_record_that_is_in_the_sum_is_not_counted_again_when_redriven(
    stage: ByHand,
) -> None:
    stage.play("Ada")
    stage.write("Ada", 100)
    (record,) = stage.shown()
    key = stage.reject(record)
    stage.discard(key)

    stage.rebuild()
    stage.reject(record)  # it is brought back, and redriven
    assert stage.deliver([record]) == 0

    assert stage.totals == {"Ada": 106}


def test_a_reject_that_is_redriven_between_the_listings_is_counted_once(stage: ByHand) -> None:
    stage.play("Ada")
    stage.write("Ada", 100)
    (record,) = stage.shown()
    key = stage.give_up(record)
    listings = itertools.count()

    def redrive(operation: str) -> None:
        if operation == "ListObjectVersions" and next(listings) == 1:
            assert stage.deliver([record]) == 1
            stage.discard(key)

    with stage.hooked("before-send", redrive):
        stage.rebuild()

    assert next(listings) == 2
    assert stage.totals == {"Ada": 106}
    assert stage.is_exact_for_ever()


def test_a_change_of_long_ago_that_is_in_a_reject_only_is_added_once(
    stage: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.play("Ada")
    stage.write("Ada", 100)
    (record,) = stage.shown()
    stage.reject(record)
    with shown_by_the_stream(monkeypatch, lambda _: False):
        before = stage.reconcile()
        stage.rebuild()
        after = stage.reconcile()

    assert (before.open, before.missing, before.differing_users) == (1, 0, 1)
    assert after.is_exact
    assert stage.totals == {"Ada": 106}
    assert stage.deliver([record]) == 0


def test_rejects_that_are_too_old_to_be_redriven_are_no_changes_to_come(
    stage: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their receipts may be gone with their pages, though they are counted."""
    stage.play("Ada")
    counted = stream_record(image("Ada", 6), at=time.time() - KEPT_SECONDS - 60)
    stage.reject(counted)

    assert stage.reconcile().is_exact
    assert stage.rebuild().changed_users == 0
    assert stage.totals == {"Ada": 6}


@contextmanager
def shown_by_the_stream(
    monkeypatch: pytest.MonkeyPatch, is_shown: Callable[[dict[str, Any]], bool]
) -> Iterator[None]:
    """Let operations see no other records in the stream: the embedded AWS shows all at once."""
    read = TableStream.read_with_shards
    held_back: dict[int, list[ShardRecord]] = {}

    def read_some(stream: TableStream) -> Iterator[ShardRecord]:
        waiting = held_back.setdefault(id(stream), [])
        waiting += read(stream)
        shown = [each for each in waiting if is_shown(each.record)]
        waiting[:] = [each for each in waiting if not is_shown(each.record)]
        yield from shown

    with monkeypatch.context() as patched:
        patched.setattr(TableStream, "read_with_shards", read_some)
        yield


def test_a_record_that_the_stream_shows_late_is_found_by_the_next_look(
    stage: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scan sees it, the stream does not yet, so it seems to be in no total by mistake."""
    stage.play("Ada")
    stage.write("Ada", 100)
    late = stage.shown()[0]
    is_late = True

    def show_when_corrected(operation: str) -> None:
        nonlocal is_late
        if operation == "UpdateItem" and is_late:
            is_late = False
            assert stage.deliver([late]) == 1

    with (
        shown_by_the_stream(monkeypatch, lambda r: not is_late or r["eventID"] != late["eventID"]),
        stage.hooked("after-call", show_when_corrected),
    ):
        result = stage.rebuild()

    assert not is_late
    assert result.is_done
    assert stage.totals == {"Ada": 106}
    assert stage.is_exact_for_ever()


def test_a_stream_that_is_slower_than_the_settle_time_is_waited_for_longer(
    stage: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.play("Ada", "Ben")
    stage.set_total("Ben", 50)
    stage.write("Ada", 100)
    late = stage.shown()[0]["eventID"]
    is_shown = False

    def show(operation: str) -> None:
        nonlocal is_shown
        is_shown = is_shown or operation == "UpdateItem"

    def is_in_time(record: dict[str, Any]) -> bool:
        if record["eventID"] == late and is_shown:
            record["dynamodb"]["ApproximateCreationDateTime"] -= 3
        return record["eventID"] != late or is_shown

    with shown_by_the_stream(monkeypatch, is_in_time), stage.hooked("after-call", show):
        result = stage.rebuild()

    assert any("seconds ago" in step for step in stage.steps)
    assert [each.username for each in result.changed] == ["Ada", "Ben"]
    assert stage.totals == stage.sums


@pytest.mark.parametrize("wrong_by", [30, -30, 5 * 3600, -5 * 3600])
def test_a_wrong_clock_of_the_operators_machine_changes_nothing(
    stage: ByHand, monkeypatch: pytest.MonkeyPatch, wrong_by: int
) -> None:
    now = time.time
    stage.play(*PLAYERS[:5])
    damage(stage, *PLAYERS[:5])

    def score(operation: str) -> None:
        if operation in ("Scan", "UpdateItem", "GetItem"):
            stage.write("Busy", 1)
            stage.deliver()

    monkeypatch.setattr(time, "time", lambda: now() + wrong_by)
    with stage.hooked("before-send", score):
        result = stage.rebuild()

    assert result.is_done
    assert stage.is_exact_for_ever()


def test_an_event_that_was_invoked_by_hand_is_taken_out_of_the_total(stage: ByHand) -> None:
    stage.play("Ada")
    invoked = stream_record(image("Ada", 1000), at=time.time())
    stage.deliver([invoked])
    assert stage.totals == {"Ada": 1006}

    assert not stage.reconcile().is_exact
    stage.rebuild()

    assert stage.totals == {"Ada": 6}
    assert stage.deliver([invoked]) == 0
    assert stage.is_exact_for_ever()


def test_a_total_that_no_number_holds_stops_nobody_and_its_records_are_named(
    stage: ByHand,
) -> None:
    large = stage.write("Too long", "-1E+50")
    stage.deliver()
    fine, other = stage.write("Too long", "1E-50"), stage.write("Too long", 5)
    stage.shown()
    stage.play("Beside it")
    stage.set_total("Beside it", 50)
    dry = stage.rebuild(dry_run=True)

    result = stage.rebuild()

    assert not result.is_done
    assert dry.unwritable == result.unwritable
    (unwritable,) = result.unwritable
    assert unwritable.username == "Too long"
    assert unwritable.reason == "the sum has more than 38 significant digits"
    assert {each.record_id for each in unwritable.records} == {str(large), str(fine), str(other)}
    assert stage.totals == {"Too long": Decimal("-1E+50"), "Beside it": 6}
    stage.erase(fine)
    stage.erase(other)
    assert stage.rebuild().is_done


def test_an_expired_record_stays_in_its_total_and_refuses_a_rebuild(
    stage: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.play("Ada")
    stage.erase(stage.write("Ada", 7))
    stage.deliver(stage.shown()[:1])
    stage.set_total("Ada", 14)

    def by_the_service(record: dict[str, Any]) -> bool:
        if record["eventName"] == "REMOVE":
            record["userIdentity"] = {"principalId": "dynamodb.amazonaws.com", "type": "Service"}
        return True

    with shown_by_the_stream(monkeypatch, by_the_service):
        differs = stage.reconcile()
        with pytest.raises(OperationFailed, match="expired") as refused:
            stage.rebuild()
        stage.set_total("Ada", 13)
        exact = stage.reconcile()
        stage.rebuild(without_expired=True)

    assert "--without-expired" in str(refused.value)
    assert "No total was changed" in str(refused.value)
    assert [each.total for each in differs.verdicts] == [14]
    assert exact.is_exact
    assert stage.totals == {"Ada": 6}


def test_a_table_whose_records_expire_is_refused(stage: ByHand) -> None:
    specification: Any = {"AttributeName": "ExpiresAt", "Enabled": True}
    stage.dynamodb.update_time_to_live(
        TableName=stage.data.names.records_table, TimeToLiveSpecification=specification
    )

    with pytest.raises(OperationFailed, match="--without-expired"):
        stage.rebuild()
    assert stage.rebuild(without_expired=True).is_done


def test_it_starts_over_where_the_stream_forgot_records_before_they_were_read(
    stage: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.play("Ada")
    stage.set_total("Ada", 50)
    read, gaps = TableStream.read_past, iter([True, False, True])

    def read_with_gap(
        stream: TableStream, *arguments: Any, **options: Any
    ) -> Iterator[ShardRecord]:
        yield from read(stream, *arguments, **options)
        stream.has_gap = next(gaps, False)

    monkeypatch.setattr(TableStream, "read_past", read_with_gap)
    result = stage.rebuild()

    assert any("starting over" in step for step in stage.steps)
    assert result.is_done
    assert stage.is_exact_for_ever()


def test_a_stream_that_forgets_all_the_time_is_told(
    stage: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = TableStream.read_past

    def read_with_gap(
        stream: TableStream, *arguments: Any, **options: Any
    ) -> Iterator[ShardRecord]:
        yield from read(stream, *arguments, **options)
        stream.has_gap = True

    monkeypatch.setattr(TableStream, "read_past", read_with_gap)

    with pytest.raises(OperationFailed, match="forgot records before they were read"):
        stage.rebuild()


def test_an_object_that_nobody_can_read_is_named(stage: ByHand) -> None:
    stage.play("Ada")
    key = stage.put_object("rejects/AggregateScoresByUser/2026/11/23/broken.json", "{no JSON")

    result = stage.rebuild()

    assert result.unreadable == (key,)
    assert not result.is_done
    assert stage.reconcile().unreadable == (key,)


class Death(BaseException):
    """The process ends."""


WRITES = ("UpdateItem", "PutItem", "DeleteItem")


@pytest.mark.parametrize("event", ["before-send", "after-call"])
@pytest.mark.parametrize("number", range(0, 12, 3))
def test_a_rebuild_that_dies_at_any_write_leaves_each_total_as_it_was_or_right(
    stage: ByHand, event: str, number: int
) -> None:
    stage.play(*PLAYERS[:10])
    damage(stage, *PLAYERS[:10])
    stage.write("Newcomer", 5)
    as_it_was = {user: item.get("Score") for user, item in items(stage).items()}
    writes = itertools.count()

    def die(operation: str) -> None:
        if operation in WRITES and next(writes) >= number:
            raise Death

    with stage.hooked(event, die), pytest.raises(Death):
        stage.rebuild()

    right = {user: {"N": str(total)} for user, total in stage.sums.items()}
    for user, item in items(stage).items():
        assert item.get("Score") in (as_it_was.get(user), right[user])
    assert stage.rebuild().is_done
    assert stage.is_exact_for_ever()


def items(stage: ByHand) -> dict[str, Any]:
    found = scan(stage.dynamodb, stage.data.names.totals_table)
    return {item["Username"]["S"]: item for item in found}


def test_an_interrupted_rebuild_says_how_many_are_done_and_goes_on_when_run_again(
    stage: ByHand,
) -> None:
    stage.play(*PLAYERS)
    damage(stage, *PLAYERS)
    looks, began = itertools.count(), itertools.count()

    def interrupt_reading(operation: str) -> None:
        if operation == "Scan":
            raise KeyboardInterrupt

    def interrupt_the_last_look(operation: str) -> None:
        if operation == "GetItem" and next(looks) == 3 * len(PLAYERS):
            raise KeyboardInterrupt

    with (
        stage.hooked("before-send", interrupt_reading),
        pytest.raises(OperationInterrupted, match="No total was changed"),
    ):
        stage.rebuild()
    with (
        stage.hooked("before-send", interrupt_the_last_look),
        pytest.raises(OperationInterrupted) as interrupted,
    ):
        stage.rebuild()

    assert next(began) == 0
    assert f"{len(PLAYERS)} players are done with" in str(interrupted.value)
    assert "Run this again to go on" in str(interrupted.value)
    assert stage.rebuild().is_done
    assert stage.is_exact_for_ever()


def test_a_failure_of_aws_says_what_was_changed(stage: ByHand) -> None:
    stage.play("Ada")
    stage.set_total("Ada", 50)
    client = stage.stage.aws.client("dynamodb")
    end = fail_requests(client, "UpdateItem", "AccessDeniedException")

    with pytest.raises(OperationFailed, match=r"AccessDenied.* every other total is as it was"):
        stage.rebuild()

    end()
    assert stage.totals == {"Ada": 50}


def test_writes_whose_answers_are_lost_change_nothing_more(stage: ByHand) -> None:
    stage.play(*PLAYERS)
    damage(stage, *PLAYERS)
    stage.write("Newcomer", 5)
    http = URLLib3Session()
    client = stage.stage.aws.client("dynamodb")

    def send_twice(request: Any, **_: Any) -> None:
        http.send(request)

    client.meta.events.register("before-send.dynamodb.UpdateItem", send_twice)

    assert stage.rebuild().is_done
    assert stage.is_exact_for_ever()


def test_every_read_is_consistent(stage: ByHand) -> None:
    """The embedded AWS has no other reads, so the parameter is asked for."""
    stage.play(*PLAYERS)
    damage(stage, *PLAYERS[:5])
    reads: dict[str, set[bool]] = {}

    def note(params: Any, event_name: str, **_: Any) -> None:
        operation = event_name.rsplit(".", maxsplit=1)[-1]
        reads.setdefault(operation, set()).add(params.get("ConsistentRead", False))

    events = stage.stage.aws.client("dynamodb").meta.events
    for operation in ("Scan", "GetItem", "Query"):
        events.register(f"provide-client-params.dynamodb.{operation}", note)

    stage.rebuild()

    assert reads == {"Scan": {True}, "GetItem": {True}, "Query": {True}}

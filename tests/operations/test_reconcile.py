"""reconcile: what is not exact is found and named, what goes on meanwhile is not."""

import io
import itertools
import resource
import time
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from chalicelib.scores import exact_sum
from operations.aws.errors import Misuse
from operations.aws.tables import ReadMeter, scan_segments
from operations.local.server import EmbeddedAws
from operations.terminal.views import TotalRow, totals_table
from operations.totals.book import AuditBook
from operations.totals.read import ScannedRecord
from tests.builders import image, stream_record
from tests.data_stack import DataStack
from tests.operations.damage import ByHand, by_hand


@pytest.fixture
def stage(aws: EmbeddedAws, data: DataStack, monkeypatch: pytest.MonkeyPatch) -> ByHand:
    monkeypatch.setattr("operations.aws.table_stream.PAUSE_SECONDS", 0.001)
    return by_hand(aws, data)


def test_totals_that_are_the_sums_are_exact_and_no_more_is_read_than_once(stage: ByHand) -> None:
    stage.play("Kim", "Lou", "Mia")
    calls = stage.calls

    result = stage.reconcile()

    assert result.is_exact
    assert (result.records, result.users, result.differing_users) == (9, 3, 0)
    assert result.read_units > 0
    assert set(calls) == {"DescribeTable", "Scan"}


def test_a_changed_a_deleted_and_a_broken_total_are_found(stage: ByHand) -> None:
    stage.play("Kim", "Lou", "Mia", "Ned")
    stage.set_total("Kim", "6.5")
    stage.delete_total("Lou")
    stage.change_total("Mia", Score={"S": "eleven"})

    result = stage.reconcile()
    one = stage.reconcile(users={"Kim"})

    found = {each.username: (each.total, each.expected) for each in result.verdicts}
    six = Decimal(6)
    assert found == {"Kim": (Decimal("6.5"), six), "Lou": (0 * six, six), "Mia": (None, six)}
    assert {each.username: each.problem for each in result.verdicts} == {
        "Kim": "",
        "Lou": "",
        "Mia": "its Score is of DynamoDB's type S",
    }
    assert (result.users, result.differing_users) == (4, 3)
    assert (one.users, [each.username for each in one.verdicts]) == (1, ["Kim"])


def test_damaged_receipts_and_pages_that_nothing_names_are_not_exact(stage: ByHand) -> None:
    stage.play("Kim", "Lou", scores=120)
    stage.change_total("Kim", Receipts={"S": "gone"})
    stage.change_total("Lou", LastPage={"S": "0000000001.00000000.0000000000000000"})

    problems = {each.username: each.problem for each in stage.reconcile().verdicts}

    assert problems["Kim"].startswith("its Receipts are of DynamoDB's type S")
    assert problems["Lou"] == "receipts are in pages that it does not name"


def test_invalid_records_are_named_and_count_for_nothing(stage: ByHand) -> None:
    stage.play("Kim")
    for record_id, score in (("9", {"S": "ten"}), ("8", {"N": "1"})):
        stage.dynamodb.put_item(
            TableName=stage.data.names.records_table,
            Item={"RecordID": {"N": record_id + "000"}, "Score": score},
        )
    stage.deliver()

    result = stage.reconcile()

    assert result.is_exact
    assert result.invalid_records == 2
    assert [each.record_id for each in result.invalid] == ["8000", "9000"]
    assert result.invalid[1].reason == "the record has no Username"


def test_a_missing_change_is_named_by_its_stream_record(stage: ByHand) -> None:
    stage.play("Kim")
    record_id = stage.write("Kim", 5)
    (lost,) = stage.shown()
    stage.play("Lou")

    (verdict,) = stage.reconcile().verdicts

    (missing,) = verdict.missing
    assert missing.record_id == str(record_id)
    assert missing.event_id == lost["eventID"]
    assert missing.seconds == lost["dynamodb"]["ApproximateCreationDateTime"]
    assert missing.amount == 5
    assert verdict.open == ()


def test_what_a_mapping_has_still_to_deliver_is_open_and_not_missing(stage: ByHand) -> None:
    stage.play("Kim", "Lou")
    stage.write("Kim", 5)
    stage.write("Lou", 6)
    oldest = stage.shown()[0]["dynamodb"]["ApproximateCreationDateTime"]

    result = stage.reconcile()

    assert not result.is_exact
    assert (result.missing, result.open, result.open_since) == (0, 2, oldest)


def test_what_is_in_a_reject_is_open_whatever_became_of_the_object(stage: ByHand) -> None:
    stage.play("Kim", "Lou")
    stage.write("Kim", 5)
    stage.write("Lou", 6)
    first, second = stage.shown()
    stage.discard(stage.reject(first))
    stage.give_up(second)
    stage.play("Mia")

    result = stage.reconcile()

    assert (result.missing, result.open) == (0, 2)


def test_a_total_that_somebody_deleted_is_never_exact_though_nothing_overtook_it(
    stage: ByHand,
) -> None:
    """All its changes are the youngest of their shard, so they might be on their way."""
    stage.play("Kim")
    stage.delete_total("Kim")

    assert not stage.reconcile().is_exact
    assert stage.rebuild().is_done
    assert stage.reconcile().is_exact


def test_what_is_counted_between_two_looks_is_exact(stage: ByHand) -> None:
    stage.play("Kim", "Lou")
    stage.write("Kim", 5)

    def deliver(operation: str) -> None:
        if operation == "GetItem":
            stage.deliver()

    with stage.hooked("before-send", deliver):
        assert stage.reconcile().is_exact


@pytest.mark.parametrize("lacks", [0, 1])
def test_beside_a_player_who_goes_on_playing_it_is_right_every_time(
    stage: ByHand, lacks: int
) -> None:
    """A score comes and is counted before every call that it makes."""
    stage.play("Kim", "Lou", scores=20)
    stage.set_total("Kim", 210 - lacks)
    scores = itertools.count(1)

    def score(_: str) -> None:
        stage.write("Kim", next(scores))
        stage.deliver()

    with stage.hooked("before-send", score):
        results = [stage.reconcile() for _ in range(2)]

    assert next(scores) > 50
    assert [result.differing_users for result in results] == [lacks] * 2
    for result in results:
        assert [each.judgement.error for each in result.verdicts] == [-1] * lacks


def test_a_player_whose_scores_wait_while_others_come_is_told_and_not_wrong(
    stage: ByHand,
) -> None:
    stage.play("Kim", "Lou")
    stage.write("Kim", 5)
    stage.shown()

    def score(operation: str) -> None:
        if operation in ("GetItem", "GetRecords"):
            stage.write("Kim", 1)
            stage.deliver(stage.shown()[:0])

    with stage.hooked("before-send", score):
        (verdict,) = stage.reconcile().verdicts

    assert verdict.judgement.error == 0
    assert len(verdict.open) >= 1


def test_records_that_move_to_another_player_are_followed(stage: ByHand) -> None:
    stage.play("Kim", "Lou")
    moved = stage.write("Kim", 50)
    stage.deliver()

    def move(operation: str) -> None:
        if operation == "Scan":
            stage.write("Lou" if stage.totals["Kim"] > 10 else "Kim", 50, moved)
            stage.deliver()

    with stage.hooked("after-call", move):
        assert stage.reconcile().is_exact


def test_an_event_invoked_by_hand_makes_a_total_wrong(stage: ByHand) -> None:
    stage.play("Kim")
    stage.deliver([stream_record(image("Kim", 1000), at=time.time())])

    (verdict,) = stage.reconcile().verdicts

    assert verdict.judgement.error == 1000
    assert (verdict.total, verdict.expected) == (Decimal(1006), Decimal(6))


def test_a_player_who_is_nobody_is_told(stage: ByHand) -> None:
    stage.play("Kim")

    with pytest.raises(Misuse, match="no player 'Kin'"):
        stage.reconcile(users={"Kin"})


def test_a_player_whose_records_are_all_deleted_is_somebody_as_long_as_there_is_a_total(
    stage: ByHand,
) -> None:
    stage.erase(stage.write("Kim", 5))
    stage.deliver()

    assert stage.reconcile(users={"Kim"}).is_exact


def test_memory_does_not_grow_with_the_number_of_records() -> None:
    def scanned(numbers: range) -> list[ScannedRecord]:
        return [ScannedRecord(str(n), f"player {n % 50_000}", Decimal(n)) for n in numbers]

    with AuditBook() as book:
        book.add_scanned(scanned(range(2000)))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for start in range(2000, 400_000, 1000):
            book.add_scanned(scanned(range(start, start + 1000)))
        book.index()
        users = sum(1 for _ in book.users())
        grown_kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    assert users == 50_000
    assert grown_kilobytes < 60_000


def test_no_number_is_cut_however_long_it_is_and_each_difference_is_shown() -> None:
    total, expected = Decimal("98765432109876543210987654321098765432"), Decimal("1E+40")
    rows = [TotalRow("Kim", total, expected, "still moving"), TotalRow("Lou", None, Decimal(7))]
    console = Console(width=80, record=True, file=io.StringIO())

    console.print(totals_table("Differ", "Total", "Sum", rows, difference="Difference"))

    columns = zip(
        *(
            [cell.strip() for cell in line.split("│")[1:-1]]
            for line in console.export_text().splitlines()
            if line.startswith("│")
        ),
        strict=True,
    )
    _, totals_shown, sums_shown, differences, _ = ("".join(cells) for cells in columns)
    assert totals_shown == f"{total:,f}no number"
    assert sums_shown == f"{expected:,f}7"
    assert differences == f"{exact_sum((total, -expected)):+,f}"


class PagedTable:
    """A client whose scans return that number of pages a segment, each of some units."""

    def __init__(self, pages: int, units: float, fail_at: int | None = None) -> None:
        self._pages, self._units, self._fail_at = pages, units, fail_at
        self.times: list[float] = []

    def scan(self, *, Segment: int, ExclusiveStartKey: int = 0, **_: Any) -> Any:  # noqa: N803
        self.times.append(time.monotonic())
        if self._fail_at == ExclusiveStartKey:
            raise OSError("the network is down")
        last = ExclusiveStartKey + 1 == self._pages
        return {
            "Items": [{"Segment": Segment, "Page": ExclusiveStartKey}],
            "ConsumedCapacity": {"CapacityUnits": self._units},
            **({} if last else {"LastEvaluatedKey": ExclusiveStartKey + 1}),
        }


def test_read_units_are_held_to_the_rate() -> None:
    table, meter = PagedTable(pages=5, units=10), ReadMeter(units_a_second=400)

    items = [item for page in scan_segments(table, "T", ("A",), meter) for item in page]  # type: ignore[arg-type]

    seconds = table.times[-1] - table.times[0]
    assert len(items) == 40
    assert meter.units == 400
    assert seconds > 0.9


def test_a_scan_that_fails_or_is_left_early_ends() -> None:
    with pytest.raises(OSError, match="down"):
        list(scan_segments(PagedTable(5, 1, fail_at=3), "T", ("A",), ReadMeter()))  # type: ignore[arg-type]

    pages = scan_segments(PagedTable(5000, 1), "T", ("A",), ReadMeter())  # type: ignore[arg-type]
    next(pages)
    pages.close()  # type: ignore[attr-defined]

"""reconcile: what differs is found, what is in flight is not."""

import io
import json
import resource
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from chalicelib.scores import exact_sum
from operations.aws.stage import Stage
from operations.aws.tables import ReadMeter, scan_segments
from operations.terminal.views import TotalRow, totals_table
from operations.totals import reconcile as reconciling
from operations.totals.reconcile import reconcile
from operations.totals.sums import Comparison, UserSums
from tests.operations.conftest import Shell, totals, until


def change_total(stage: Stage, user: str, **attributes: Any) -> None:
    stage.aws.client("dynamodb").update_item(
        TableName=stage.names.totals_table,
        Key={"Username": {"S": user}},
        UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in attributes),
        ExpressionAttributeValues={f":{name}": value for name, value in attributes.items()},
    )


@pytest.fixture
def _known_players(shell: Shell, stage: Stage) -> Iterator[None]:
    """Three players of two records each, and one invalid record."""
    for number, (user, score) in enumerate(
        [("Kim", "1.5"), ("Kim", "2"), ("Lou", "3"), ("Lou", "4"), ("Mia", "5"), ("Mia", "6")]
    ):
        record = {"RecordID": 5000 + number, "Username": user, "Score": Decimal(score)}
        shell("insert", json.dumps(record, default=str).replace(f'"{score}"', score), "--replace")
    stage.aws.client("dynamodb").put_item(
        TableName=stage.names.records_table,
        Item={"RecordID": {"N": "5010"}, "Username": {"S": "Kim"}, "Score": {"S": "ten"}},
    )
    expected = {"Kim": Decimal("3.5"), "Lou": Decimal(7), "Mia": Decimal(11)}
    until(lambda: totals(stage, *expected), expected)
    yield
    for user, total in expected.items():
        change_total(stage, user, Score={"N": str(total)})


@pytest.mark.usefixtures("_known_players", "_empty_bucket")
def test_a_changed_a_deleted_and_a_broken_total_are_found(shell: Shell, stage: Stage) -> None:
    table = stage.names.totals_table
    before = shell("reconcile", "--user", "Kim", "--json", "--settle", "0.1")
    change_total(stage, "Kim", Score={"N": "4"})
    stage.aws.client("dynamodb").delete_item(TableName=table, Key={"Username": {"S": "Lou"}})
    change_total(stage, "Mia", Score={"S": "eleven"})

    damaged = shell("reconcile", "--json", "--settle", "0.1")
    table_shown = shell("reconcile", "--settle", "0.1")
    one = shell("reconcile", "--user", "Kim", "--json", "--settle", "0.1")
    for user in ("Lou", "Mia"):
        change_total(stage, user, Score={"N": "0"})

    assert before.status == 0, before.out
    assert before.json["exact"] is True
    assert before.json["invalid_records"] == 1
    assert before.json["invalid"] == [
        {"record_id": "5010", "reason": "Score is a string, not a number"}
    ]
    assert "5010 │ Score is a string, not a number" in table_shown.out
    assert before.json["read_units"] > 0
    assert (damaged.status, table_shown.status, one.status) == (1, 1, 1)
    differences = damaged.json["differences"]
    assert {user: differences[user] for user in ("Kim", "Lou", "Mia")} == {
        "Kim": {"total": "4", "expected": "3.5", "difference": "0.5", "moving": False},
        "Lou": {"total": "0", "expected": "7", "difference": "-7", "moving": False},
        "Mia": {"total": None, "expected": "11", "difference": None, "moving": False},
    }
    assert list(one.json["differences"]) == ["Kim"]
    assert one.json["users"] == 1
    assert "no number" in table_shown.out


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


@pytest.mark.usefixtures("_known_players")
def test_what_is_in_flight_is_looked_at_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_total(stage, "Kim", Score={"N": "3"})
    monkeypatch.setattr(
        "operations.totals.reconcile.time.sleep",
        lambda _: change_total(stage, "Kim", Score={"N": "3.5"}),
    )

    result = reconcile(stage, ReadMeter(), lambda *_: None, user="Kim", settle_seconds=0)

    assert result.is_exact
    assert result.looks == 1


@pytest.mark.usefixtures("_known_players")
def test_a_user_that_differs_by_another_amount_each_time_is_still_moving(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    amounts = iter(range(10, 20))

    def move(_: float) -> None:
        change_total(stage, "Kim", Score={"N": str(next(amounts))})

    move(0)
    monkeypatch.setattr("operations.totals.reconcile.time.sleep", move)

    result = reconcile(stage, ReadMeter(), lambda *_: None, user="Kim", settle_seconds=0)

    (difference,) = result.differences
    assert difference.is_moving
    assert result.looks == reconciling.MOST_LOOKS


def test_sums_are_exact_whether_they_fit_into_memory_or_not() -> None:
    expected: dict[str, Decimal] = {}
    with UserSums(users_in_memory=3) as spilled, UserSums() as held:
        for index in range(1000):
            user, amount = f"player {index * 7 % 11}", Decimal(index).scaleb(-index % 40)
            expected[user] = exact_sum((expected.get(user, Decimal(0)), amount))
            for sums in (spilled, held):
                sums.expect(user, amount)
        for sums in (spilled, held):
            sums.find("player 1", expected["player 1"])
            sums.find("nobody", None)
            sums.find("zero", Decimal(0))

        assert list(spilled.comparisons()) == list(held.comparisons())
        assert Comparison("nobody", Decimal(0), None) in list(spilled.differences())
        names = [each.username for each in spilled.differences()]
        assert names == ["nobody", *sorted(set(expected) - {"player 1"})]


def test_memory_does_not_grow_with_the_number_of_users() -> None:
    with UserSums(users_in_memory=2_000) as sums:
        for index in range(2_000):
            sums.expect(f"player {index}", Decimal(1))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for index in range(150_000):
            sums.expect(f"another player {index}", Decimal(index))
        count = sum(1 for _ in sums.comparisons())
        grown_kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    assert count == 152_000
    assert grown_kilobytes < 60_000


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

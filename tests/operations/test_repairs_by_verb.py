"""reconcile and rebuild as an operator types them, beside the running pipeline."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from operations.aws.stage import FUNCTIONS, Stage
from tests.operations.conftest import Shell, totals, until
from tests.operations.repairing import (
    change_total,
    delete_record,
    delete_total,
    deliver,
    insert,
    set_total,
    stream_records,
    switch,
)

pytestmark = pytest.mark.usefixtures("_empty_bucket")

SOON = ("--settle", "0.5")


@pytest.fixture(autouse=True)
def _mapping_is_on_again(stage: Stage) -> Iterator[None]:
    yield
    switch(stage, enabled=True)


def play(shell: Shell, stage: Stage, first_id: int, *users: str) -> dict[str, Decimal]:
    """Two records each, 1.5 and 2 points; the totals."""
    for number, user in enumerate(users):
        insert(shell, first_id + 2 * number, user, "1.5")
        insert(shell, first_id + 2 * number + 1, user, "2")
    expected = dict.fromkeys(users, Decimal("3.5"))
    until(lambda: totals(stage, *users), expected)
    return expected


def test_damage_is_named_and_mended_while_a_mapping_is_off_and_when_it_is_on_again(
    shell: Shell, stage: Stage
) -> None:
    expected = play(shell, stage, 30_000, "Damaged 0", "Damaged 1", "Damaged 2", "Damaged 3")
    set_total(stage, "Damaged 0", "1000000")
    delete_total(stage, "Damaged 1")
    change_total(stage, "Damaged 3", Score={"S": "eleven"})
    switch(stage, enabled=False)
    insert(shell, 30_100, "Damaged 2", "100")
    insert(shell, 30_101, "Damaged 4", "7")
    found = shell("reconcile", "--json", *SOON)
    shown = shell("reconcile", *SOON)
    dry = shell("rebuild", "--dry-run", "--json", *SOON)

    answer = shell("rebuild", "--json", *SOON)

    expected |= {"Damaged 2": Decimal("103.5"), "Damaged 4": Decimal(7)}
    assert (found.status, shown.status, dry.status, answer.status) == (1, 1, 0, 0), answer.err
    differences = found.json["differences"]
    assert differences["Damaged 0"]["error"] == "999996.5"
    assert [each["record_id"] for each in differences["Damaged 1"]["missing"]] == ["30002", "30003"]
    assert differences["Damaged 2"]["open"] == 1
    assert differences["Damaged 3"]["damage"] == "its Score is of DynamoDB's type S"
    assert found.json["open"] >= 2
    assert "Missing changes" in shown.out
    assert "wait in rejects or in the stream, the oldest since 20" in shown.out
    changed = answer.json["changed"]
    assert dry.json["changed"]["Damaged 0"] == changed["Damaged 0"]
    assert changed["Damaged 0"] == {"total": "1000000", "expected": "3.5"}
    assert changed["Damaged 3"] == {"total": None, "expected": "3.5"}
    assert totals(stage, *expected) == expected
    switch(stage, enabled=True)
    deliver(stage, stream_records(stage))
    insert(shell, 30_102, "Damaged 1", "1")
    expected["Damaged 1"] += 1
    until(lambda: totals(stage, *expected), expected)
    assert shell("reconcile", *SOON).status == 0
    assert shell("rebuild", "--json", *SOON).json["changed_users"] == 0


def test_nothing_is_paused_and_no_right_to_pause_is_needed(shell: Shell, stage: Stage) -> None:
    """The operator's policy, which the shell has, allows no change of a mapping."""
    play(shell, stage, 31_000, "Unpaused")
    set_total(stage, "Unpaused", "7")
    client = stage.aws.client("lambda")

    def modified() -> list[object]:
        names = map(stage.function_name, FUNCTIONS)
        found = [client.list_event_source_mappings(FunctionName=name) for name in names]
        return [each["EventSourceMappings"][0]["LastModified"] for each in found]

    before = modified()
    assert shell("rebuild", *SOON).status == 0

    assert modified() == before


def test_only_the_players_named_are_compared_and_repaired(shell: Shell, stage: Stage) -> None:
    play(shell, stage, 32_000, "Oona", "Petra", "Quentin")
    for user in ("Oona", "Petra", "Quentin"):
        set_total(stage, user, "7")

    found = shell("reconcile", "--user", "Oona", "--user", "Quentin", "--json", *SOON)
    answer = shell("rebuild", "--user", "Oona", "--user", "Quentin", "--json", *SOON)
    left = totals(stage, "Oona", "Petra", "Quentin")
    rest = shell("rebuild", *SOON)

    assert list(found.json["differences"]) == ["Oona", "Quentin"]
    assert list(answer.json["changed"]) == ["Oona", "Quentin"]
    assert left == {"Oona": Decimal("3.5"), "Petra": 7, "Quentin": Decimal("3.5")}
    assert "Totals that were" in rest.out
    assert "Petra" in rest.out


@pytest.mark.parametrize("verb", ["reconcile", "rebuild"])
def test_a_player_who_is_nobody_is_misuse(shell: Shell, verb: str) -> None:
    nobody = shell(verb, "--user", "Nobody", *SOON)
    nameless = shell(verb, "--user", "", *SOON)

    assert (nobody.status, nameless.status) == (2, 2)
    assert "no player 'Nobody'" in nobody.err
    assert "Nobody can be called so" in nameless.err


def test_a_discarded_change_is_brought_back_after_a_rebuild_and_counts_once(
    shell: Shell, stage: Stage
) -> None:
    play(shell, stage, 33_000, "Rita")
    switch(stage, enabled=False)
    insert(shell, 33_010, "Rita", "100")
    (record,) = [
        each
        for each in stream_records(stage)
        if each["dynamodb"]["Keys"] == {"RecordID": {"N": "33010"}}
    ]
    key = "rejects/AggregateScoresByUser/2026/11/23/rita.json"
    body = {
        "function": "AggregateScoresByUser",
        "rejects": [{"reason": "too large", "record": record}],
    }
    place: Any = {"Bucket": stage.names.rejects_bucket, "Key": key}
    stage.aws.client("s3").put_object(**place, Body=json.dumps(body).encode())
    discarded = shell("rejects", "discard", key, "--yes")

    rebuilt = shell("rebuild", *SOON)
    stage.aws.client("s3").put_object(**place, Body=json.dumps(body).encode())
    redriven = shell("rejects", "redrive")
    switch(stage, enabled=True)

    assert (discarded.status, rebuilt.status, redriven.status) == (0, 0, 0), redriven.err
    assert totals(stage, "Rita") == {"Rita": Decimal("103.5")}
    assert shell("reconcile", *SOON).status == 0


def test_a_total_that_no_number_holds_is_named_with_the_records_to_correct(
    shell: Shell, stage: Stage
) -> None:
    insert(shell, 36_000, "Too long", "-1E+50")
    until(lambda: totals(stage, "Too long"), {"Too long": Decimal("-1E+50")})
    insert(shell, 36_001, "Too long", "1E-50")

    answer = shell("rebuild", "--json", *SOON)
    shown = shell("rebuild", "--dry-run", *SOON)
    delete_record(stage, 36_001)
    again = shell("rebuild", *SOON)

    assert (answer.status, shown.status, again.status) == (1, 1, 0), again.err
    (unwritable,) = answer.json["unwritable"]
    assert unwritable["reason"] == "the sum has more than 38 significant digits"
    assert {each["record_id"] for each in unwritable["records"]} == {"36000", "36001"}
    assert "Correct these records in the table, then run this again." in shown.out
    shell("rejects", "discard", "--prefix", "", "--yes")


def test_an_object_that_nobody_can_read_is_named(shell: Shell, stage: Stage) -> None:
    key = "rejects/AggregateScoresByUser/2026/11/23/broken.json"
    stage.aws.client("s3").put_object(Bucket=stage.names.rejects_bucket, Key=key, Body=b"{no JSON")

    rebuilt, reconciled = shell("rebuild", *SOON), shell("reconcile", "--json", *SOON)

    assert rebuilt.status == 1
    assert key in rebuilt.out
    assert reconciled.json["unreadable_rejects"] == [key]

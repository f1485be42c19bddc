"""A user's total repaired step by step: whatever is wrong, whoever else writes."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from botocore.httpsession import URLLib3Session

from chalicelib.receipts import make_receipt
from chalicelib.scores import InvalidRecord, ScoreChange, exact_sum
from chalicelib.totals import MOST_AT_ONCE, AdditionRefused, GameScoresByUser
from operations.totals.correction import plan_correction
from operations.totals.judgement import Judgement, Known
from operations.totals.repair import Step, plan_step, take_step
from operations.totals.user_look import Look, look_at
from tests.builders import TODAY
from tests.data_stack import DataStack
from tests.faults import after_next, before_next, record_calls

TOTALS, RECEIPTS = "GameScoresByUser", "GameScoreReceipts"
KEY = {"Username": {"S": "Ann"}}
LONG_AGO = TODAY - 10**6
"""Of the records of then, no stream and no reject knows anything any more."""


def changes_of(
    count: int, *, start: int = 0, at: int = TODAY, user: str = "Ann"
) -> list[ScoreChange]:
    """Changes of 1, 2, 3 … points, seven a second."""
    return [
        ScoreChange(
            user,
            Decimal(number % 1000 + 1),
            make_receipt(f"event-{number}", "1", at + number // 7),
            0,
        )
        for number in range(start, start + count)
    ]


def sum_of(changes: Sequence[ScoreChange]) -> Decimal:
    return exact_sum(change.amount for change in changes)


@dataclass(frozen=True)
class Ann:
    """The only user: what the stream and the records say of her, and her tables."""

    data: DataStack
    known: Known
    changes: list[ScoreChange]

    @property
    def core(self) -> GameScoresByUser:
        return GameScoresByUser(self.data.dynamodb, TOTALS, RECEIPTS)

    @property
    def total(self) -> Decimal | None:
        score = self.data.total_item("Ann").get("Score")
        return score and Decimal(score["N"]) if score and "N" in score else None

    def look(self, dynamodb: Any = None) -> Look:
        return look_at(
            dynamodb or self.data.dynamodb,
            TOTALS,
            RECEIPTS,
            "Ann",
            self.known.changes.keys(),
            recent_seconds=TODAY,
        )

    def judge(self, dynamodb: Any = None) -> Judgement:
        return Judgement(self.look(dynamodb), self.known)

    def plan(self) -> Step:
        step = plan_step(self.judge())
        assert step
        return step

    def take(self, step: Step, dynamodb: Any = None) -> None:
        take_step(dynamodb or self.data.dynamodb, TOTALS, RECEIPTS, step)

    def repair(self, dynamodb: Any = None) -> int:
        """Repair her until nothing is left to do; the number of steps."""
        for number in range(10):
            step = plan_step(self.judge(dynamodb))
            if step is None:
                return number
            self.take(step, dynamodb)
        raise AssertionError("the repair does not come to an end")

    def is_exact_for_ever(self) -> bool:
        """Whether the total is the sum, and stays so when everything is delivered again."""
        before = self.total
        for start in range(0, len(self.changes), 100):
            again = self.core.add(self.changes[start : start + 100])
            assert again.counted == 0
            assert not again.rejects
        judgement = self.judge()
        return before == self.total == self.known.expected and judgement.is_sound


def ann(data: DataStack, changes: list[ScoreChange], *, counted: int | None = None) -> Ann:
    """A user with an old total of 1,000, and these changes, the first of them counted."""
    old = changes_of(1, start=999, at=LONG_AGO)
    core = GameScoresByUser(data.dynamodb, TOTALS, RECEIPTS)
    core.add(old)
    for start in range(0, len(changes) if counted is None else counted, 10):
        core.add(changes[:counted][start : start + 10])
    known = Known(sum_of([*old, *changes]), {change.receipt: change.amount for change in changes})
    return Ann(data, known, changes)


def put(data: DataStack, **attributes: Any) -> None:
    data.dynamodb.put_item(TableName=TOTALS, Item={**KEY, **attributes})


def change_item(data: DataStack, **attributes: Any) -> None:
    put(data, **{**data.total_item("Ann"), **attributes})


def remove(data: DataStack, *attributes: str) -> None:
    item = data.total_item("Ann")
    put(data, **{name: value for name, value in item.items() if name not in attributes})


def delete_item(data: DataStack) -> None:
    data.dynamodb.delete_item(TableName=TOTALS, Key=KEY)


def damage_page(data: DataStack, number: int, receipts: Any) -> None:
    page = data.pages[number]
    data.dynamodb.put_item(TableName=RECEIPTS, Item={**page, "Receipts": receipts})


def put_page_of_no_key(data: DataStack) -> None:
    data.dynamodb.put_item(TableName=RECEIPTS, Item={**data.pages[-1], "Page": {"S": "no key"}})


def delete_item_and_damage_page(data: DataStack) -> None:
    delete_item(data)
    damage_page(data, 1, {"SS": ["a"]})


Damage = Callable[[DataStack], Any]

DAMAGES: dict[str, Damage] = {
    "a larger score": lambda data: change_item(data, Score={"N": "1E+9"}),
    "a fraction of a score": lambda data: change_item(data, Score={"N": "0.001"}),
    "a score of text": lambda data: change_item(data, Score={"S": "eleven"}),
    "a score of null": lambda data: change_item(data, Score={"NULL": True}),
    "no score": lambda data: remove(data, "Score"),
    "no receipts": lambda data: remove(data, "Receipts"),
    "receipts of text": lambda data: change_item(data, Receipts={"S": "gone"}),
    "receipts in a list": lambda data: change_item(data, Receipts={"L": []}),
    "no last page": lambda data: remove(data, "LastPage"),
    "a last page of another kind": lambda data: change_item(data, LastPage={"N": "5"}),
    "a last page of no page's key": lambda data: change_item(data, LastPage={"S": "~"}),
    "a last page long ago": lambda data: change_item(
        data, LastPage={"S": f"{LONG_AGO:010d}.00000000.{1:016x}"}
    ),
    "everything damaged": lambda data: put(
        data, Score={"S": ""}, Receipts={"N": "1"}, LastPage={"BOOL": False}
    ),
    "a score alone": lambda data: put(data, Score={"N": "77"}),
    "an empty item": put,
    "a deleted item": delete_item,
    "a damaged page": lambda data: damage_page(data, 0, {"S": "gone"}),
    "a page without its set": lambda data: damage_page(data, -1, {"L": [{"B": b"receipt"}]}),
    "a page of no page's key": put_page_of_no_key,
    "a deleted item and a damaged page": delete_item_and_damage_page,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("counted", [200, 150], ids=["all counted", "some on their way"])
def test_damage_of_every_kind_is_mended_and_redelivery_counts_once(
    data: DataStack, damage: Damage, counted: int
) -> None:
    user = ann(data, changes_of(200), counted=counted)
    assert len(data.pages) > 2
    damage(data)

    user.repair()

    assert user.is_exact_for_ever()


def test_a_total_that_only_lacks_changes_gets_them_by_the_cores_own_add(data: DataStack) -> None:
    user = ann(data, changes_of(70), counted=60)

    step = user.plan()
    user.take(step)

    assert {each.receipt for each in step.additions} == {each.receipt for each in user.changes[60:]}
    assert step.correction is None
    assert user.is_exact_for_ever()


def test_an_exact_total_is_left_alone(data: DataStack) -> None:
    user = ann(data, changes_of(200))
    calls = record_calls(data.dynamodb)

    assert user.repair() == 0
    assert calls == ["GetItem", "Query"]


def test_a_user_of_no_records_and_no_item_gets_none(data: DataStack) -> None:
    user = Ann(data, Known(Decimal(0), {}), [])

    assert user.repair() == 0
    assert data.total_item("Ann") == {}


@pytest.mark.parametrize("damage", ["no receipts", "a score alone", "a deleted item"])
def test_what_was_found_is_corrected_in_one_write(data: DataStack, damage: str) -> None:
    user = ann(data, changes_of(30))
    DAMAGES[damage](data)
    calls = record_calls(data.dynamodb)

    user.take(user.plan())

    assert calls.count("UpdateItem") == 1
    assert user.is_exact_for_ever()


def test_of_two_repairs_that_found_the_same_one_writes(data: DataStack) -> None:
    user = ann(data, changes_of(90), counted=80)
    change_item(data, Score={"N": "7"})
    first, second = user.plan(), user.plan()

    user.take(first)
    user.take(second)

    assert user.is_exact_for_ever()


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_others_count_between_look_and_correction_is_neither_lost_nor_doubled(
    data: DataStack, damage: Damage
) -> None:
    user = ann(data, changes_of(130), counted=120)
    damage(data)
    under_way = iter([user.changes[120:123], user.changes[123:130], user.changes[:9]])

    def count() -> None:
        user.core.add(next(under_way, []))

    while step := plan_step(user.judge()):
        count()
        user.take(step)

    assert user.is_exact_for_ever()


def test_a_score_that_somebody_changes_meanwhile_is_looked_at_again(data: DataStack) -> None:
    user = ann(data, changes_of(5))
    change_item(data, Score={"N": "7"})
    step = user.plan()
    change_item(data, Score={"N": "8"})

    user.take(step)

    assert user.total == 8
    user.repair()
    assert user.is_exact_for_ever()


class Death(BaseException):
    """The repair's process ends."""


def dies_at(data: DataStack, call: int, moment: str, act: Callable[[Any], Any]) -> Any:
    """A client whose process does `act` at its call of that number, before or after it."""
    client = data.dynamodb.meta
    numbers = itertools.count()

    def at_call(**_: Any) -> Any:
        return act(_.get("request")) if next(numbers) == call else None

    client.events.register(f"{moment}.dynamodb", at_call)
    return lambda: client.events.unregister(f"{moment}.dynamodb", at_call)


@pytest.mark.parametrize("moment", ["before-send", "after-call"])
@pytest.mark.parametrize(
    "damage", ["a score alone", "no receipts", "a deleted item", "a damaged page", "no last page"]
)
def test_a_repair_that_dies_anywhere_leaves_the_total_as_it_was_or_right(
    data: DataStack, damage: str, moment: str
) -> None:
    user = ann(data, changes_of(130), counted=120)
    DAMAGES[damage](data)
    as_it_was = user.total

    def die(_: Any) -> None:
        raise Death

    for call in range(20):
        end = dies_at(data, call, moment, die)
        try:
            user.repair()
        except Death:
            assert user.total in (as_it_was, user.known.expected)
            continue
        finally:
            end()
        break
    assert call > 2

    assert user.is_exact_for_ever()


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_write_whose_answer_is_lost_and_that_is_sent_again_changes_nothing_more(
    data: DataStack, damage: Damage
) -> None:
    user = ann(data, changes_of(130), counted=120)
    damage(data)
    http = URLLib3Session()

    def send_twice(request: Any, **_: Any) -> None:
        http.send(request)

    for operation in ("UpdateItem", "DeleteItem", "PutItem"):
        data.dynamodb.meta.events.register(f"before-send.dynamodb.{operation}", send_twice)
    try:
        user.repair()
    finally:
        for operation in ("UpdateItem", "DeleteItem", "PutItem"):
            data.dynamodb.meta.events.unregister(f"before-send.dynamodb.{operation}", send_twice)

    assert user.is_exact_for_ever()


def test_a_correction_that_arrives_when_the_repair_is_long_over_is_refused(
    data: DataStack,
) -> None:
    user = ann(data, changes_of(90), counted=80)
    change_item(data, Score={"N": "7"})
    late = user.plan()
    user.repair()
    more = changes_of(3, start=500)
    user.core.add(more)

    user.take(late)

    assert user.total == user.known.expected + sum_of(more)


def test_what_one_update_cannot_record_is_left_out_and_added_afterwards(data: DataStack) -> None:
    user = ann(data, changes_of(MOST_AT_ONCE + 7), counted=0)
    change_item(data, Score={"N": "5"})

    correction = plan_correction(user.judge())
    steps = user.repair()

    assert correction
    in_order = sorted(user.changes, key=lambda change: change.receipt)
    assert correction.total == user.known.expected - sum_of(in_order[-8:])
    assert len(correction.counted) == MOST_AT_ONCE - 1
    assert steps == 2
    assert user.is_exact_for_ever()


def test_pages_that_hold_what_is_nowhere_else_are_reached_again(data: DataStack) -> None:
    user = ann(data, changes_of(200))
    newest = data.pages[-1]["Page"]
    delete_item(data)

    user.repair()

    item = data.total_item("Ann")
    assert item["LastPage"] == newest
    assert set(item["Receipts"]["BS"]) == user.known.changes.keys()
    assert user.is_exact_for_ever()


def test_an_addition_that_looked_through_the_pages_before_the_item_was_deleted_is_refused(
    data: DataStack,
) -> None:
    user = ann(data, changes_of(120), counted=0)
    late, *others = user.changes
    for start in range(0, 119, 10):
        user.core.add(others[start : start + 10])
    newest = data.total_item("Ann")["LastPage"]["S"]

    def delete_count_anew_and_repair() -> None:
        delete_item(data)
        user.core.add([late])
        for start in range(0, 60, 10):
            user.core.add(others[start : start + 10])
        assert data.total_item("Ann")["LastPage"]["S"] < newest
        user.repair()

    after_next(data.dynamodb, "Query", delete_count_anew_and_repair)
    assert user.core.add([late]).counted == 0

    assert user.is_exact_for_ever()


def test_a_damaged_page_that_an_addition_is_about_to_name_is_named_before_it_goes(
    data: DataStack,
) -> None:
    user = ann(data, changes_of(50))
    late = changes_of(30, start=50)
    pages = len(data.pages)

    def damage_and_repair() -> None:
        assert len(data.pages) == pages + 1
        damage_page(data, -1, {"S": "gone"})
        user.repair()  # it does not know of what is being added

    after_next(data.dynamodb, "PutItem", damage_and_repair)
    user.core.add(late)

    assert user.core.add([*user.changes, *late]).counted == 0
    assert user.total == user.known.expected + sum_of(late)


def test_a_page_whose_update_never_came_is_no_damage(data: DataStack) -> None:
    user = ann(data, changes_of(40))
    item = data.total_item("Ann")
    page = {**KEY, "Page": {"S": f"{TODAY + 9:010d}.00000000.{1:016x}"}}
    data.dynamodb.put_item(TableName=RECEIPTS, Item={**page, "Receipts": item["Receipts"]})

    judgement = user.judge()

    assert judgement.is_sound
    assert not judgement.open


def test_what_is_moved_to_a_page_after_the_item_was_read_is_no_damage(data: DataStack) -> None:
    user = ann(data, changes_of(140), counted=40)

    before_next(data.dynamodb, "Query", lambda: [user.core.add([c]) for c in user.changes[40:]])
    judgement = user.judge()

    assert judgement.is_sound
    assert not judgement.open


def test_only_pages_that_can_hold_what_is_wanted_are_read_and_all_without_a_last_page(
    data: DataStack,
) -> None:
    old = changes_of(200, at=LONG_AGO)
    core = GameScoresByUser(data.dynamodb, TOTALS, RECEIPTS)
    for start in range(0, 200, 10):
        core.add(old[start : start + 10])
    user = ann(data, changes_of(200))
    asked: list[str] = []

    def note(params: Any, **_: Any) -> None:
        asked.append(params["ExpressionAttributeValues"][":page"]["S"])

    data.dynamodb.meta.events.register("provide-client-params.dynamodb.Query", note)
    user.look()
    delete_item(data)
    user.look()
    data.dynamodb.meta.events.unregister("provide-client-params.dynamodb.Query", note)

    assert asked == [f"{TODAY:010d}", "0000000000"]


def test_every_read_is_consistent(data: DataStack) -> None:
    user = ann(data, changes_of(200))
    reads: list[bool] = []

    def note(params: Any, **_: Any) -> None:
        reads.append(params["ConsistentRead"])

    for operation in ("GetItem", "Query"):
        data.dynamodb.meta.events.register(f"provide-client-params.dynamodb.{operation}", note)
    user.look()
    for operation in ("GetItem", "Query"):
        data.dynamodb.meta.events.unregister(f"provide-client-params.dynamodb.{operation}", note)

    assert reads == [True, True]


def test_a_sum_that_no_number_holds_is_refused_and_nothing_is_written(data: DataStack) -> None:
    user = ann(data, changes_of(3))
    too_long = replace(user, known=Known(exact_sum([Decimal("1E+50"), Decimal("1E-50")]), {}))

    with pytest.raises(InvalidRecord, match="38 significant digits"):
        plan_step(too_long.judge())


def test_a_change_that_the_total_cannot_take_is_told(data: DataStack) -> None:
    user = ann(data, changes_of(3))
    impossible = ScoreChange("Ann", Decimal("1E+200"), make_receipt("event", "1", TODAY), 0)

    with pytest.raises(AdditionRefused, match="cannot take it"):
        user.take(Step("Ann", additions=(impossible,)))

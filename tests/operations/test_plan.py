"""The demo's plan, and how it explains its numbers."""

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from rich.console import Console

from chalicelib import words
from chalicelib.stream_records import decode_stream_batch
from operations.local.plan import Correction, Plan, plan_demo
from operations.scores.generate import GeneratedScore
from operations.verbs.demo import explanation
from tests.builders import image, stream_record


def explained(plan: Plan) -> dict[str, str]:
    """The lines of the explanation by what they explain."""
    console = Console(width=200)
    with console.capture() as capture:
        console.print(explanation(plan))
    lines = (line.strip() for line in capture.get().splitlines())
    return {line.split()[0]: line for line in lines}


def test_the_same_seed_makes_the_same_plan() -> None:
    assert plan_demo(300, 20, seed=4) == plan_demo(300, 20, seed=4)
    assert plan_demo(300, 20, seed=4) != plan_demo(300, 20, seed=5)


def changes_counted(plan: Plan) -> int:
    """The changes that the aggregator finds in what the plan writes."""
    new = [stream_record(image(each.username, each.score)) for each in plan.scores]
    changed = [
        stream_record(image(after.username, after.score), image(before.username, before.score))
        for before, after in plan.corrections
    ]
    gone = [stream_record(None, image(each.username, each.score)) for each in plan.deletions]
    return len(decode_stream_batch([*new, *changed, *gone]).changes)


def test_the_planned_changes_are_those_that_the_aggregator_counts() -> None:
    plan = plan_demo(2000, 10, seed=1)

    assert plan.changes == changes_counted(plan)


def test_scores_of_zero_change_nothing_when_they_go() -> None:
    zero = GeneratedScore(1, "Ann", Decimal(0))
    plan = replace(
        plan_demo(100, 10, seed=1),
        corrections=(
            Correction(zero, GeneratedScore(1, "Ben", Decimal(1))),
            Correction(zero, GeneratedScore(1, "Ann", Decimal(1))),
        ),
        deletions=(zero,),
    )

    assert plan.changes == changes_counted(plan) == 102


def test_the_explanation_makes_sense_of_every_number() -> None:
    lines = explained(plan_demo(2000, 200, seed=1))

    assert lines == {
        "sent": f"sent       2,144: 2,000 {words.SCORES} of 200 {words.PLAYERS}, 100 of these "
        f"once more, 40 malformed, 1 with a taken RecordID, 3 no {words.SCORES} at all",
        "stored": f"stored     2,001: 2,000 {words.SCORES}, 1 of the lab",
        "aggregated": f"aggregated 2,162: 2,000 {words.SCORES}, 2 of the lab, 40 corrected, "
        f"80 for 40 given to another {words.PLAYER}, 40 deleted",
        "totals": f"totals       203: 200 {words.PLAYERS}, 2 of the lab, 1 who is given records",
    }


@pytest.mark.parametrize(("records", "users", "seed"), [(1, 1, 1), (60, 5, 2), (2000, 9, 3)])
def test_the_explanation_comes_to_what_is_sent_and_counted(
    records: int, users: int, seed: int
) -> None:
    plan = plan_demo(records, users, seed)

    counts = {
        name: int(re.sub(r"\D", "", line.partition(":")[0]))
        for name, line in explained(plan).items()
    }

    assert counts["sent"] == plan.to_send
    assert counts["stored"] == records + 1
    assert counts["aggregated"] == plan.changes + 2

"""The soak, on AWS's own DynamoDB: thousands of faults, nothing wrong, lost or stuck."""

from rich.console import Console

from tests.conformance.judged import JudgedAws
from tests.proofs.soak import soak_once

FAULTS = 2_000


def test_two_thousand_faults_leave_nothing_wrong_lost_or_stuck(aws: JudgedAws) -> None:
    outcomes = soak_once(aws, FAULTS, seed=14, console=Console())

    assert outcomes["histories"] > 3
    assert outcomes["failed invocations"] > FAULTS / 10
    assert [outcomes[name] for name in ("wrong", "lost", "stuck")] == [0, 0, 0]

"""Repairs beside a running pipeline: a short run of what the long one does five times."""

import pytest

from tests.proofs.repairs_by_hand import (
    command_line,
    rebuild_twice_while_scores_come,
    reconcile_beside_a_player,
)


@pytest.mark.slow
def test_two_rebuilds_at_once_and_reconcile_beside_a_player_are_right() -> None:
    with command_line() as shell:
        assert rebuild_twice_while_scores_come(shell, number=1, seconds=5) == []
        assert reconcile_beside_a_player(shell, looks=2) == []

"""A mapping is changed and deleted once nothing else changes it."""

from collections.abc import Callable, Iterator

import pytest
from botocore.exceptions import ClientError

from operations.aws import mappings
from operations.aws.config import PROJECT
from operations.aws.errors import OperationFailed
from operations.aws.mappings import (
    EventSourceMapping,
    change_mapping,
    delete_mapping,
    require_mapping,
)
from operations.aws.stage import AGGREGATOR, FUNCTIONS, Stage
from operations.deploy import mapping_options
from operations.deploy.mapping_options import apply_mapping_options
from tests.faults import fail_requests

IN_USE = "ResourceInUseException"
UPDATE, DELETE = "UpdateEventSourceMapping", "DeleteEventSourceMapping"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mappings, "POLL_SECONDS", 0)


@pytest.fixture
def refuse(stage: Stage) -> Iterator[Callable[..., None]]:
    """Lets Lambda refuse requests as while a mapping is in use; the embedded AWS never does."""
    ends: list[Callable[[], None]] = []

    def refuse_requests(operation: str, code: str, times: int = 1000) -> None:
        ends.append(fail_requests(stage.aws.client("lambda"), operation, code, times))

    yield refuse_requests
    for end in ends:
        end()


@pytest.fixture
def mapping(stage: Stage) -> EventSourceMapping:
    return require_mapping(stage, AGGREGATOR)


@pytest.mark.parametrize("code", mappings.IN_USE)
def test_a_mapping_in_use_is_waited_for_and_changed_then(
    stage: Stage, mapping: EventSourceMapping, refuse: Callable[..., None], code: str
) -> None:
    refuse(UPDATE, code, times=3)
    change_mapping(stage, mapping, Enabled=False)
    paused = require_mapping(stage, AGGREGATOR)
    refuse(UPDATE, code, times=1)
    change_mapping(stage, paused, Enabled=True)

    assert paused.state == "Disabled"
    assert require_mapping(stage, AGGREGATOR).state == "Enabled"


def test_the_options_of_a_deployment_wait_as_well(
    stage: Stage, refuse: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapping_options, "read_mapping_options", lambda *_: {"Enabled": True})
    refuse(UPDATE, IN_USE, times=2)

    assert list(apply_mapping_options(stage, PROJECT)) == list(FUNCTIONS)


def test_a_mapping_that_stays_in_use_is_named_and_what_else_goes_wrong_rises(
    stage: Stage,
    mapping: EventSourceMapping,
    refuse: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refuse(UPDATE, "InvalidParameterValueException", times=1)
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        change_mapping(stage, mapping, Enabled=True)

    monkeypatch.setattr(mappings, "CHANGE_SECONDS", 0.05)
    refuse(UPDATE, IN_USE)
    refuse(DELETE, IN_USE)
    with pytest.raises(OperationFailed, match=f"{mapping.uuid} of {AGGREGATOR} is still in use"):
        change_mapping(stage, mapping, Enabled=True)
    with pytest.raises(OperationFailed, match="is still there"):
        delete_mapping(stage, mapping)


def test_a_mapping_that_is_gone_needs_no_deletion(stage: Stage) -> None:
    gone = EventSourceMapping(AGGREGATOR, "00000000-0000-0000-0000-000000000000", "", "", "")

    delete_mapping(stage, gone)

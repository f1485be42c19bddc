"""The functions' event source mappings: seen, changed and deleted."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from operations.aws.errors import OperationFailed
from operations.aws.remedies import how_to_deploy_app
from operations.aws.stage import INGESTION, Stage

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import EventSourceMappingConfigurationTypeDef

CHANGE_SECONDS = 300
"""Lambda takes up to some minutes to change a mapping's state."""

POLL_SECONDS = 0.5

IN_USE = ("ResourceInUseException", "ResourceConflictException")
"""What Lambda answers while a mapping is being made or changed, which ends by itself."""

SETTLED = ("Enabled", "Disabled")


@dataclass(frozen=True)
class EventSourceMapping:
    """An event source mapping: it feeds a stream to a function.

    `last_result` is Lambda's word on the last batch: `OK`, `No records processed`,
    `PROBLEM: Function call failed` and the like. Records older than `maximum_age_seconds` go to the
    rejects bucket; -1: none does.
    """

    function: str
    uuid: str
    state: str
    last_result: str
    source: str
    maximum_age_seconds: int = -1

    @property
    def is_enabled(self) -> bool:
        """Whether it delivers, or is about to."""
        return self.state in ("Enabled", "Enabling", "Creating", "Updating")

    @property
    def batch_failed(self) -> bool:
        """Whether the function failed on the last batch: AWS's word, or the embedded AWS's."""
        return self.last_result in ("PROBLEM: Function call failed", "FAILED")

    @property
    def has_failed(self) -> bool:
        """Whether the last batch was not processed, or never reached the function."""
        return self.last_result.startswith(("PROBLEM", "FAILED"))


def find_mappings(stage: Stage, function: str) -> list[EventSourceMapping]:
    """The function's mappings; none where it is not deployed."""
    return [_mapping(function, found) for found in list_mappings(stage, function)]


def list_mappings(stage: Stage, function: str) -> "list[EventSourceMappingConfigurationTypeDef]":
    """The function's mappings as Lambda describes them, with all options."""
    client = stage.aws.client("lambda")
    pages = client.get_paginator("list_event_source_mappings").paginate(
        FunctionName=stage.function_name(function)
    )
    try:
        return [mapping for page in pages for mapping in page["EventSourceMappings"]]
    except client.exceptions.ResourceNotFoundException:
        return []


def reads_the_stage(stage: Stage, function: str, source: str) -> bool:
    """Whether a mapping's source is the stream that the stage's names have for the function.

    A table that was made anew, or restored, has another stream than before.
    """
    if function == INGESTION:
        return source.endswith(f":stream/{stage.names.stream}")
    return source == stage.names.records_stream_arn


def find_strays(stage: Stage, function: str) -> list[EventSourceMapping]:
    """The function's mappings that the stage has no use for."""
    return strays_among(stage, function, find_mappings(stage, function))


def strays_among(
    stage: Stage, function: str, found: Sequence[EventSourceMapping]
) -> list[EventSourceMapping]:
    """Those mappings that read no stream of the stage, and all but one of those that do.

    The one is enabled if any is.
    """
    right = [each for each in found if reads_the_stage(stage, function, each.source)]
    wanted = sorted(right, key=lambda each: not each.is_enabled)[:1]
    return [each for each in found if each not in wanted]


def change_mapping(stage: Stage, mapping: EventSourceMapping, **options: Any) -> None:
    """Give the mapping these options, once nothing else changes it, and wait until it has them."""
    client = stage.aws.client("lambda")
    for _ in _looks(mapping, "in use"):
        with _may_be_in_use():
            client.update_event_source_mapping(UUID=mapping.uuid, **options)
            break
    for _ in _looks(mapping, "being changed"):
        if client.get_event_source_mapping(UUID=mapping.uuid).get("State") in SETTLED:
            break


def delete_mapping(stage: Stage, mapping: EventSourceMapping) -> None:
    """Delete the mapping, and wait until it is gone; one that is gone already is fine."""
    client = stage.aws.client("lambda")
    with suppress(client.exceptions.ResourceNotFoundException):
        for _ in _looks(mapping, "there"):
            with _may_be_in_use():
                if client.get_event_source_mapping(UUID=mapping.uuid)["State"] != "Deleting":
                    client.delete_event_source_mapping(UUID=mapping.uuid)


def require_mapping(stage: Stage, function: str) -> EventSourceMapping:
    """The function's one mapping; raises OperationFailed where there is not one."""
    found = find_mappings(stage, function)
    if len(found) != 1:
        raise OperationFailed(
            f"{stage.function_name(function)} has {len(found)} event source mappings instead of "
            f"one: {how_to_deploy_app(stage.name)}."
        )
    return found[0]


@contextmanager
def _may_be_in_use() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in IN_USE:
            raise


def _looks(mapping: EventSourceMapping, still: str) -> Iterator[None]:
    """One look after another, with a pause between; raises OperationFailed after the last."""
    deadline = time.monotonic() + CHANGE_SECONDS
    while time.monotonic() < deadline:
        yield
        time.sleep(POLL_SECONDS)
    raise OperationFailed(
        f"The mapping {mapping.uuid} of {mapping.function} is still {still} after {CHANGE_SECONDS} "
        "seconds: look at it in the Lambda console, then run this again."
    )


def _mapping(function: str, found: "EventSourceMappingConfigurationTypeDef") -> EventSourceMapping:
    return EventSourceMapping(
        function=function,
        uuid=found["UUID"],
        state=found.get("State", "unknown"),
        last_result=found.get("LastProcessingResult", ""),
        source=found.get("EventSourceArn", ""),
        maximum_age_seconds=found.get("MaximumRecordAgeInSeconds", -1),
    )

"""The functions' log lines, as they wrote them or for a person."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from operations.aws.stage import Stage

FOLLOW_SECONDS = 1.0
OVERLAP_MILLISECONDS = 10_000
"""CloudWatch may show lines out of order, so each read overlaps the one before by this much."""

REJECTED = "Rejected record"
"""How the line of a rejected record begins, see chalicelib/telemetry.py."""


INVOCATION_MARKS = ("START RequestId:", "END RequestId:", "REPORT RequestId:", "INIT_START ")
"""How the lines begin that Lambda itself writes around each invocation."""


@dataclass(frozen=True)
class LogLine:
    """One line of a function's log; `fields` is its JSON, None for Lambda's own lines."""

    function: str
    written: datetime
    text: str
    fields: dict[str, Any] | None

    @property
    def message(self) -> str:
        """The line's text; for metrics, their names and counts."""
        if self.fields is None:
            return self.text
        if "_aws" in self.fields:
            counts = (
                f"{name} {value[0]:.0f}"
                for name, value in self.fields.items()
                if isinstance(value, list) and value and value[0]
            )
            return f"metrics  {', '.join(counts)}"
        lines = [str(self.fields.get("message", self.text))]
        lines += [
            str(self.fields[name]) for name in ("traceback", "exception") if name in self.fields
        ]
        return "\n".join(lines)

    @property
    def level(self) -> str:
        """INFO, WARNING, ERROR …; for Lambda's own lines, ERROR if they report a failure."""
        if self.fields is None:
            failed = any(word in self.text for word in ("[ERROR]", "Traceback", "Task timed out"))
            return "ERROR" if failed else ""
        return str(self.fields.get("level", ""))

    @property
    def is_invocation_mark(self) -> bool:
        """Whether Lambda wrote it around an invocation that did not fail."""
        return self.fields is None and not self.level and self.text.startswith(INVOCATION_MARKS)

    @property
    def is_reject(self) -> bool:
        """Whether it is about a rejected record."""
        return REJECTED in self.text


def read_logs(
    stage: Stage, functions: Sequence[str], since: datetime, *, rejects: bool = False
) -> list[LogLine]:
    """The functions' lines written since then, oldest first; a function without any has none."""
    start = int(since.timestamp() * 1000)
    found = {
        line_id: line
        for function in functions
        for line_id, line in _read(stage, function, start, rejects=rejects)
    }
    return sorted(found.values(), key=lambda line: line.written)


def follow_logs(
    stage: Stage, functions: Sequence[str], since: datetime, *, rejects: bool = False
) -> Iterator[LogLine]:
    """The same, then every new line as it comes, without end."""
    start = int(since.timestamp() * 1000)
    shown: dict[str, int] = {}
    while True:
        new: list[LogLine] = []
        for function in functions:
            for line_id, line in _read(stage, function, start, rejects=rejects):
                if line_id not in shown:
                    shown[line_id] = int(line.written.timestamp() * 1000)
                    new.append(line)
        yield from sorted(new, key=lambda line: line.written)
        if shown:
            start = max(start, max(shown.values()) - OVERLAP_MILLISECONDS)
            shown = {line_id: at for line_id, at in shown.items() if at >= start}
        time.sleep(FOLLOW_SECONDS)


def _read(
    stage: Stage, function: str, start: int, *, rejects: bool
) -> Iterator[tuple[str, LogLine]]:
    arguments: dict[str, Any] = {"filterPattern": f'"{REJECTED}"'} if rejects else {}
    client = stage.aws.client("logs")
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=f"/aws/lambda/{stage.function_name(function)}", startTime=start, **arguments
    )
    try:
        for page in pages:
            for event in page["events"]:
                text = event["message"].rstrip()
                line = LogLine(
                    function,
                    datetime.fromtimestamp(event["timestamp"] / 1000, UTC),
                    text,
                    _fields_of(text),
                )
                if line.is_reject or not rejects:
                    yield event.get("eventId") or f"{function} {event['timestamp']} {text}", line
    except client.exceptions.ResourceNotFoundException:
        return  # the group is made at the first line


def _fields_of(text: str) -> dict[str, Any] | None:
    try:
        fields = json.loads(text)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None

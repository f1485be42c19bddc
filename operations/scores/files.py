"""Score records from people's files: JSON lines, or CSV with a header."""

import csv
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO

from chalicelib import words
from chalicelib.payloads import decode_score_record
from chalicelib.scores import RECORD_KEYS, InvalidRecord, ScoreRecord, check_number, parse_number
from operations.aws.errors import Misuse
from operations.scores.send import LARGEST_PAYLOAD_BYTES

FIRST_KEY = RECORD_KEYS[0].encode()
DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars", ":": "colons", " ": "spaces"}
"""What people's files have between their columns where it is not a comma."""

LONGEST_LINE_BYTES = 4 * LARGEST_PAYLOAD_BYTES
"""Beyond what a record's line can have, whatever the spaces, quotes and escapes in it."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Scores = Iterator[tuple[bytes, ScoreRecord]]
"""Payloads to send, each with what it says."""


class BadLine(Misuse):
    """A line of the input is not a score record; the message has its number and the reason."""


def bounded_lines(file: BinaryIO) -> Iterator[bytes]:
    """The file's lines, none so long that it could not be a record.

    A file without line ends, as a picture or /dev/zero, would fill the memory otherwise. Raises
    BadLine.
    """
    for number in itertools.count(1):
        line = file.readline(LONGEST_LINE_BYTES)
        if not line:
            return
        if len(line) == LONGEST_LINE_BYTES and not line.endswith(b"\n"):
            raise BadLine(f"Line {number} is longer than any record: is that a file of scores?")
        yield line


def read_json_lines(lines: Iterable[bytes]) -> Scores:
    """The score records of JSON lines, each sent as it stands; empty lines are passed over.

    Raises BadLine.
    """
    for number, line in enumerate(lines, start=1):
        payload = (line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line).strip()
        if number == 1 and not payload.startswith(b"{") and FIRST_KEY in payload:
            raise BadLine("Line 1 looks like the header of a CSV file: say --format csv.")
        if payload:
            yield payload, _decode(number, payload)


def read_csv(lines: Iterable[bytes]) -> Scores:
    """The score records of a CSV file whose header names the three attributes.

    Its other columns become attributes, as texts; empty cells become none. Raises BadLine.
    """
    rows = csv.DictReader(_texts(lines), strict=True)
    try:
        _check_header(rows.fieldnames)
        for row in rows:
            payload = _to_payload(rows.line_num, row)
            yield payload, _decode(rows.line_num, payload)
    except csv.Error as error:
        raise BadLine(f"Line {rows.reader.line_num} is no CSV: {error}.") from error


READERS: dict[str, Callable[[Iterable[bytes]], Scores]] = {
    "jsonl": read_json_lines,
    "csv": read_csv,
}
"""The readers by the endings of the files' names."""


def _texts(lines: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise BadLine(f"Line {number} is no CSV: {error}.") from error


def _check_header(columns: Sequence[str] | None) -> None:
    if columns is None:
        raise BadLine("Line 1 is missing: a CSV file begins with a header.")
    missing = [key for key in RECORD_KEYS if key not in columns]
    if missing:
        raise BadLine(f"Line 1 is no header of {words.SCORES}: {_what_is_wrong(columns, missing)}.")
    if len(set(columns)) < len(columns):
        raise BadLine("Line 1 is no header: a column's name stands there twice.")


def _what_is_wrong(columns: Sequence[str], missing: Sequence[str]) -> str:
    found = ", ".join(map(repr, columns))
    if columns and columns[0].startswith("{"):
        return f"it looks like JSON ({found}): say --format jsonl"
    for delimiter, plural in DELIMITERS.items():
        if len(columns) == 1 and delimiter in columns[0]:
            return f"there are {plural} between its columns, not commas: {found}"
    return f"it has no {' and no '.join(missing)}, only {found}"


def _to_payload(number: int, row: dict[str, Any]) -> bytes:
    """The row as JSON; csv puts surplus cells under None, and None where one is missing."""
    surplus: list[str] = row.pop(None, [])  # type: ignore[call-overload]
    cells = sum(cell is not None for cell in row.values()) + len(surplus)
    if cells != len(row):
        raise BadLine(f"Line {number} has {cells} cells, the header has {len(row)}.")
    fields = []
    for name, cell in row.items():
        if name in (words.RECORD_ID, words.SCORE):
            try:
                value = str(check_number(name, parse_number(cell.strip())))
            except InvalidRecord as error:
                raise BadLine(f"Line {number}: {error} ({cell!r}).") from error
        else:
            value = json.dumps(cell)
        if cell:
            fields.append(f"{json.dumps(name)}: {value}")
    return f"{{{', '.join(fields)}}}".encode()


def _decode(number: int, payload: bytes) -> ScoreRecord:
    try:
        record = decode_score_record(payload)
    except InvalidRecord as error:
        raise BadLine(f"Line {number}: {error}.") from error
    if len(payload) > LARGEST_PAYLOAD_BYTES:
        raise BadLine(f"Line {number} has {len(payload):,} bytes, a stream takes 1 MiB a record.")
    return record

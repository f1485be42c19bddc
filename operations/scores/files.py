"""Score records from people's files: JSON lines, or CSV with a header."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from chalicelib.payloads import RECORD_KEYS, decode_score_record
from chalicelib.scores import InvalidRecord, Place, ScoreRecord, check_number, parse_number
from operations.errors import Misuse
from operations.scores.send import LARGEST_PAYLOAD_BYTES

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Scores = Iterator[tuple[bytes, ScoreRecord]]
"""Payloads to send, each with what it says."""


class BadLine(Misuse):
    """A line of the input is no score record; the message has its number and the reason."""


def read_json_lines(lines: Iterable[bytes]) -> Scores:
    """The score records of JSON lines, each sent as it stands; empty lines are passed over.

    Raises BadLine.
    """
    for number, line in enumerate(lines, start=1):
        payload = (line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line).strip()
        if payload:
            yield payload, _decode(number, payload)


def read_csv(file: BinaryIO) -> Scores:
    """The score records of a CSV file whose header names RecordID, Username and Score.

    Its other columns become attributes, as texts; empty cells become none. Raises BadLine.
    """
    rows = csv.reader(_texts(file), strict=True)
    header: list[str] | None = None
    while True:
        try:
            row = next(rows)
        except StopIteration:
            break
        except csv.Error as error:
            raise BadLine(f"Line {rows.line_num} is no CSV: {error}.") from error
        if header is None:
            header = _check_header(row)
        elif row:
            payload = _to_payload(rows.line_num, header, row)
            yield payload, _decode(rows.line_num, payload)
    if header is None:
        raise BadLine("Line 1 is missing: a CSV file begins with a header.")


READERS: dict[str, Callable[[BinaryIO], Scores]] = {"jsonl": read_json_lines, "csv": read_csv}
"""The readers by the endings of the files' names."""


def _texts(lines: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise BadLine(f"Line {number} is no CSV: {error}.") from error


def _check_header(row: list[str]) -> list[str]:
    missing = [key for key in RECORD_KEYS if key not in row]
    if missing:
        raise BadLine(f"Line 1 is no header of scores: it has no {' and no '.join(missing)}.")
    if len(set(row)) < len(row):
        raise BadLine("Line 1 is no header: a column's name stands there twice.")
    return row


def _to_payload(number: int, header: list[str], row: list[str]) -> bytes:
    if len(row) != len(header):
        raise BadLine(f"Line {number} has {len(row)} cells, the header has {len(header)}.")
    fields = []
    for name, cell in zip(header, row, strict=True):
        if name in ("RecordID", "Score"):
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
        record = decode_score_record(Place(number), payload)
    except InvalidRecord as error:
        raise BadLine(f"Line {number}: {error}.") from error
    if record is None:
        raise BadLine(f"Line {number} is no score record, a JSON object with RecordID and so on.")
    if len(payload) > LARGEST_PAYLOAD_BYTES:
        raise BadLine(f"Line {number} has {len(payload):,} bytes, a stream takes 1 MiB a record.")
    return record

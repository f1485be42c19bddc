"""Score records from people's files: JSON lines, a JSON array, a table's export, or CSV.

Each record comes out as what is to be sent, or as the reason why it cannot be. Where a file cannot
be read on, the reason is raised.
"""

import codecs
import csv
import gzip
import io
import itertools
import json
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from chalicelib import words
from chalicelib.documents import DECODER, RepeatedKey, read_object
from chalicelib.payloads import decode_score_record
from chalicelib.reasons import is_utf8
from chalicelib.scores import (
    DIGEST_ATTRIBUTE,
    RECORD_KEYS,
    InvalidRecord,
    ScoreRecord,
    parse_number,
)
from operations.aws.errors import Misuse
from operations.scores.send import LARGEST_PAYLOAD_BYTES

DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars", ":": "colons", " ": "spaces"}
"""What people's files have between their columns where it is not a comma."""

LONGEST_LINE_BYTES = 4 * LARGEST_PAYLOAD_BYTES
"""Beyond what a record's line can have, whatever the spaces, quotes and escapes in it."""

CHUNK_BYTES = 64 * 1024

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
GZIP = b"\x1f\x8b"

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
"""A number in a cell; Python itself would take 1_000 and other alphabets' digits as well."""

ITEM = re.compile(rb'\{\s*"Item"\s*:')
BETWEEN_ELEMENTS = re.compile(r"[\s,]*")


class Line(NamedTuple):
    """A score record in a file: where it is, the payload to send, and what that says."""

    place: str
    payload: bytes
    record: ScoreRecord


class BadLine(Misuse):
    """A line of the input is not a score record; the message has its place and the reason."""


Lines = Iterator[Line | BadLine]


def read_file(file: io.BufferedReader, file_format: str) -> Lines:
    """The lines of the file, which gzip may have compressed; raises BadLine if it cannot go on."""
    try:
        if file.peek(len(GZIP)).startswith(GZIP):
            file = io.BufferedReader(gzip.GzipFile(fileobj=file))
        yield from READERS.get(file_format, read_json)(file)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadLine(f"The file is gzip that cannot be opened: {error}.") from error


def read_json(file: io.BufferedReader) -> Lines:
    """The score records of JSON lines or of one JSON array, each sent as it stands there.

    Empty lines are passed over. A line of a table's export, `{"Item": {…}}`, is sent as the JSON
    that it stands for.
    """
    if file.peek(CHUNK_BYTES).removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b"["):
        yield from _read_array(file)
        return
    for number, line in _numbered_lines(file):
        payload = line.strip()
        if number == 1 and _is_header(payload):
            raise BadLine("Line 1 looks like the header of a CSV file: say --format csv.")
        if payload:
            yield _decode(f"Line {number}", payload)


def read_csv(file: io.BufferedReader) -> Lines:
    """The score records of a CSV file whose header names the three attributes.

    Its other columns become attributes, as texts; empty cells become none.
    """
    rows = csv.reader(
        (line.decode(errors="surrogateescape") for _, line in _numbered_lines(file)), strict=True
    )
    columns: list[str] = []
    while True:
        try:
            cells = next(rows)
            place = f"Line {rows.line_num}"
            if not is_utf8("".join(cells)):
                raise csv.Error("it is not UTF-8")
            if not columns:
                columns = _check_header(cells)
            elif cells:
                yield _decode(place, _to_payload(columns, cells))
        except StopIteration:
            break
        except csv.Error as error:
            bad = BadLine(f"Line {rows.line_num} is no CSV: {error}.")
            if not columns:
                raise bad from error
            yield bad
        except InvalidRecord as error:
            yield BadLine(f"{place} {error}.")
    if not columns:
        raise BadLine("Line 1 is missing: a CSV file begins with a header.")


READERS: dict[str, Callable[[io.BufferedReader], Lines]] = {"jsonl": read_json, "csv": read_csv}
"""The readers by the endings of the files' names."""


def _numbered_lines(file: io.BufferedReader) -> Iterator[tuple[int, bytes]]:
    """The file's lines, none so long that it could not be a record.

    A file without line ends, as a picture or /dev/zero, would fill the memory otherwise.
    """
    for number in itertools.count(1):
        line = file.readline(LONGEST_LINE_BYTES)
        if not line:
            return
        if len(line) == LONGEST_LINE_BYTES and not line.endswith(b"\n"):
            raise BadLine(f"Line {number} is longer than any record: is that a file of scores?")
        yield number, line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line


def _read_array(file: io.BufferedReader) -> Lines:
    """The elements of an array, which may be larger than the memory."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="surrogateescape")
    text, number = "", 1
    while "[" not in text:
        text += decoder.decode(file.read1(CHUNK_BYTES))
    text, at = text.partition("[")[2], 0
    while True:
        between = BETWEEN_ELEMENTS.match(text, at)
        at = between.end() if between else at
        if text.startswith("]", at):
            break
        try:
            _, end = DECODER.raw_decode(text, at)
            is_whole = end < len(text)
        except (ValueError, RecursionError):
            is_whole = False
        if is_whole:
            yield _decode(f"Object {number}", text[at:end].encode(errors="surrogateescape"))
            number, at = number + 1, end
            continue
        more = file.read1(CHUNK_BYTES)
        if not more or len(text) - at > LONGEST_LINE_BYTES:
            raise BadLine(
                f"Object {number} of the array is damaged, and what follows it cannot be read."
            )
        text, at = text[at:] + decoder.decode(more), 0
    if (text[at + 1 :] + decoder.decode(file.read(CHUNK_BYTES))).strip():
        raise BadLine(f"Something else follows the array, after its {number - 1:,} objects.")


def _is_header(line: bytes) -> bool:
    cells = re.split(r"[,;|\t]", line.decode(errors="replace"))
    return words.RECORD_ID in (cell.strip(' "') for cell in cells)


def _check_header(cells: Sequence[str]) -> list[str]:
    columns = [cell.strip() for cell in cells]
    missing = [key for key in RECORD_KEYS if key not in columns]
    if missing:
        raise BadLine(f"Line 1 is no header of {words.SCORES}: {_what_is_wrong(cells, missing)}.")
    if len(set(columns)) < len(columns):
        raise BadLine("Line 1 is no header: a column's name stands there twice.")
    return columns


def _what_is_wrong(columns: Sequence[str], missing: Sequence[str]) -> str:
    found = ", ".join(map(repr, columns))
    if columns and columns[0].startswith("{"):
        return f"it looks like JSON ({found}): say --format jsonl"
    for delimiter, plural in DELIMITERS.items():
        if len(columns) == 1 and delimiter in columns[0]:
            return f"there are {plural} between its columns, not commas: {found}"
    return f"it has no {' and no '.join(missing)}, only {found}"


def _to_payload(columns: Sequence[str], cells: Sequence[str]) -> bytes:
    """The cells as JSON; raises InvalidRecord where they cannot be a record."""
    if len(cells) != len(columns):
        raise InvalidRecord(f"has {len(cells)} cells, the header has {len(columns)}")
    fields = []
    for name, cell in zip(columns, cells, strict=True):
        value = cell.strip() if name in RECORD_KEYS else cell
        if not value:
            continue
        if name in (words.RECORD_ID, words.SCORE):
            if not NUMBER.fullmatch(value):
                raise InvalidRecord(f"has no number as {name}: {cell!r}")
            fields.append(f"{json.dumps(name)}: {parse_number(value)}")
        else:
            fields.append(f"{json.dumps(name)}: {json.dumps(value)}")
    return f"{{{', '.join(fields)}}}".encode()


def _decode(place: str, payload: bytes) -> Line | BadLine:
    try:
        if ITEM.match(payload):
            payload = _from_export(payload)
        record = decode_score_record(payload)
    except InvalidRecord as error:
        return BadLine(f"{place}: {error}.")
    if len(payload) > LARGEST_PAYLOAD_BYTES:
        return BadLine(f"{place} has {len(payload):,} bytes, a stream takes 1 MiB a record.")
    return Line(place, payload, record)


def _from_export(line: bytes) -> bytes:
    """The JSON that a line of a table's export stands for, without the pipeline's own attribute.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
    """
    item = (read_object(line) or {}).get("Item")
    if not isinstance(item, dict) or isinstance(item, RepeatedKey):
        return line
    return _to_json(
        {"M": {name: it for name, it in item.items() if name != DIGEST_ATTRIBUTE}}, "Item"
    ).encode()


def _to_json(value: object, name: str) -> str:
    if isinstance(value, dict) and len(value) == 1 and not isinstance(value, RepeatedKey):
        ((kind, content),) = value.items()
        if kind == "S" and isinstance(content, str):
            return json.dumps(content)
        if kind == "N" and isinstance(content, str) and NUMBER.fullmatch(content):
            return str(parse_number(content))
        if kind == "BOOL" and isinstance(content, bool):
            return json.dumps(content)
        if kind == "NULL":
            return "null"
        if kind == "L" and isinstance(content, list):
            return f"[{', '.join(_to_json(each, name) for each in content)}]"
        if kind == "M" and isinstance(content, dict) and not isinstance(content, RepeatedKey):
            fields = (f"{json.dumps(key)}: {_to_json(it, key)}" for key, it in content.items())
            return f"{{{', '.join(fields)}}}"
        raise InvalidRecord(f"{name} is of DynamoDB's type {kind}, which JSON does not have")
    raise InvalidRecord(f"{name} is no attribute value of DynamoDB")

"""The JSON objects that one payload holds: one, an array of them, lines, one after the other. Pure.

What is damaged comes out by itself, so that the objects around it are not lost with it. An object
is read only where it certainly stands by itself: what may be inside a damaged one stays with that
one, or a score would count that nobody sent.
"""

import json
import re
from collections.abc import Generator, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import NamedTuple

from chalicelib.scores import parse_number

MOST_DOCUMENTS = 300_000
"""More than 10 MiB hold of the shortest score records."""

MOST_DAMAGED = 1_000
LARGEST_DAMAGED = 1024**2
"""Characters; the end of what is damaged and larger is looked for by lines only."""

SPACES = re.compile(r"[ \t\r\n]*")
BETWEEN_ELEMENTS = re.compile(r"[ \t\r\n,\[\]]*")
LINE_OF_AN_OBJECT = re.compile(r"\n(?=\{)")
LINE_OF_A_BRACKET = re.compile(r"[ \t\r]*\n[}\]]\s*")
TOKENS = re.compile(r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"?|[{}\[\]]|[^\s"{}\[\]]+')
"""Strings, brackets, and whatever else stands between spaces."""


class Document(NamedTuple):
    """A part of a payload: the JSON value that it is, or the problem why it is none."""

    text: str
    value: object = None
    problem: str = ""


class RepeatedKey(dict[str, object]):
    """A JSON object in which `key` stands twice; JSON leaves open which of the values counts."""

    key = ""


def read_object(payload: bytes) -> dict[str, object] | None:
    """The object that the whole payload is, numbers as Decimal; None if it is anything else."""
    try:
        value = DECODER.decode(payload.decode("utf-8-sig"))
    except (ValueError, RecursionError):  # not UTF-8, not JSON, or nested too deeply for it
        return None
    return value if isinstance(value, dict) else None


def read_document(text: str) -> Document:
    """All of the text as one JSON value, or the problem that it is none."""
    try:
        return Document(text, DECODER.decode(text))
    except (ValueError, RecursionError) as error:
        return Document(text, problem=_problem(error, text, 0))


def read_documents(text: str) -> list[Document]:
    """What the text holds, in its order; at least one has a problem if not all of it is JSON."""
    try:
        documents = list(islice(_read_all(text), MOST_DOCUMENTS + 1))
    except (ValueError, RecursionError) as error:
        documents = list(islice(_read_parts(text), MOST_DOCUMENTS + 1))
        if not any(each.problem for each in documents):
            documents.append(Document("", problem=_problem(error, text, 0)))
    if len(documents) > MOST_DOCUMENTS:
        problem = f"what follows is not read: a payload holds at most {MOST_DOCUMENTS:,} objects"
        documents[MOST_DOCUMENTS:] = [Document("", problem=problem)]
    return documents


def _object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) == len(pairs):
        return fields
    repeated = RepeatedKey(fields)
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            repeated.key = key
            break
        seen.add(key)
    return repeated


DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=parse_number,
    parse_float=parse_number,
    parse_constant=Decimal,
)


def _read_all(text: str) -> Iterator[Document]:
    """Objects, and the elements of arrays; raises ValueError where there is anything else."""
    at = _skip(text, 0)
    while at < len(text):
        if text[at] == "[":
            at = yield from _read_elements(text, _skip(text, at + 1))
        elif text[at] == "{":
            value, end = DECODER.raw_decode(text, at)
            yield Document(text[at:end], value)
            at = end
        else:
            raise json.JSONDecodeError("Extra data", text, at)
        at = _skip(text, at)


def _read_elements(text: str, at: int) -> Generator[Document, None, int]:
    """The elements of an array; returns the position after it."""
    if text.startswith("]", at):
        return at + 1
    while True:
        value, end = DECODER.raw_decode(text, at)
        yield Document(text[at:end], value)
        at = _skip(text, end)
        if text.startswith("]", at):
            return at + 1
        if not text.startswith(",", at):
            raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
        at = _skip(text, at + 1)


def _read_parts(text: str) -> Iterator[Document]:
    """The same of a text that is not all JSON, with what is damaged in it."""
    in_array = text.startswith("[", _skip(text, 0))
    between = BETWEEN_ELEMENTS if in_array else SPACES
    damaged = 0
    groups = LINE_OF_AN_OBJECT.split(text)
    for left, lines in zip(range(len(groups) - 1, -1, -1), groups, strict=True):
        at = _skip(lines, 0, between)
        while at < len(lines):
            if damaged == MOST_DAMAGED:
                problem = f"what follows is not read: {damaged:,} parts before it are damaged"
                yield Document("", problem=problem)
                return
            # With nothing open before it and an object on the next line, a bracket ends nothing.
            may_stray = not damaged and left > 0
            document = _read_part(lines, at, in_array=in_array, may_stray=may_stray)
            yield document
            damaged += bool(document.problem)
            at = _skip(lines, at + len(document.text), between)


def _read_part(text: str, start: int, *, in_array: bool, may_stray: bool) -> Document:
    """The object or element that stands there by itself, or what is damaged from there on."""
    try:
        value, end = DECODER.raw_decode(text, start)
    except (ValueError, RecursionError) as error:
        problem = _problem(error, text, start)
    else:
        after = _skip(text, end)
        follower = text[after : after + 1]
        if in_array:
            is_alone = follower in ("", *",]{[")
        else:
            is_on_its_line = follower in ("", *"{[") or "\n" in text[end:after]
            is_stray = may_stray and LINE_OF_A_BRACKET.fullmatch(text, end) is not None
            is_followed = follower in (*",]}",) and not is_stray
            is_alone = text[start] in "{[" and is_on_its_line and not is_followed
        if is_alone:
            return Document(text[start:end], value)
        problem = f"the JSON is damaged: Extra data at character {after - start}"
    return Document(text[start : _end_of_damaged(text, start, in_array=in_array)], problem=problem)


def _end_of_damaged(text: str, start: int, *, in_array: bool) -> int:
    """Where the next object certainly begins; else the end of the text, or of a line of words."""
    if not in_array and text[start] not in "{[":
        end = text.find("\n", start)
        return len(text) if end < 0 else end
    if len(text) - start > LARGEST_DAMAGED:
        return len(text)
    opened: list[str] = []
    before = ""
    for token in TOKENS.finditer(text, start):
        found = token[0]
        if found == "{":
            if before and _begins_anew(opened, before, in_array=in_array):
                return token.start()
            opened.append(found)
        elif found == "[":
            opened.append(found)
        elif found in ("}", "]"):
            del opened[-1:]
        elif found[0] == '"' and text[token.end() : token.end() + 1] not in (
            "",
            *',:}]{["',
            *" \t\r\n",
        ):
            # A quote that closes nothing: it opens the first key after a string that was cut off.
            head, brace, rest = found[:-1].rpartition("{")
            cut_off = brace and not rest.strip() and head.rstrip()[-1:] not in (":", "[")
            is_certain = cut_off and opened[-1:] == ["{"] and "[" not in opened
            return token.start() + len(head) if is_certain else len(text)
        before = found[-1]
    return len(text)


def _begins_anew(opened: Sequence[str], before: str, *, in_array: bool) -> bool:
    """Whether an object that follows that character cannot belong to what is open."""
    if not opened:
        return before in "}]" or (in_array and before == ",")
    return (before in '",{}]' or before.isdigit()) and "[" not in opened


def _problem(error: Exception, text: str, start: int) -> str:
    if not isinstance(error, json.JSONDecodeError):
        return "the JSON is nested too deeply"
    if error.pos >= len(text.rstrip()):
        return "the JSON is cut off"
    what = error.msg.removesuffix(" starting at")
    return f"the JSON is damaged: {what} at character {error.pos - start}"


def _skip(text: str, at: int, passed: re.Pattern[str] = SPACES) -> int:
    """The position after the spaces, or whatever is passed over."""
    found = passed.match(text, at)
    return found.end() if found else at

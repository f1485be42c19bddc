"""Whose a payload is: the player's, somebody else's, both's, or nobody can tell. Pure.

A rejected payload may be in any form that producers send by mistake, so the names are looked for in
all that can be decoded, however deep: objects in arrays and lines, JSON inside strings, base64,
gzip, aggregates inside aggregates, a key that stands twice, its letters in another case. In what
cannot be decoded the name itself is looked for, in whatever way it may be written.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from chalicelib import words
from chalicelib.deaggregation import deaggregate
from chalicelib.scores import InvalidRecord, parse_number
from operations.rejects.texts import decode_base64, decompress, texts_in

DEEPEST = 8
SHORT_NAME = 4
"""Characters; a shorter name counts only between other characters than letters and digits, a longer
one where such a character stands before or after it."""

LETTER = r"[^\W_]"

MAY_BE_THEIRS = "the name stands in it"
NOT_READ = "it cannot be read whole"


class Fields(list[tuple[str, Any]]):
    """A JSON object: its keys and values, each as often as it stands there."""


class Document(NamedTuple):
    """A JSON value, and the text that it is."""

    text: str
    value: Any


class Names(NamedTuple):
    """The users that something names, and the texts in it that are no JSON."""

    users: frozenset[str]
    texts: tuple[str, ...]


class Left(NamedTuple):
    """What is left of a payload without the player, None if it was all theirs.

    `problem`: why nobody can tell whether anything of the player is still in it.
    """

    payload: bytes | None
    problem: str = ""


DECODER = json.JSONDecoder(
    object_pairs_hook=Fields,
    parse_int=parse_number,
    parse_float=parse_number,
    parse_constant=parse_number,
)
BETWEEN = re.compile(r"[ \t\r\n]*")
NESTED = ("{", "[", '"')


def without_player(payload: bytes, player: str) -> Left:
    """The payload without the player's objects; the very same where none is theirs."""
    values = _values_in(payload)
    if values is None:
        return Left(payload, problem_with(payload, player))
    names = names_in(values)
    if player not in names.users:
        return Left(payload, _problem_with_texts(names.texts, player))
    if names.users == {player}:
        return Left(None)
    documents = _documents_in_text(unpacked(payload)) or []
    kept = []
    for each in documents:
        users = names_in(each.value).users
        if player not in users:
            kept.append(each.text)
        elif users != {player}:
            return Left(payload, MAY_BE_THEIRS)
    if not kept:  # several users in an aggregate inside another one
        return Left(payload, MAY_BE_THEIRS)
    return without_player("\n".join(kept).encode(), player)


def unpacked(data: bytes) -> bytes:
    """The data without compression and base64 around it."""
    for _ in range(DEEPEST):
        opened = decompress(data) or decode_base64(data)
        if not opened:
            break
        data = opened
    return data


def names_in(value: Any) -> Names:
    """Every user named in decoded JSON, however deep, in strings that are JSON themselves, too."""
    users: set[str] = set()
    texts: list[str] = []
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Fields | Mapping):
            for key, part in each.items() if isinstance(each, Mapping) else each:
                if key.casefold() == words.USERNAME.casefold():
                    users.update(_strings_in(part))
                else:
                    waiting.append(part)
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, str):
            nested = _values_in(each.encode(errors="surrogatepass")) if _is_packed(each) else None
            waiting += nested or []
            texts += [] if nested else [each]
    return Names(frozenset(users), tuple(texts))


def problem_with(data: bytes, player: str) -> str:
    """Why the data, which cannot be decoded, may be the player's; empty if it is not."""
    found = texts_in(data)
    if any(map(_pattern(player).search, found.texts)):
        return MAY_BE_THEIRS
    return "" if found.is_whole else NOT_READ


def problem_with_value(value: Any, player: str) -> str:
    """The same of decoded JSON, where the name as a user's counts, and in texts that are scores."""
    names = names_in(value)
    return MAY_BE_THEIRS if player in names.users else _problem_with_texts(names.texts, player)


def _problem_with_texts(texts: tuple[str, ...], player: str) -> str:
    """The same of the texts in a decoded payload; an attribute with the name in it is none."""
    problem = ""
    for text in texts:
        found = texts_in(text.encode(errors="replace"))
        is_score = any(words.USERNAME.casefold() in each.casefold() for each in found.texts)
        if is_score and any(map(_pattern(player).search, found.texts)):
            return MAY_BE_THEIRS
        problem = problem if found.is_whole else NOT_READ
    return problem


@cache
def _pattern(player: str) -> re.Pattern[str]:
    before, after = (rf"(?<!{LETTER})", rf"(?!{LETTER})")
    pattern = re.escape(player)
    if len(player) < SHORT_NAME:
        return re.compile(f"{before}{pattern}{after}")
    return re.compile(f"{before}{pattern}|{pattern}{after}")


def _strings_in(value: Any) -> Iterator[str]:
    """All strings in the value of a key: a name, several in a list, or one with its type."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, Fields):
            waiting += [part for _, part in each]
        elif isinstance(each, Mapping):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def _is_packed(text: str) -> bool:
    return (
        text.lstrip().startswith(NESTED) or decode_base64(text.encode(errors="replace")) is not None
    )


def _values_in(data: bytes, depth: int = DEEPEST) -> list[Any] | None:
    """All JSON values that the data hold, however packed; None where not all can be decoded."""
    plain = unpacked(data)
    documents = _documents_in_text(plain)
    if documents is not None:
        return [each.value for each in documents]
    try:
        packed = deaggregate(plain)
    except InvalidRecord:
        return None
    if packed is None or depth == 0:
        return None
    values: list[Any] = []
    for each in packed:
        inner = _values_in(each.data, depth - 1)
        if inner is None:
            return None
        values += inner
    return values


def _documents_in_text(data: bytes) -> list[Document] | None:
    """The values that stand in the text one after the other, or as elements of one array.

    None where that is not all there is.
    """
    encoding = json.detect_encoding(data) if b"\0" in data else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    try:
        return list(_read(text))
    except (ValueError, RecursionError):
        return None


def _read(text: str) -> Iterator[Document]:
    at = _skip(text, 0)
    if not text[at:]:
        raise ValueError("it is empty")
    while at < len(text):
        value, end = DECODER.raw_decode(text, at)
        if isinstance(value, list) and not isinstance(value, Fields) and len(value) > 1:
            yield from _read_elements(text[at:end])
        else:
            yield Document(text[at:end], value)
        at = _skip(text, end)


def _read_elements(text: str) -> Iterator[Document]:
    """The elements of the array that the text is."""
    at = _skip(text, 1)
    while not text.startswith("]", at):
        value, end = DECODER.raw_decode(text, at)
        yield Document(text[at:end], value)
        at = _skip(text, end)
        at = _skip(text, at + text.startswith(",", at))


def _skip(text: str, at: int) -> int:
    found = BETWEEN.match(text, at)
    return found.end() if found else at

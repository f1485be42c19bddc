"""Why a part of a payload in which the name of a score's id occurs is no score record. Pure.

Each reason is for the person who finds it in the rejects bucket and puts the producer right.
"""

from collections import deque
from collections.abc import Mapping

from chalicelib import words
from chalicelib.documents import Document
from chalicelib.mentions import BASE64, WIDE, Way, find_name
from chalicelib.scores import RECORD_KEYS

SPELLINGS = {key.lower(): key for key in RECORD_KEYS}

LONGEST_PATH = 200
MOST_VALUES = 10_000
"""Values that are looked at for where in them the score is."""


def reason_of(document: Document, way: Way) -> str:
    """What is wrong with the document; `way` is how the name can be read in its text."""
    if not is_utf8(document.text) or way == (WIDE,):
        known = f" but {way[0]}" if len(way) == 1 else ""
        return f"the payload is not UTF-8{known}: send JSON in UTF-8"
    if not document.problem:
        return _reason_of_value(document.value)
    if way[:1] == (BASE64,):
        return "base64 twice: clients of Kinesis encode data themselves, so send them plain JSON"
    if document.text.lstrip().startswith(("{", "[")):
        return document.problem
    inside = "".join(f" in {each}" for each in reversed(way))
    return f"{words.RECORD_ID} occurs{inside} in a text that is no JSON"


def is_utf8(text: str) -> bool:
    """Whether all of the text was UTF-8; what was not stands in it as half surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def how_to_spell(fields: Mapping[str, object]) -> str:
    """What to tell of keys in other letters: `spell the keys so: Score, not score`; or nothing."""
    others = [key for key in fields if SPELLINGS.get(_plain(key), key) != key]
    spellings = ", ".join(f"{SPELLINGS[_plain(key)]}, not {key}" for key in others)
    return f"spell the keys so: {spellings}" if others else ""


def _reason_of_value(value: object) -> str:
    if isinstance(value, str):
        return "JSON inside a JSON string: send the object itself"
    path, found = _find(value)
    if isinstance(found, str):
        way = _way_to_name(found)
        kind = way[0] if way else "text"
        return f"the score stands as {kind} inside `{path}`: send the object itself"
    if path:
        return f"the score stands inside `{path}`: send the object itself"
    if isinstance(found, Mapping) and (spelling := how_to_spell(found)):
        return spelling
    return f"{words.RECORD_ID} occurs in it, but not as one of its keys"


def _find(value: object) -> tuple[str, object]:
    """The path to the object that has the name as a key, or to the text in which it occurs."""
    waiting = deque([("", value)])
    first: tuple[str, object] | None = None
    for _ in range(MOST_VALUES):
        if not waiting:
            break
        path, each = waiting.popleft()
        inner: list[tuple[str, object]] = []
        if isinstance(each, Mapping):
            keys = {_plain(key) for key in each}
            if keys >= SPELLINGS.keys():
                return path, each
            if words.RECORD_ID.lower() in keys:
                first = first or (path, each)
            inner = [(f"{path}.{key}" if path else key, within) for key, within in each.items()]
        elif isinstance(each, list):
            inner = [(f"{path}[{index}]", within) for index, within in enumerate(each)]
        elif isinstance(each, str) and not first and _way_to_name(each) is not None:
            first = (path, each)
        waiting.extend((path[:LONGEST_PATH], within) for path, within in inner)
    return first or ("", None)


def _way_to_name(text: str) -> Way | None:
    return find_name(text.encode(errors="surrogatepass"))


def _plain(key: str) -> str:
    """The key in small letters, whatever Turkish made of an I."""
    return key.lower().replace("\u0131", "i").replace("\u0307", "")

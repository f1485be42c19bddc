"""DynamoDB's condition and update expressions, as far as the contenders use them.

Each is parsed once into a function.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
Binary values stay in base64, as they are on the wire; sets are Python sets.
"""

import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

Value = dict[str, Any]
"""An attribute value such as `{"N": "20"}`."""

Item = dict[str, Value]
Values = Mapping[str, Value]
Names = tuple[tuple[str, str], ...]
Condition = Callable[[Item, Values], bool]
Operand = Callable[[Item, Values], Value | None]
Update = Callable[[Item, Values], None]

TOKEN = re.compile(r"[:#]?[A-Za-z_]\w*|<>|<=|>=|[=<>(),]")
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
SET_KINDS = ("SS", "NS", "BS")


@lru_cache(maxsize=4096)
def parse_condition(text: str, names: Names) -> Condition:
    """Whether an item, given the values, meets the condition."""
    parser = _Parser(text, dict(names))
    condition = parser.either()
    parser.end()
    return condition


@lru_cache(maxsize=1024)
def parse_update(text: str, names: Names) -> Update:
    """Applies the update to an item, in place; its operands are read before anything changes."""
    parser = _Parser(text, dict(names))
    changes = parser.changes()

    def update(item: Item, values: Values) -> None:
        before = dict(item)
        for change in changes:
            change(before, item, values)

    return update


class _Parser:
    def __init__(self, text: str, names: Mapping[str, str]) -> None:
        self._tokens = TOKEN.findall(text)
        self._names = names
        self._at = 0

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise ValueError(f"unexpected {self._tokens[self._at]!r}")

    def either(self) -> Condition:
        parts = [self._both()]
        while self._taken("OR"):
            parts.append(self._both())
        if len(parts) == 1:
            return parts[0]
        return lambda item, values: any(part(item, values) for part in parts)

    def _both(self) -> Condition:
        parts = [self._negated()]
        while self._taken("AND"):
            parts.append(self._negated())
        if len(parts) == 1:
            return parts[0]
        return lambda item, values: all(part(item, values) for part in parts)

    def _negated(self) -> Condition:
        if self._taken("NOT"):
            inner = self._negated()
            return lambda item, values: not inner(item, values)
        if self._taken("("):
            inner = self.either()
            self._take(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        match self._peek():
            case "attribute_exists" | "attribute_not_exists" as function:
                (path,) = self._arguments()
                wanted = function == "attribute_exists"
                return lambda item, values: (path(item, values) is not None) == wanted
            case "contains":
                path, element = self._arguments()
                return lambda item, values: _contains(path(item, values), element(item, values))
        left = self._operand()
        compare = COMPARISONS[self._next()]
        right = self._operand()
        return lambda item, values: _compare(compare, left(item, values), right(item, values))

    def changes(self) -> list[Callable[[Item, Item, Values], None]]:
        changes = []
        while self._at < len(self._tokens):
            clause = self._next().upper()
            more = True
            while more:
                changes.append(self._change(clause))
                more = self._taken(",")
        return changes

    def _change(self, clause: str) -> Callable[[Item, Item, Values], None]:
        name = self._name()
        if clause == "REMOVE":
            return lambda _, item, __: _remove(item, name)
        if clause == "SET":
            self._take("=")
            value = self._operand()
            return lambda before, item, values: item.update({name: value(before, values) or {}})
        if clause != "ADD":
            raise ValueError(f"SET, REMOVE or ADD expected, not {clause!r}")
        operand = self._operand()
        return lambda _, item, values: _add(item, name, operand(item, values) or {})

    def _operand(self) -> Operand:
        word = self._peek()
        if word == "size":
            (path,) = self._arguments()
            return lambda item, values: _size(path(item, values))
        if word.startswith(":"):
            self._next()
            return lambda _, values: values[word]
        name = self._name()
        return lambda item, _: item.get(name)

    def _arguments(self) -> list[Operand]:
        self._next()
        self._take("(")
        arguments = [self._operand()]
        while self._taken(","):
            arguments.append(self._operand())
        self._take(")")
        return arguments

    def _name(self) -> str:
        word = self._next()
        return self._names.get(word, word)

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        word = self._peek()
        self._at += 1
        return word

    def _taken(self, word: str) -> bool:
        if self._peek().upper() != word:
            return False
        self._at += 1
        return True

    def _take(self, word: str) -> None:
        if not self._taken(word):
            raise ValueError(f"{word!r} expected, not {self._peek()!r}")


def _compare(compare: Callable[[Any, Any], bool], left: Value | None, right: Value | None) -> bool:
    if left is None or right is None:
        return False
    ((left_kind, first),) = left.items()
    ((right_kind, second),) = right.items()
    if left_kind != right_kind:
        return compare is operator.ne
    if left_kind == "N":
        return compare(Decimal(first), Decimal(second))
    return compare(first, second)


def _contains(path: Value | None, element: Value | None) -> bool:
    if path is None or element is None:
        return False
    ((kind, held),) = path.items()
    ((element_kind, wanted),) = element.items()
    return kind in (element_kind, f"{element_kind}S") and wanted in held


def _size(value: Value | None) -> Value | None:
    if value is None:
        return None
    ((_, held),) = value.items()
    return {"N": str(len(held))}


def _remove(item: Item, name: str) -> None:
    item.pop(name, None)


def _add(item: Item, name: str, value: Value) -> None:
    ((kind, added),) = value.items()
    if kind == "N":
        item[name] = {"N": str(Decimal(item.get(name, {"N": "0"})["N"]) + Decimal(added))}
    else:
        item[name] = {kind: item.get(name, {kind: set()})[kind] | added}

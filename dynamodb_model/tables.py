"""Tables in memory that answer DynamoDB's requests and count what DynamoDB would charge."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dynamodb_model.expressions import (
    SET_KINDS,
    Item,
    Names,
    Value,
    parse_condition,
    parse_update,
)

KEYS = ("id", "RecordID", "Username")
"""The partition keys of the benchmarks' tables; an item's is the first of them that it has."""

SORT_KEY = "Page"
WRITE_UNIT_BYTES = 1024
READ_UNIT_BYTES = 4096

Answer = tuple[int, dict[str, Any]]
"""The HTTP status and the body."""

Seed = Callable[[str], Item | None]
"""Makes the item that a partition key is to have had before it was first asked for."""


@dataclass
class Usage:
    """What was asked of the tables since they were made."""

    requests: float = 0
    refused: float = 0
    write_units: float = 0
    read_units: float = 0

    def since(self, before: "Usage") -> "Usage":
        past = asdict(before)
        return Usage(**{name: value - past[name] for name, value in asdict(self).items()})


class ConditionFailed(Exception):
    """The item does not meet the request's condition."""

    def __init__(self, item: Item) -> None:
        super().__init__("The conditional request failed")
        self.item = item


class TransactionCancelled(Exception):
    """A transaction met a refused condition, so none of it was done."""

    def __init__(self, reasons: list[dict[str, Any]]) -> None:
        super().__init__("Transaction cancelled")
        self.reasons = reasons


class Tables:
    """All tables by name; they come into being when first used."""

    def __init__(self) -> None:
        self.usage = Usage()
        self.seeds: dict[str, Seed] = {}
        self._tables: dict[str, dict[str, dict[str, Item]]] = {}
        self._pages: dict[str, dict[str, Item]] = {}
        self._operations: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "UpdateItem": self._update_item,
            "PutItem": self._put_item,
            "GetItem": self._get_item,
            "Query": self._query,
            "TransactWriteItems": self._transact,
        }

    def answer(self, operation: str, request: Mapping[str, Any]) -> Answer:
        self.usage.requests += 1
        try:
            return 200, self._operations[operation](request)
        except ConditionFailed as refusal:
            self.usage.refused += 1
            self.usage.write_units += write_units(refusal.item)
            body: dict[str, Any] = _error("ConditionalCheckFailedException", str(refusal))
            return 400, {**body, **_old_item(request, refusal.item)}
        except TransactionCancelled as cancelled:
            body = _error("TransactionCanceledException", str(cancelled))
            return 400, {**body, "CancellationReasons": cancelled.reasons}
        except (ValueError, LookupError) as error:
            return 400, _error("ValidationException", f"{type(error).__name__}: {error}")

    def item(self, table: str, key: str, sort_key: str = "") -> Item:
        """The item as it is now; empty where there is none."""
        return self._partition(table, key).get(sort_key, {})

    def seed_pages(self, table: str, pages: Sequence[Item]) -> None:
        """Let each partition of the table have had these pages before it was first asked for."""
        self._pages[table] = {page[SORT_KEY]["S"]: page for page in pages}

    def _update_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        table, key, sort_key = request["TableName"], *_key_of(request["Key"])
        before = self.item(table, key, sort_key)
        values = {name: _held(value) for name, value in _values(request)}
        _check(request, before, values)
        after = dict(before) or {name: _held(value) for name, value in request["Key"].items()}
        parse_update(request["UpdateExpression"], _names(request))(after, values)
        self._partition(table, key)[sort_key] = after
        self.usage.write_units += max(write_units(before), write_units(after))
        return {}

    def _put_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        table, key, sort_key = request["TableName"], *_key_of(request["Item"])
        before = self.item(table, key, sort_key)
        _check(request, before, {name: _held(value) for name, value in _values(request)})
        after = {name: _held(value) for name, value in request["Item"].items()}
        self._partition(table, key)[sort_key] = after
        self.usage.write_units += max(write_units(before), write_units(after))
        return {}

    def _get_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        item = self.item(request["TableName"], *_key_of(request["Key"]))
        self.usage.read_units += _read_units(size_bytes(item), request)
        return {"Item": to_wire(item)} if item else {}

    def _query(self, request: Mapping[str, Any]) -> dict[str, Any]:
        values = dict(_values(request))
        condition = parse_condition(request["KeyConditionExpression"], _names(request))
        (key,) = [value["S"] for name, value in values.items() if name == ":username"]
        partition = self._partition(request["TableName"], key)
        found = [
            partition[page] for page in sorted(partition) if condition(partition[page], values)
        ]
        self.usage.read_units += _read_units(sum(map(size_bytes, found)), request)
        return {"Items": [to_wire(item) for item in found], "Count": len(found)}

    def _transact(self, request: Mapping[str, Any]) -> dict[str, Any]:
        actions = [next(iter(action.items())) for action in request["TransactItems"]]
        reasons: list[dict[str, Any]] = []
        units = 0
        for _, part in actions:
            table, key, sort_key = part["TableName"], *_key_of(part.get("Key") or part["Item"])
            before = self.item(table, key, sort_key)
            try:
                _check(part, before, {name: _held(value) for name, value in _values(part)})
            except ConditionFailed as refusal:
                reasons.append({"Code": "ConditionalCheckFailed", **_old_item(part, refusal.item)})
            else:
                reasons.append({"Code": "None"})
            units += 2 * write_units(before)
        if any(reason["Code"] != "None" for reason in reasons):
            self.usage.refused += 1
            self.usage.write_units += units
            raise TransactionCancelled(reasons)
        for kind, part in actions:
            before_units = self.usage.write_units
            {"Put": self._put_item, "Update": self._update_item}[kind](part)
            self.usage.write_units += self.usage.write_units - before_units
        return {}

    def _partition(self, table: str, key: str) -> dict[str, Item]:
        partitions = self._tables.setdefault(table, {})
        partition = partitions.get(key)
        if partition is None:
            seed = self.seeds.get(table)
            item = seed(key) if seed else None
            partition = {"": item} if item else {}
            for page, content in self._pages.get(table, {}).items():
                partition[page] = {"Username": {"S": key}, **content}
            partitions[key] = partition
        return partition


def size_bytes(item: Item) -> int:
    """The item's size as DynamoDB counts it: names and values, in UTF-8.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def write_units(item: Item) -> int:
    """What a standard write of the item costs."""
    return max(1, math.ceil(size_bytes(item) / WRITE_UNIT_BYTES))


def to_wire(item: Item) -> dict[str, Any]:
    """The item as JSON can hold it."""
    return {name: _on_wire(value) for name, value in item.items()}


def _value_bytes(value: Value) -> int:
    ((kind, held),) = value.items()
    if kind == "S":
        return len(held.encode())
    if kind == "N":
        digits = len(held.lstrip("-").replace(".", ""))
        return (digits + 1) // 2 + 1
    if kind in ("B", "BS"):
        return sum(map(_binary_bytes, held if kind == "BS" else [held]))
    raise ValueError(f"no contender writes values of type {kind}")


def _binary_bytes(held: str | bytes) -> int:
    if isinstance(held, bytes):
        return len(held)
    return len(held) * 3 // 4 - held.count("=")


def _read_units(size: int, request: Mapping[str, Any]) -> float:
    units = max(1, math.ceil(size / READ_UNIT_BYTES))
    return units if request.get("ConsistentRead") else units / 2


def _held(value: Value) -> Value:
    ((kind, held),) = value.items()
    return {kind: set(held)} if kind in SET_KINDS else value


def _on_wire(value: Value) -> Value:
    ((kind, held),) = value.items()
    return {kind: sorted(held)} if kind in SET_KINDS else value


def _values(request: Mapping[str, Any]) -> Any:
    return request.get("ExpressionAttributeValues", {}).items()


def _names(request: Mapping[str, Any]) -> Names:
    return tuple(request.get("ExpressionAttributeNames", {}).items())


def _check(request: Mapping[str, Any], item: Item, values: dict[str, Value]) -> None:
    text = request.get("ConditionExpression")
    if text and not parse_condition(text, _names(request))(item, values):
        raise ConditionFailed(item)


def _key_of(key: Mapping[str, Value]) -> tuple[str, str]:
    (partition_key,) = [key[name] for name in KEYS if name in key][:1]
    return str(next(iter(partition_key.values()))), key.get(SORT_KEY, {}).get("S", "")


def _old_item(request: Mapping[str, Any], item: Item) -> dict[str, Any]:
    wanted = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    return {"Item": to_wire(item)} if wanted and item else {}


def _error(code: str, message: str) -> dict[str, Any]:
    return {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message}

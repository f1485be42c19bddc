"""A small exact model of DynamoDB: one user's item and pages, and the few calls made to them.

A single write is done at once and answered, as DynamoDB keeps single writes serializable; a
consistent read sees all writes before it, another one may miss the newest. A transaction can be
made visible in halves, the item's before the page's: only TransactGetItems is promised the whole.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-isolation
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dynamodb_model.expressions import Value, parse_condition, parse_update

Answer = tuple[str, Any]
"""`("", response)`, or an error's code and the error's own fields."""

NO_NAMES: tuple[tuple[str, str], ...] = ()


Receipts = frozenset[bytes] | str
"""A set of receipts, or the text that somebody put there by hand."""

Pages = tuple[tuple[str, Receipts], ...]


class Rows(NamedTuple):
    """What is there of the user: the item's parts, and the receipts of each page.

    What is absent is None or empty. A score or receipts that are a text were damaged by hand. Pages
    are in the order of their making.
    """

    score: int | str | None = None
    receipts: Receipts = frozenset()
    last_page: str | None = None
    pages: Pages = ()

    @property
    def standing(self) -> frozenset[bytes]:
        """The receipts that are anywhere."""
        every = (self.receipts, *(receipts for _, receipts in self.pages))
        return frozenset().union(*(each for each in every if not isinstance(each, str)))


@dataclass(frozen=True)
class Request:
    """One API call; `identity` stands for its parameters."""

    operation: str
    identity: str
    parameters: Mapping[str, Any] = field(compare=False, repr=False)

    @classmethod
    def of(cls, operation: str, parameters: Mapping[str, Any]) -> "Request":
        """The request with these parameters, sets in any order."""
        return cls(operation, repr(_in_order(parameters)), parameters)

    @property
    def writes(self) -> bool:
        """Whether it can change anything."""
        return self.operation not in ("GetItem", "Query", "ReadStream")


class Effect(NamedTuple):
    """What a request does: the rows after it, its answer, and what of it is not visible yet."""

    rows: Rows
    answer: Answer
    hidden: Request | None = None


@dataclass(frozen=True)
class Service:
    """How the model answers: pages a Query response, the largest score, transactions in halves."""

    pages_a_response: int = 100
    largest_score: int | None = None
    halves_are_visible: bool = False

    def effects(self, rows: Rows, request: Request) -> Iterator[Effect]:
        """Every effect that the request may have now; mostly one."""
        parameters = request.parameters
        match request.operation:
            case "GetItem":
                yield Effect(rows, ("", _told(rows)))
                if not parameters.get("ConsistentRead"):
                    yield Effect(rows, ("", {}))
            case "Query":
                yield Effect(rows, ("", self._pages(rows.pages, parameters)))
                if rows.pages and not parameters.get("ConsistentRead"):
                    yield Effect(rows, ("", self._pages(rows.pages[:-1], parameters)))
            case "PutItem":
                yield Effect(_with_page(rows, parameters["Item"]), ("", {}))
            case "UpdateItem":
                yield self._update(rows, parameters)
            case "DeleteItem":
                yield self._delete(rows, parameters)
            case "TransactWriteItems":
                yield self._transact(rows, parameters)

    def _pages(self, pages: Pages, parameters: Mapping[str, Any]) -> dict[str, Any]:
        after = (
            parameters.get("ExclusiveStartKey")
            or parameters["ExpressionAttributeValues"][":page"]["S"]
        )
        found = sorted((page for page in pages if page[0] > after), key=lambda page: page[0])
        wanted = parameters.get("ProjectionExpression", "Page, Receipts").split(", ")
        items = (
            {"Page": {"S": key}, "Receipts": _on_wire(receipts)}
            for key, receipts in found[: self.pages_a_response]
        )
        response: dict[str, Any] = {
            "Items": [{name: item[name] for name in wanted} for item in items]
        }
        if len(found) > self.pages_a_response:
            response["LastEvaluatedKey"] = found[self.pages_a_response - 1][0]
        return response

    def _update(self, rows: Rows, parameters: Mapping[str, Any]) -> Effect:
        item = _item(rows)
        values = _held(parameters["ExpressionAttributeValues"])
        if not parse_condition(parameters["ConditionExpression"], NO_NAMES)(item, values):
            return Effect(rows, ("ConditionalCheckFailedException", _refused(rows, parameters)))
        try:
            parse_update(parameters["UpdateExpression"], NO_NAMES)(item, values)
        except KeyError:  # a text is no number and no set to add to
            return Effect(rows, ("ValidationException", {}))
        after = _rows(item, rows.pages)
        if (
            self.largest_score is not None
            and isinstance(after.score, int)
            and abs(after.score) > self.largest_score
        ):
            return Effect(rows, ("ValidationException", {}))
        return Effect(after, ("", {}))

    def _delete(self, rows: Rows, parameters: Mapping[str, Any]) -> Effect:
        """Delete the page with that key, or the user's item, on the condition."""
        key = parameters["Key"].get("Page", {}).get("S")
        item = _page(rows, key) if key else _item(rows)
        values = _held(parameters["ExpressionAttributeValues"])
        if not parse_condition(parameters["ConditionExpression"], NO_NAMES)(item, values):
            return Effect(rows, ("ConditionalCheckFailedException", {}))
        if key:
            pages = tuple(page for page in rows.pages if page[0] != key)
            return Effect(rows._replace(pages=pages), ("", {}))
        return Effect(Rows(pages=rows.pages), ("", {}))

    def _transact(self, rows: Rows, parameters: Mapping[str, Any]) -> Effect:
        put, update = (next(iter(each.values())) for each in parameters["TransactItems"])
        effect = self._update(rows, update)
        code, response = effect.answer
        if code:
            reason = {
                "Code": code.removesuffix("Exception").replace("Validation", "ValidationError")
            }
            reasons = [{"Code": "None"}, {**reason, **response}]
            return Effect(rows, ("TransactionCanceledException", {"CancellationReasons": reasons}))
        if self.halves_are_visible:
            return effect._replace(hidden=Request.of("PutItem", put))
        return effect._replace(rows=_with_page(effect.rows, put["Item"]))


def _with_page(rows: Rows, item: Mapping[str, Any]) -> Rows:
    key = item["Page"]["S"]
    others = tuple(page for page in rows.pages if page[0] != key)
    return rows._replace(pages=(*others, (key, frozenset(item["Receipts"]["BS"]))))


def _told(rows: Rows) -> dict[str, Any]:
    item = _item(rows)
    if rows.receipts:
        item["Receipts"] = _on_wire(rows.receipts)
    return {"Item": item} if item else {}


def _refused(rows: Rows, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What a refusal tells besides its code."""
    asked = parameters.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    return _told(rows) if asked else {}


def _on_wire(receipts: Receipts) -> Value:
    return {"S": receipts} if isinstance(receipts, str) else {"BS": sorted(receipts)}


def _item(rows: Rows) -> dict[str, Value]:
    item: dict[str, Value] = {}
    if rows.score is not None:
        item["Score"] = {"S" if isinstance(rows.score, str) else "N": str(rows.score)}
    if rows.receipts:
        item["Receipts"] = {"S" if isinstance(rows.receipts, str) else "BS": rows.receipts}
    if rows.last_page:
        item["LastPage"] = {"S": rows.last_page}
    return item


def _page(rows: Rows, key: str) -> dict[str, Value]:
    receipts = dict(rows.pages).get(key)
    if receipts is None:
        return {}
    return {"Receipts": {"S" if isinstance(receipts, str) else "BS": receipts}}


def _rows(item: Mapping[str, Value], pages: Pages) -> Rows:
    """What is there if the item has these attributes."""
    score = item.get("Score", {"S": None})
    receipts = item.get("Receipts", {"BS": ()})
    return Rows(
        int(score["N"]) if "N" in score else score["S"],
        frozenset(receipts["BS"]) if "BS" in receipts else receipts["S"],
        item.get("LastPage", {}).get("S"),
        pages,
    )


def _held(values: Mapping[str, Value]) -> dict[str, Value]:
    return {
        name: {"BS": frozenset(value["BS"])} if "BS" in value else value
        for name, value in values.items()
    }


def _in_order(value: Any) -> Any:
    if isinstance(value, Mapping):
        return sorted((name, _in_order(each)) for name, each in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        parts = [_in_order(each) for each in value]
        return sorted(parts) if all(isinstance(part, bytes) for part in parts) else parts
    return value

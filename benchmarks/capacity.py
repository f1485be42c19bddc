"""Write units as the service itself reports them, by ReturnConsumedCapacity."""

from typing import Any

from dynamodb_model.tables import Usage, write_units


def count_capacity(events: Any) -> Usage:
    """What is asked through the client or session with these events from now on; it grows.

    A refused condition is reported with no capacity: DynamoDB documents that it costs a write of
    the item that is there, so that is added.
    """
    usage = Usage()

    def ask(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**params, "ReturnConsumedCapacity": "TOTAL"}

    def count(parsed: dict[str, Any], event_name: str, **_: Any) -> None:
        usage.requests += 1
        consumed = parsed.get("ConsumedCapacity", [])
        units = sum(
            each["CapacityUnits"]
            for each in (consumed if isinstance(consumed, list) else [consumed])
        )
        if event_name.endswith((".Query", ".GetItem")):
            usage.read_units += units
        elif "Error" in parsed:
            usage.refused += 1
            usage.write_units += write_units(parsed.get("Item", {}))
        else:
            usage.write_units += units

    events.register("provide-client-params.dynamodb.*", ask)
    events.register("after-call.dynamodb.*", count)
    return usage

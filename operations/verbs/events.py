"""The verb events: Lambda test events."""

import itertools
import time
from typing import Any

import click

from chalicelib import words
from chalicelib.documents import read_object
from chalicelib.items import to_item
from chalicelib.scores import InvalidRecord
from operations.aws.errors import Misuse
from operations.scores.events import event, kinesis_record, stream_record
from operations.terminal.options import EXAMPLE
from operations.terminal.results import print_json

IMAGES = {"NewImage", "OldImage"}


@click.command(epilog="Example: python -m operations events dynamodb --redeliver")
@click.argument("source", type=click.Choice(["kinesis", "dynamodb"]))
@click.option(
    "--record",
    "texts",
    multiple=True,
    default=[EXAMPLE],
    show_default=True,
    help="What a record carries; may be given several times. For dynamodb a JSON object, or one "
    'with the parts NewImage and OldImage: {"OldImage": {…}} is a deletion.',
)
@click.option("--redeliver", is_flag=True, help="Deliver each record twice, as after a failure.")
def events(*, source: str, texts: tuple[str, ...], redeliver: bool) -> None:
    """Print a Lambda test event, with ids that no other event has.

    For the Lambda console, for `chalice invoke`, for tests. Invoked with the same file again, a
    function gets a redelivery.
    """
    now = time.time()
    numbers = itertools.count(time.time_ns())
    if source == "kinesis":
        records = [
            kinesis_record(
                text.encode(errors="surrogateescape"), at=round(now, 3), number=next(numbers)
            )
            for text in texts
        ]
    else:
        records = [_stream_record(text, now, next(numbers)) for text in texts]
    print_json(event(*records, *(records if redeliver else ())), indent=1)


def _stream_record(text: str, now: float, number: int) -> dict[str, Any]:
    content = read_object(text.encode(errors="surrogateescape"))
    if content is None:
        raise Misuse(f"{text} is no JSON object.")
    parts = content if content and content.keys() <= IMAGES else {"NewImage": content}
    images = {name: _image(name, image) for name, image in parts.items()}
    new, old = images.get("NewImage"), images.get("OldImage")
    record = stream_record(new, old, at=int(now), number=number)
    record_id = (new or old or {}).get(words.RECORD_ID)
    if record_id:
        record["dynamodb"]["Keys"] = {words.RECORD_ID: record_id}
    return record


def _image(name: str, content: object) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise Misuse(f"{name} is no JSON object.")
    try:
        return to_item(content)
    except InvalidRecord as error:
        raise Misuse(f"{name} is no item of DynamoDB: {error}.") from error

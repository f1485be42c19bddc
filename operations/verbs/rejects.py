"""The verb rejects: list, show, redrive, discard."""

import base64
import binascii
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.console import Console, Group, RenderableType
from rich.text import Text

from chalicelib.payloads import text_to_log
from operations.aws.errors import Misuse
from operations.aws.stage import AGGREGATOR, Stage
from operations.rejects.discard import discard as discard_objects
from operations.rejects.discard import find_to_discard
from operations.rejects.objects import RejectsObject, read_rejects, require_object
from operations.rejects.redrive import Redriven
from operations.rejects.redrive import redrive as redrive_objects
from operations.rejects.versions import KEPT_DAYS
from operations.terminal import views
from operations.terminal.options import deployed_stage_options, json_option
from operations.terminal.output import ends_with, somebody_can_answer
from operations.terminal.results import print_json
from operations.terminal.shown import escaped, escaped_lines, shown

SHOWN_KEY = "rejects/ProcessKinesisRecords/2026/11/23/0a1b2c3d.json"


@click.group(epilog="Example: python -m operations rejects list")
def rejects() -> None:
    """See the rejected records, give them to their function again, or discard them."""


@rejects.command("list", epilog="Example: python -m operations rejects list --prefix rejects/")
@click.option("--prefix", default="", help="Only keys that begin so; aws/lambda/: Lambda's own.")
@json_option
@deployed_stage_options
def list_rejects(*, stage: Stage, prefix: str, as_json: bool) -> None:
    """List the objects in the rejects bucket, oldest first; with --json an object a line."""
    found = read_rejects(stage.aws.client("s3"), stage.names.rejects_bucket, prefix)
    if as_json:
        for each in found:
            fields = {
                "key": each.key,
                "written": each.written.isoformat(),
                "since": each.since.isoformat(),
                "function": each.function,
                "reasons": [reject.reason for reject in each.rejects],
                "problem": each.problem,
            }
            print_json(fields)
    else:
        objects = sorted(found, key=lambda each: each.since)
        if objects:
            Console().print(views.rejects_list(objects), views.rejects_table(objects))
        else:
            click.echo("There are none.")


@rejects.command(epilog=f"Example: python -m operations rejects show {SHOWN_KEY}")
@click.argument("key")
@json_option
@deployed_stage_options
def show(*, stage: Stage, key: str, as_json: bool) -> None:
    """Print the records under KEY with their reasons, what Kinesis carried as text."""
    found = require_object(stage.aws.client("s3"), stage.names.rejects_bucket, key)
    if found.problem:
        raise click.ClickException(f"{key} cannot be shown: {found.problem}.")
    if as_json:
        content = {
            "function": found.function,
            "rejects": [
                {
                    "reason": each.reason,
                    "since": found.since_when(each).isoformat(),
                    "record": each.record,
                }
                for each in found.rejects
            ],
        }
        print_json(content)
    else:
        Console().print(rejects_details(found, [_payload(each.record) for each in found.rejects]))


@rejects.command(epilog="Example: python -m operations rejects redrive --dry-run")
@click.option("--prefix", default="", help="Only keys that begin so; aws/lambda/: Lambda's own.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be redriven and what refused.")
@json_option
@deployed_stage_options
def redrive(*, stage: Stage, prefix: str, dry_run: bool, as_json: bool) -> None:
    """Give rejected records to their function again, once what made them fail is mended.

    An object is removed when all its records are done with: taken by the function, corrected in
    the table meanwhile, or rejected again and kept in another object with the reason of now and
    the time at which they were first rejected. Rejects of AggregateScoresByUser go
    together, so changes get in that a total takes only as a sum. Exit status 1 if records are left.
    Doing it twice, or in two terminals, counts once.
    """
    outcomes: Counter[str] = Counter()
    records = done = 0
    progress = Console(stderr=True)
    for each in redrive_objects(stage, prefix, dry_run=dry_run):
        outcomes[each.outcome] += 1
        records += each.records
        done += each.done
        if as_json:
            print_json(each.__dict__)
        else:
            progress.print(redriven(each))
    summary = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items()) or "none"
    with ends_with(1 if outcomes.keys() - {"done", "would redrive"} else 0):
        if not as_json:
            click.echo(f"Objects: {summary}. {done:,} of {records:,} records are done with.")


@rejects.command(epilog=f"Example: python -m operations rejects discard {SHOWN_KEY} --yes")
@click.argument("keys", metavar="[KEY]...", nargs=-1)
@click.option("--prefix", help="All whose keys begin so.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@deployed_stage_options
def discard(
    *, stage: Stage, keys: tuple[str, ...], prefix: str | None, yes: bool, as_json: bool
) -> None:
    """Remove rejects for which nothing is left to do.

    The bucket keeps them as noncurrent versions for 30 days. Changes of AggregateScoresByUser that
    are discarded stay out of the totals until `rebuild` sets these from the records.
    """
    if not keys and prefix is None:
        raise Misuse("Name a KEY or a --prefix: `rejects list` has the keys.")
    objects = list(find_to_discard(stage, keys, prefix))
    records = sum(each.count for each in objects)
    what = f"{len(objects):,} {'object' if len(objects) == 1 else 'objects'}, {records:,} records"
    if objects and not yes:
        Console(stderr=True).print(views.rejects_list(objects, title="To discard"))
        if not somebody_can_answer():
            raise Misuse(f"Nothing was discarded ({what}): there is nobody to ask, so add --yes.")
        click.confirm(f"Discard {what}?", abort=True, err=True)
    stayed = 0
    for each in discard_objects(stage, objects):
        stayed += not each.is_gone
        if as_json:
            print_json(each.__dict__)
        elif not each.is_gone:
            click.echo(f"{escaped(each.key)} stays: it was written again meanwhile.")
    lines = [
        f"Discarded {what}; the bucket keeps them as noncurrent versions for {KEPT_DAYS} days."
    ]
    if any(each.function == AGGREGATOR for each in objects):
        lines.append("Changes are among them that no total has: `rebuild` sets the totals right.")
    with ends_with(1 if stayed else 0):
        if not as_json:
            click.echo("\n".join(lines))


def _payload(record: Mapping[str, Any]) -> str | None:
    """What a Kinesis record carries, as text; None for other records."""
    try:
        return text_to_log(base64.b64decode(record["kinesis"]["data"], validate=True))
    except (LookupError, TypeError, binascii.Error, ValueError):
        return None


def rejects_details(found: RejectsObject, payloads: Sequence[str | None]) -> RenderableType:
    """Each record: its reason, its payload if it has one, then the whole record."""
    parts: list[RenderableType] = [shown(f"Rejected by {found.function}", "bold")]
    for each, payload in zip(found.rejects, payloads, strict=True):
        parts += ["", shown(each.reason, "yellow")]
        if payload is not None:
            parts.append(shown(payload, "bold"))
        parts.append(Text(escaped_lines(json.dumps(each.record, indent=1)), "dim"))
    return Group(*parts)


REDRIVEN_STYLES = {"done": "green", "would redrive": "green", "rejected again": "yellow"}


def redriven(each: Redriven) -> Text:
    text = shown(f"{each.outcome}  ", REDRIVEN_STYLES.get(each.outcome, "bold red"))
    text.append_text(shown(f"{each.key}, {each.records} records", "default"))
    if each.reason:
        text.append_text(shown(f": {each.reason}", "dim"))
    return text

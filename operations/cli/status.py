"""The verb status: whether the stage is well."""

import json
import sys

import click
from rich.console import Console

from operations.cli import views
from operations.cli.options import deployed_stage_options, json_option
from operations.stage.stage import Stage
from operations.watch.status import read_status


@click.command(epilog="Example: python -m operations status")
@json_option
@deployed_stage_options
def status(*, stage: Stage, as_json: bool) -> None:
    """Look at functions, mappings, stream, tables, alarms and rejects; exit 1 if one is wrong.

    Rejects of the last 24 hours are something wrong: redrive them once the cause is mended.
    """
    found = read_status(stage)
    if as_json:
        result = {
            "well": not found.problems,
            "problems": found.problems,
            "parts": [part._asdict() for part in found.parts],
            "newest_rejects": [
                {"key": each.key, "written": each.written.isoformat(), "records": len(each.rejects)}
                for each in found.newest_rejects
            ],
        }
        click.echo(json.dumps(result, ensure_ascii=False))
    else:
        Console().print(views.status_view(stage.name, found))
    sys.exit(1 if found.problems else 0)

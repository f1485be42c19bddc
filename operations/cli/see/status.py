"""The verb status: whether the stage is well."""

import sys

import click
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from operations.cli import views
from operations.cli.options import deployed_stage_options, json_option
from operations.cli.results import print_json
from operations.stage.stage import Stage
from operations.watch.status import Status, read_status


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
        print_json(result)
    else:
        Console().print(status_view(stage.name, found))
    sys.exit(1 if found.problems else 0)


def status_view(stage: str, found: Status) -> RenderableType:
    table = Table(title=f"Stage {stage}", show_lines=False)
    for column in ("", "Part", "State"):
        table.add_column(column, overflow="fold")
    kind = ""
    for part in found.parts:
        if kind and part.kind != kind:
            table.add_section()
        kind = part.kind
        mark = Text("✗", style="bold red") if part.problem else Text("✓", style="green")
        state = Text(part.state)
        if part.problem:
            state.append(f"\n{part.problem}", style="red")
        table.add_row(mark, Text(f"{part.kind} {part.name}"), state)
    shown: list[RenderableType] = [table]
    if found.newest_rejects:
        shown.append(views.rejects_list(found.newest_rejects, title="The newest rejects"))
    problems = len(found.problems)
    if problems:
        line = Text(f"{problems} {'thing is' if problems == 1 else 'things are'} wrong", "bold red")
    else:
        line = Text("All is well", "bold green")
    return Group(*shown, line)

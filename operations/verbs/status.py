"""The verb status: whether the stage is well."""

from collections.abc import Iterable, Iterator
from typing import Any

import click
from rich.console import Console, Group, RenderableType
from rich.table import Table

from operations.aws.stage import Stage
from operations.terminal import views
from operations.terminal.options import deployed_stage_options, json_option
from operations.terminal.output import ends_with
from operations.terminal.results import print_json
from operations.terminal.shown import shown
from operations.watch.parts import NOT_YET_KNOWN, Part
from operations.watch.status import Status, read_status

NAMED = 2
"""Up to this many alarms that are not yet known are named; after a first deploy none is known."""


@click.command(epilog="Example: python -m operations status")
@json_option
@deployed_stage_options
def status(*, stage: Stage, as_json: bool) -> None:
    """Look at all parts of the stage, its alarms and rejects; exit 1 if one is wrong.

    Rejects are something wrong until each is dealt with: redriven once the cause is mended, or
    discarded.
    """
    found = read_status(stage)
    with ends_with(1 if found.problems else 0):
        if as_json:
            print_json(_fields(found))
        else:
            Console().print(status_view(stage.name, found))


def _fields(found: Status) -> dict[str, Any]:
    return {
        "well": not found.problems,
        "problems": found.problems,
        "parts": [part._asdict() for part in found.parts],
        "newest_rejects": [
            {"key": each.key, "written": each.written.isoformat(), "records": len(each.rejects)}
            for each in found.newest_rejects
        ],
    }


def status_view(stage: str, found: Status) -> RenderableType:
    """One line a part where 80 columns allow; alarms that are well share one."""
    table = Table.grid(padding=(0, 1))
    for _ in ("mark", "kind", "name and state"):
        table.add_column(overflow="fold")
    shown_kind = ""
    for part in _with_quiet_alarms_together(found.parts):
        _add_part(table, part, part.kind if part.kind != shown_kind else "")
        shown_kind = part.kind
    parts: list[RenderableType] = [shown(f"Stage {stage}", "italic"), table]
    if found.newest_rejects:
        parts.append(views.rejects_list(found.newest_rejects, title="The newest rejects"))
    problems = len(found.problems)
    if problems:
        line = shown(
            f"{problems} {'thing is' if problems == 1 else 'things are'} wrong", "bold red"
        )
    else:
        line = shown("All is well", "bold green")
    return Group(*parts, line)


def _with_quiet_alarms_together(parts: Iterable[Part]) -> Iterator[Part]:
    """The parts, but one for all alarms that are well, and one for all that are not yet known."""
    parts = list(parts)
    quiet = [part for part in parts if part.kind == "alarm" and not part.problem]
    for part in parts:
        if part not in quiet:
            yield part
        elif part is quiet[0]:
            unknown = [each.name for each in quiet if each.state == NOT_YET_KNOWN]
            if well := len(quiet) - len(unknown):
                yield Part("alarm", f"{well} alarms" if well > 1 else "1 alarm", "OK")
            if unknown:
                names = ", ".join(unknown) if len(unknown) <= NAMED else f"{len(unknown)} alarms"
                yield Part("alarm", names, NOT_YET_KNOWN)


def _add_part(table: Table, part: Part, kind: str) -> None:
    if part.problem:
        mark = shown("✗", "bold red")
    elif part.state == NOT_YET_KNOWN:
        mark = shown("?", "yellow")
    else:
        mark = shown("✓", "green")
    what = shown(f"{part.name}: ").append_text(shown(part.state, "dim"))
    if part.problem:
        what.append("\n").append_text(shown(part.problem, "red"))
    table.add_row(mark, shown(kind, "bold"), what)

"""The verb logs: what the functions wrote."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from operations.aws.stage import FUNCTIONS, Stage
from operations.terminal.options import (
    Number,
    deployed_stage_options,
    json_option,
    until_interrupted,
)
from operations.terminal.results import print_json
from operations.terminal.shown import escaped_lines
from operations.watch.logs import LogLine, follow_logs, read_logs

MOST_MINUTES = 10 * 365 * 24 * 60
"""Ten years, as long as CloudWatch keeps lines that it does not keep for ever."""


@click.command(epilog="Example: python -m operations logs --function AggregateScoresByUser")
@click.option("--function", type=click.Choice(FUNCTIONS), help="Only this function's lines.")
@click.option("--rejects", is_flag=True, help="Only the lines about rejected records.")
@click.option("--invocations", is_flag=True, help="Also Lambda's START, END and REPORT lines.")
@click.option("--follow", is_flag=True, help="Go on with new lines until Ctrl-C.")
@click.option(
    "--minutes",
    default=10.0,
    show_default=True,
    type=Number(min=0, max=MOST_MINUTES),
    metavar="MINUTES",
    help="How far back to begin.",
)
@json_option
@deployed_stage_options
def logs(
    *,
    stage: Stage,
    function: str | None,
    rejects: bool,
    invocations: bool,
    follow: bool,
    minutes: float,
    as_json: bool,
) -> None:
    """Print the functions' log lines, oldest first; with --json an object a line."""
    functions = (function,) if function else FUNCTIONS
    since = datetime.now(UTC) - timedelta(minutes=minutes)
    console = Console(soft_wrap=True)
    read = follow_logs if follow else read_logs
    with until_interrupted() if follow else nullcontext():
        for line in read(stage, functions, since, rejects=rejects):
            if line.is_invocation_mark and not invocations:
                continue
            if as_json:
                print_json(_fields(line))
            else:
                console.print(log_line(line))


def _fields(line: LogLine) -> dict[str, Any]:
    fields = line.fields if line.fields is not None else {"message": line.text}
    return {"function": line.function, "written": line.written.isoformat(), "line": fields}


LEVEL_STYLES = {"ERROR": "bold red", "CRITICAL": "bold red", "WARNING": "yellow", "DEBUG": "dim"}


def log_line(line: LogLine) -> Text:
    """One line of a log: time, function, level, message.

    Where the message goes on, lines are indented, so that no payload passes for a line of the log.
    """
    text = Text(f"{line.written:%H:%M:%S} ", style="dim", end="")
    text.append(f"{line.function:<22} ", style="cyan")
    message = escaped_lines(f"{line.level:<8} {line.message}", indent="    ")
    text.append(message, style=LEVEL_STYLES.get(line.level, ""))
    return Text.assemble(text, end="\n")

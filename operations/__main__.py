"""The command line, `python -m operations VERB`: all verbs, and how each of them ends."""

import signal
import sys
import tomllib
from contextlib import suppress
from typing import NoReturn

import click

from chalicelib import words
from operations.aws.config import PROJECT
from operations.aws.errors import EXPLAINED, OperationFailed, explain
from operations.terminal.output import ReaderGone, guard_output
from operations.terminal.shown import escaped_lines
from operations.verbs.demo import demo
from operations.verbs.deploy import deploy
from operations.verbs.destroy import destroy
from operations.verbs.events import events
from operations.verbs.forget import forget
from operations.verbs.insert import insert
from operations.verbs.leaderboard import leaderboard
from operations.verbs.logs import logs
from operations.verbs.package import package
from operations.verbs.rebuild import rebuild
from operations.verbs.reconcile import reconcile
from operations.verbs.rejects import rejects
from operations.verbs.send import send
from operations.verbs.status import status
from operations.verbs.up import up

INTERRUPTED = 130


def print_version(context: click.Context, _: click.Parameter, asked: bool) -> None:  # noqa: FBT001
    """Print the version and end."""
    if asked:
        project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
        click.echo(f"{words.TITLE} {project['version']}")
        context.exit()


@click.group(
    help=f"See and operate the {words.TITLE} pipeline.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=print_version,
    help="Print the version.",
)
def operations() -> None:
    """All verbs."""


for verb in (
    demo,
    up,
    deploy,
    package,
    destroy,
    send,
    insert,
    leaderboard,
    logs,
    status,
    rejects,
    reconcile,
    rebuild,
    forget,
    events,
):
    operations.add_command(verb)


def main() -> NoReturn:
    """Run the command line; a person sees a sentence, never a traceback."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    guard_output()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The exit status of the command line with these arguments."""
    try:
        with suppress(ReaderGone):
            operations.main(arguments, prog_name="python -m operations", standalone_mode=False)
    except click.exceptions.Exit as end:
        return end.exit_code
    except SystemExit as end:
        return int(end.code or 0)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted; nothing is left running.", err=True)
        return INTERRUPTED
    except (OperationFailed, *EXPLAINED) as error:
        failure = error if isinstance(error, OperationFailed) else explain(error)
        click.echo(f"Error: {escaped_lines(str(failure))}", err=True)
        return failure.exit_status
    return 0


if __name__ == "__main__":
    main()

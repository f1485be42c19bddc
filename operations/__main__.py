"""The command line: python -m operations VERB."""

import signal
import sys
from typing import NoReturn

import click
from botocore.exceptions import BotoCoreError, ClientError

from operations.cli.deploy import deploy, destroy, package
from operations.cli.events import events
from operations.cli.insert import insert
from operations.cli.leaderboard import leaderboard
from operations.cli.local import demo, up
from operations.cli.logs import logs
from operations.cli.rebuild import rebuild
from operations.cli.reconcile import reconcile
from operations.cli.rejects import rejects
from operations.cli.send import send
from operations.cli.status import status
from operations.errors import OperationFailed, explain

INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def operations() -> None:
    """See and operate the Game Scores pipeline."""


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
    events,
):
    operations.add_command(verb)


def main() -> NoReturn:
    """Run the command line; a person sees a sentence, never a traceback."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The exit status of the command line with these arguments."""
    try:
        operations.main(arguments, prog_name="python -m operations", standalone_mode=False)
    except click.exceptions.Exit as end:
        status = end.exit_code
    except SystemExit as end:
        status = int(end.code or 0)
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted; nothing is left running.", err=True)
        status = INTERRUPTED
    except (OperationFailed, BotoCoreError, ClientError) as error:
        failure = error if isinstance(error, OperationFailed) else explain(error)
        click.echo(f"Error: {failure}", err=True)
        status = failure.exit_status
    else:
        status = 0
    return status


if __name__ == "__main__":
    main()

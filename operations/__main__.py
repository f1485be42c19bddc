"""The command line: python -m operations VERB."""

import signal
import sys
from typing import NoReturn

import click
from botocore.exceptions import BotoCoreError, ClientError

from operations.commands.deploy import deploy, destroy, package
from operations.commands.local import demo, up
from operations.errors import OperationFailed

INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def operations() -> None:
    """See and operate the Game Scores pipeline."""


for verb in (demo, up, deploy, package, destroy):
    operations.add_command(verb)


def main() -> NoReturn:
    """Run the command line; a person sees a sentence, never a traceback."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    try:
        operations.main(prog_name="python -m operations", standalone_mode=False)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted; nothing is left running.", err=True)
        sys.exit(INTERRUPTED)
    except OperationFailed as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    except (BotoCoreError, ClientError) as error:
        click.echo(f"Error: AWS answers: {error}", err=True)
        sys.exit(1)
    sys.exit(0)


if __name__ == "__main__":
    main()

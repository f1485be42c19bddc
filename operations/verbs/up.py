"""The verb up: the pipeline on this machine, for other programs."""

import random
import shlex
import signal
from pathlib import Path

import click
from rich.console import Console

from chalicelib import words
from operations.aws.config import PROJECT
from operations.aws.stage import Stage
from operations.local.pipeline import deploy_locally
from operations.local.server import EmbeddedAws, embedded_aws
from operations.local.source_file import source_file
from operations.local.waiting import Waiting
from operations.scores.generate import generate_scores
from operations.scores.send import send_payloads
from operations.terminal import views
from operations.terminal.options import STAGE_VARIABLE

RECORDS, USERS = 300, 20
NAMES_PREFIX = "LOCAL_"
NEXT = (
    "./operate leaderboard --watch",
    "./operate send --records 1000 --rate 100",
    "./operate status",
)


@click.command(
    help=f"""Deploy to an embedded AWS, send some {words.SCORES}, and leave it running until Ctrl-C.

    Prints what to type in another shell. The file to source there, .local/up.env, names the
    stage, the endpoint and the credentials to the verbs and to other programs, and the resources to
    these, e.g. the stream as LOCAL_GAME_SCORES_STREAM.
    """,
    epilog="Example: python -m operations up",
)
def up() -> None:
    console = Console(stderr=True)
    with embedded_aws() as aws:
        stage = deploy_locally(aws, lambda step: console.print(f"{step} …"))
        console.print(f"Sending {RECORDS} {words.SCORES} of {USERS} {words.PLAYERS} …")
        _send_scores(stage, console)
        with source_file(aws.folder, variables_to_source(stage, aws)) as file:
            click.echo(next_steps(file))
            while True:
                signal.pause()


def variables_to_source(stage: Stage, aws: EmbeddedAws) -> dict[str, str]:
    """The stage, its AWS, and its resources' names.

    The names are not called as the functions read them: a `chalice deploy` of another stage in that
    shell would take them for that stage's.
    """
    names = {f"{NAMES_PREFIX}{variable}": name for variable, name in stage.variables.items()}
    return {STAGE_VARIABLE: stage.name, **aws.variables, **names}


def _send_scores(stage: Stage, console: Console) -> None:
    scores = generate_scores(RECORDS, USERS, random.Random(1))
    payloads = [each.payload for each in scores]
    with views.progress_bars(console) as bars:
        waiting = Waiting(stage, views.table_progress(bars))
        send_payloads(stage.aws.client("kinesis"), stage.names.stream, payloads)
        waiting.until_aggregated(RECORDS)


def next_steps(file: Path) -> str:
    """What to type in another shell, wherever that stands."""
    source = f"cd {shlex.quote(str(PROJECT))} && source {file.relative_to(PROJECT)}"
    lines = "\n".join(f"  {line}" for line in (source, *NEXT))
    return f"Up. In another shell:\n\n{lines}\n\nCtrl-C here ends it, and nothing is left."

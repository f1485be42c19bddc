"""Captures the screens of the pages from a pipeline at work on the embedded AWS.

python -m docs.capture_screens FOLDER: each picture begins with the command that shows this.
"""

import io
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console, RenderableType

from operations.aws.stage import Stage
from operations.local.pipeline import deploy_locally
from operations.local.server import embedded_aws
from operations.scores.generate import generate_scores, malformed_payloads
from operations.scores.send import send_payloads
from operations.verbs.leaderboard import leaderboard_watch
from operations.verbs.status import status_view
from operations.watch.leaderboard import PipelineWatch, read_standings
from operations.watch.status import read_status

RATE = 100
SENT_SECONDS = 30
LOOKS, EVERY_SECONDS = 12, 2
TOP = 8
LEADERBOARD = f"python -m operations leaderboard --watch --top {TOP}"
STATUS = "python -m operations status"


def capture_screens(folder: Path, announce: Callable[[str], None]) -> list[Path]:
    """The files written: the watched leaderboard and the status, as a terminal shows them."""
    folder.mkdir(parents=True, exist_ok=True)
    with embedded_aws() as aws:
        stage = deploy_locally(aws, announce)
        announce(f"Sending {RATE} scores a second")
        sender = threading.Thread(target=_send, args=[stage], daemon=True)
        sender.start()
        watch = PipelineWatch(stage)
        for _ in range(LOOKS):
            time.sleep(EVERY_SECONDS)
            standings = read_standings(stage.aws.client("dynamodb"), stage.names.totals_table, TOP)
            doing = watch.look(standings)
        sender.join()
        announce("Looking at the status")
        status = status_view(stage.name, read_status(stage))
    return [
        save(leaderboard_watch(standings, TOP, doing), LEADERBOARD, 76, folder / "leaderboard.svg"),
        save(status, STATUS, 100, folder / "status.svg"),
    ]


def save(view: RenderableType, command: str, columns: int, path: Path) -> Path:
    """The picture of a terminal of so many columns in which that command was typed."""
    console = Console(record=True, width=columns, file=io.StringIO())
    console.print(f"$ {command}", highlight=False)
    console.print(view)
    console.save_svg(str(path), title="")
    return path


def _send(stage: Stage) -> None:
    chance = random.Random(1)
    scores = generate_scores(RATE * SENT_SECONDS, 60, chance, skew=3)
    payloads = [score.payload for score in scores]
    payloads[RATE : RATE + 3] = malformed_payloads(3, chance)
    send_payloads(stage.aws.client("kinesis"), stage.names.stream, payloads, rate=RATE)


if __name__ == "__main__":
    for file in capture_screens(
        Path(sys.argv[1]), lambda step: print(f"{step} …", file=sys.stderr)
    ):
        print(file)

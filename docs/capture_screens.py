"""Captures the screens of the pages from a pipeline at work on the embedded AWS.

python -m docs.capture_screens FOLDER: each picture begins with the command that shows this.
"""

import io
import random
import sys
from pathlib import Path

from rich.console import Console, RenderableType

from operations.local.pipeline import deploy_locally
from operations.local.server import embedded_aws
from operations.scores.generate import generate_scores, malformed_payloads
from operations.scores.send import send_payloads
from operations.verbs.leaderboard import leaderboard_watch
from operations.verbs.status import status_view
from operations.watch.leaderboard import PipelineWatch, read_standings
from operations.watch.status import read_status

RATE = 100
LOOKS, SENT_BETWEEN = 12, 200
TOP = 8
LEADERBOARD = f"python -m operations leaderboard --watch --top {TOP}"
STATUS = "python -m operations status"


def capture_screens(folder: Path) -> None:
    """Draw the watched leaderboard and the status, as a terminal shows them."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(1)
    scores = generate_scores(LOOKS * SENT_BETWEEN, 60, chance, skew=3)
    payloads = [*malformed_payloads(3, chance), *(score.payload for score in scores)]
    with embedded_aws() as aws:
        stage = deploy_locally(aws, lambda step: print(f"{step} …", file=sys.stderr))
        kinesis, dynamodb = stage.aws.client("kinesis"), stage.aws.client("dynamodb")
        watch = PipelineWatch(stage)
        for first in range(0, len(payloads), SENT_BETWEEN):
            some = payloads[first : first + SENT_BETWEEN]
            send_payloads(kinesis, stage.names.stream, some, rate=RATE)
            standings = read_standings(dynamodb, stage.names.totals_table, TOP)
            doing = watch.look(standings)
        watched = leaderboard_watch(standings, TOP, doing)
        status = status_view(stage.name, read_status(stage))
    save(watched, LEADERBOARD, 76, folder / "leaderboard.svg")
    save(status, STATUS, 100, folder / "status.svg")


def save(view: RenderableType, command: str, columns: int, path: Path) -> Path:
    """The picture of a terminal of so many columns in which that command was typed."""
    console = Console(record=True, width=columns, file=io.StringIO())
    console.print(f"$ {command}", highlight=False)
    console.print(view)
    console.save_svg(str(path), title="")
    return path


if __name__ == "__main__":
    capture_screens(Path(sys.argv[1]))

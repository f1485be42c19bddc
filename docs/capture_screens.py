"""Captures the screens in the documents from a pipeline at work on the embedded AWS.

python -m docs.capture_screens FOLDER
"""

import io
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console, RenderableType

from operations.cli.see.leaderboard import leaderboard_watch
from operations.cli.see.status import status_view
from operations.local.pipeline import deploy_locally
from operations.local.server import embedded_aws
from operations.scores.generate import generate_scores, malformed_payloads
from operations.scores.send import send_payloads
from operations.stage.stage import Stage
from operations.watch.leaderboard import PipelineWatch, read_standings
from operations.watch.status import read_status

TOP = 8
RATE = 100
WATCHED_SECONDS = 12
COLUMNS = 116


def capture_screens(folder: Path, announce: Callable[[str], None]) -> list[Path]:
    """The files written: the watched leaderboard and the status, as a terminal shows them."""
    folder.mkdir(parents=True, exist_ok=True)
    with embedded_aws() as aws:
        stage = deploy_locally(aws, announce)
        announce(f"Sending {RATE} scores a second")
        watched = _watch_while_sending(stage)
        announce("Looking at the status")
        status = status_view(stage.name, read_status(stage))
    return [
        _save(watched, f"leaderboard --watch --top {TOP}", folder / "leaderboard.svg"),
        _save(status, "status", folder / "status.svg"),
    ]


def _watch_while_sending(stage: Stage) -> RenderableType:
    chance = random.Random(1)
    scores = generate_scores(RATE * WATCHED_SECONDS, 60, chance, skew=3)
    payloads = [score.payload for score in scores]
    payloads[RATE : RATE + 3] = malformed_payloads(3, chance)
    stream = stage.names.stream
    sender = threading.Thread(
        target=send_payloads,
        args=[stage.aws.client("kinesis"), stream, payloads],
        kwargs={"rate": RATE},
        daemon=True,
    )
    table = stage.names.totals_table
    watch = PipelineWatch(stage)
    sender.start()
    while True:
        standings = read_standings(stage.aws.client("dynamodb"), table, TOP)
        view = leaderboard_watch(standings, TOP, watch.look(standings))
        if not sender.is_alive():
            return view
        time.sleep(1)


def _save(view: RenderableType, arguments: str, path: Path) -> Path:
    """The view as an SVG file, under the command line that shows it."""
    console = Console(
        file=io.StringIO(),
        record=True,
        force_terminal=True,
        width=COLUMNS,
        color_system="truecolor",
    )
    console.print(view)
    path.write_text(
        console.export_svg(title=f"python -m operations {arguments}", unique_id=path.stem)
    )
    return path


if __name__ == "__main__":
    for file in capture_screens(
        Path(sys.argv[1]), lambda step: print(f"{step} …", file=sys.stderr)
    ):
        print(file)

"""Captures the screens of the pages from a pipeline at work on the embedded AWS.

python -m docs.capture_screens FOLDER: each picture begins with the command that was typed, in
a terminal of its own, in a shell with the variables that `make up` prints.
"""

import fcntl
import os
import pty
import random
import re
import select
import shlex
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.terminal import draw
from operations.aws.config import PROJECT
from operations.aws.stage import Stage
from operations.local.pipeline import deploy_locally
from operations.local.server import embedded_aws
from operations.scores.generate import generate_scores, malformed_payloads
from operations.scores.send import send_payloads

RATE = 100
SENT_SECONDS = 30
WATCHED_SECONDS = 25
ROWS = 50
LEADERBOARD = ("python -m operations leaderboard --stage local --watch --top 8", 43)
STATUS = ("python -m operations status --stage local", 116)
"""What is typed, and the columns of the terminal that it is typed in."""

REDRAWN = re.compile(r"\x1b\[2K")
CURSOR = re.compile(r"\x1b\[\??[0-9;]*[A-HJKlhG]|\r")


def capture_screens(folder: Path, announce: Callable[[str], None]) -> list[Path]:
    """The files written: the watched leaderboard and the status, as a terminal shows them."""
    folder.mkdir(parents=True, exist_ok=True)
    with embedded_aws() as aws:
        stage = deploy_locally(aws, announce)
        variables = {**aws.variables, **stage.variables}
        announce(f"Sending {RATE} scores a second")
        sender = threading.Thread(target=_send, args=[stage], daemon=True)
        sender.start()
        watched = _type(*LEADERBOARD, variables, WATCHED_SECONDS)
        sender.join()
        announce("Looking at the status")
        status = _type(*STATUS, variables)
    return [
        _save(watched, *LEADERBOARD, folder / "leaderboard.svg"),
        _save(status, *STATUS, folder / "status.svg"),
    ]


def _send(stage: Stage) -> None:
    chance = random.Random(1)
    scores = generate_scores(RATE * SENT_SECONDS, 60, chance, skew=3)
    payloads = [score.payload for score in scores]
    payloads[RATE : RATE + 3] = malformed_payloads(3, chance)
    send_payloads(stage.aws.client("kinesis"), stage.names.stream, payloads, rate=RATE)


def _type(
    command: str, columns: int, variables: Mapping[str, str], seconds: float | None = None
) -> str:
    """What a terminal of so many columns shows when the command ends, or after so long."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    arguments = [sys.executable, *shlex.split(command)[1:]]
    environment = {**os.environ, **variables, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    with subprocess.Popen(
        arguments, cwd=PROJECT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        written = b""
        deadline = time.monotonic() + seconds if seconds else float("inf")
        while time.monotonic() < deadline:
            ready, _, _ = select.select([ours], [], [], 0.1)
            try:
                written += os.read(ours, 65_536) if ready else b""
            except OSError:  # Linux's answer once the other side is closed
                break
        process.terminate()
    os.close(ours)
    return _last_screen(written.decode())


def _last_screen(written: str) -> str:
    """What stands on the screen at the end: after the last time that it was drawn anew."""
    return CURSOR.sub("", REDRAWN.split(written)[-1])


def _save(screen: str, command: str, columns: int, path: Path) -> Path:
    path.write_text(draw(screen, command, columns))
    return path


if __name__ == "__main__":
    for file in capture_screens(
        Path(sys.argv[1]), lambda step: print(f"{step} …", file=sys.stderr)
    ):
        print(file)

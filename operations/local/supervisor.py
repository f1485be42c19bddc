"""Runs a server for exactly as long as its owner lives.

Usage: python -m operations.local.supervisor FOLDER COMMAND… The owner holds the other end of
standard input. When that closes, because the owner is done or was killed, the server and all it
started are killed, as nothing that they hold outlives them, and FOLDER is deleted.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType


def supervise(folder: Path, command: list[str]) -> int:
    """Run the command until standard input closes or it ends by itself; its exit status."""
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        threading.Thread(target=_end_with_owner, args=[server.pid], daemon=True).start()
        return server.wait()
    finally:
        _kill_group(server.pid)
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _end_with_owner(pid: int) -> None:
    sys.stdin.buffer.read()
    _kill_group(pid)


def _kill_group(pid: int) -> None:
    """Kill the server's process group; its Lambda workers belong to it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _end_on_signal(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end_on_signal)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    sys.exit(supervise(Path(sys.argv[1]), sys.argv[2:]))

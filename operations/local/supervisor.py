"""Runs a server for exactly as long as its owner lives.

Usage: python -m operations.local.supervisor FOLDER COMMAND… The owner holds the other end of
standard input. When that closes, because the owner is done or was killed, the server and all it
started are ended and FOLDER is deleted.
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

GRACE_SECONDS = 3


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
        _end_group(server)
        shutil.rmtree(folder, ignore_errors=True)


def _end_with_owner(pid: int) -> None:
    sys.stdin.buffer.read()
    _signal_group(pid, signal.SIGTERM)


def _end_group(server: "subprocess.Popen[bytes]") -> None:
    """End the server's process group; its Lambda workers belong to it."""
    _signal_group(server.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(GRACE_SECONDS)
    _signal_group(server.pid, signal.SIGKILL)
    server.wait()


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _end_on_signal(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end_on_signal)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    sys.exit(supervise(Path(sys.argv[1]), sys.argv[2:]))

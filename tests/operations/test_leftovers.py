"""Whatever the command line starts ends with it, and leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from operations.aws.config import PROJECT
from operations.local.server import LOCAL_FOLDER
from operations.local.source_file import SOURCE_FILE
from tests.conftest import PATIENCE_SECONDS
from tests.operations.conftest import until

RUN = [sys.executable, "-m", "operations"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "signal_number"),
    [
        ("Deploying the app", signal.SIGINT),
        ("Deploying the app", signal.SIGTERM),
        ("Deploying the app", signal.SIGKILL),
        ("Ctrl-C", signal.SIGINT),
        ("Ctrl-C", signal.SIGKILL),
    ],
)
def test_whenever_it_ends_no_process_and_no_folder_is_left(
    line: str, signal_number: signal.Signals
) -> None:
    with subprocess.Popen(
        [*RUN, "up"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as up:
        assert up.stdout is not None
        for printed in up.stdout:
            if line in printed:
                break
        folder = folder_of(up.pid)
        assert processes_in(folder)
        up.send_signal(signal_number)
        up.wait(timeout=PATIENCE_SECONDS)

    until(lambda: (folder.exists(), processes_in(folder)), (False, []))
    assert not (SOURCE_FILE.exists() and folder in SOURCE_FILE.resolve().parents)
    if signal_number is not signal.SIGKILL:
        assert up.returncode == 130


def test_nothing_that_git_tracks_is_written_by_a_deployment() -> None:
    ignored = (PROJECT / ".gitignore").read_text()
    assert re.search(r"^\.local/$", ignored, re.MULTILINE)


def folder_of(pid: int) -> Path:
    """The folder of the embedded AWS that this process started; others may run beside it."""
    (children,) = Path(f"/proc/{pid}/task").glob(f"{pid}/children")
    (supervisor,) = [
        words
        for child in children.read_text().split()
        if "operations.local.supervisor" in (words := command_of(child))
    ]
    folder = Path(supervisor[supervisor.index("operations.local.supervisor") + 1])
    assert folder.parent == LOCAL_FOLDER
    return folder


def command_of(pid: str) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def processes_in(folder: Path) -> list[str]:
    """The processes that have to do with the folder: by command line, or by working directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            directory = os.readlink(process / "cwd")
        except (OSError, UnicodeDecodeError):
            continue
        if str(folder) in command or str(folder) in directory:
            found.append(command)
    return found

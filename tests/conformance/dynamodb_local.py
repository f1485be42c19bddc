"""DynamoDB Local, AWS's own engine, in memory and on a loopback port.

Maven brings it, from Maven Central, into a folder that git ignores. Its license asks for an AWS
account in good standing; it is neither shipped nor needed by anything but `make conformance`.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DynamoDBLocal.html
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from operations.aws.config import PROJECT
from operations.aws.errors import OperationFailed
from operations.local.server import LOCAL_FOLDER, free_port

LIBRARIES = LOCAL_FOLDER / "dynamodb-local"
POM = Path(__file__).with_name("pom.xml")
LAUNCHER = Path(__file__).with_name("Loopback.java")
OLDEST_JAVA = 17
START_SECONDS = 60


class DynamoDBLocalMissing(OperationFailed):
    """DynamoDB Local cannot be had on this machine; the message says what is missing."""


def bring_dynamodb_local() -> None:
    """DynamoDB Local's files stand in LIBRARIES afterwards; fetched again only for another pom.xml.

    Raises DynamoDBLocalMissing where there is no Java Development Kit or no Maven, or where Maven
    cannot fetch them.
    """
    _check_java()
    fetched = LIBRARIES / POM.name
    if fetched.exists() and fetched.read_bytes() == POM.read_bytes():
        return
    maven = shutil.which("mvn")
    if maven is None:
        raise DynamoDBLocalMissing("there is no Maven (`mvn`) here, which fetches DynamoDB Local")
    shutil.rmtree(LIBRARIES, ignore_errors=True)
    options = ["--batch-mode", "--quiet", "--strict-checksums"]
    goal = "dependency:copy-dependencies"
    command = [maven, *options, "-f", str(POM), goal, f"-DoutputDirectory={LIBRARIES}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise DynamoDBLocalMissing(f"Maven could not fetch DynamoDB Local: {answer.stdout[-500:]}")
    shutil.copyfile(POM, fetched)


@contextlib.contextmanager
def dynamodb_local() -> Iterator[str]:
    """Its endpoint's URL, for as long as the context lasts, even if this process is killed."""
    LOCAL_FOLDER.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="dynamodb-", dir=LOCAL_FOLDER))
    port = free_port()
    java = ["java", f"-Djava.library.path={LIBRARIES}", f"-Djava.io.tmpdir={folder}", "-Xmx1g"]
    options = ["-inMemory", "-disableTelemetry", "-port", str(port)]
    command = [*java, "-cp", f"{LIBRARIES}/*", str(LAUNCHER), *options]
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "operations.local.supervisor", str(folder), *command],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        start_new_session=True,
        env={"PATH": os.environ.get("PATH", os.defpath)},
    )
    try:
        endpoint_url = f"http://127.0.0.1:{port}"
        _wait_until_ready(endpoint_url, folder, supervisor)
        yield endpoint_url
    finally:
        supervisor.communicate()  # closes its standard input and waits for its end


def _check_java() -> None:
    if shutil.which("java") is None or shutil.which("javac") is None:
        raise DynamoDBLocalMissing(
            f"there is no Java Development Kit {OLDEST_JAVA} or later here, which DynamoDB Local "
            "runs on"
        )
    answer = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True)
    version = re.search(r'version "(\d+)', answer.stderr)
    if version is None or int(version[1]) < OLDEST_JAVA:
        raise DynamoDBLocalMissing(
            f"DynamoDB Local needs Java {OLDEST_JAVA} or later: {answer.stderr.splitlines()[0]}"
        )


def _wait_until_ready(
    endpoint_url: str, folder: Path, supervisor: "subprocess.Popen[bytes]"
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and supervisor.poll() is None:
        try:
            urllib.request.urlopen(endpoint_url, timeout=1).close()
        except urllib.error.HTTPError:  # a request without a signature is refused
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    log = folder / "server.log"
    last_lines = log.read_text(errors="replace")[-500:] if log.exists() else ""
    raise OperationFailed(f"DynamoDB Local did not start. Its last words: {last_lines}")

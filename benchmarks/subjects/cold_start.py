"""Cold start: a fresh interpreter until the first record is served, and what has to be loaded."""

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from statistics import median

from benchmarks.contenders import CREDENTIALS, NAMES, TOTALS_TABLE
from benchmarks.events import Event, insertion
from benchmarks.measuring import Announce
from benchmarks.report import Column, Report
from benchmarks.results import PROJECT, Row
from dynamodb_model.server import dynamodb_server
from operations.deploy.package import package_app
from operations.scores.events import kinesis_record

CLIENT = "boto3 and a client"
PACKAGE = "Game Scores, the package"

BEGIN = """
import json, sys, time
event = json.loads(sys.argv[1])
wall, cpu = time.perf_counter(), time.process_time()
"""
END = """
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
status = open("/proc/self/status").read()  # getrusage would tell the parent's peak, if larger
peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
print(json.dumps({"wall": wall, "cpu": cpu, "peak": peak}), file=sys.stderr)
"""
SCRIPTS = {
    CLIENT: 'import boto3; boto3.client("dynamodb")',
    "the lab's first record": f"""
import boto3
from decimal import Decimal
image = event["Records"][0]["dynamodb"]["NewImage"]
boto3.resource("dynamodb").Table("{TOTALS_TABLE}").update_item(
    Key={{"Username": image["Username"]["S"]}},
    UpdateExpression="ADD Score :s",
    ExpressionAttributeValues={{":s": Decimal(image["Score"]["N"])}},
)
""",
    "Game Scores, imported": "import app",
    "Game Scores, first stream record": "import app; app.aggregate_scores_by_user(event, None)",
    "Game Scores, first Kinesis record": "import app; app.process_kinesis_records(event, None)",
}


def measure(*, quick: bool, announce: Announce) -> list[Row]:
    """The rows of all scripts, each in fresh interpreters, in turn; and the package's size."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in SCRIPTS}
    score = json.dumps({"RecordID": 1, "Username": "Ada", "Score": 1}).encode()
    events = {
        "kinesis": kinesis_record(score, number=1),
        "stream": insertion("1", "fresh", 10**9, 1),
    }
    with dynamodb_server() as server:
        for index in range(2 if quick else 10):
            announce(f"cold start: interpreter {index + 1} of each")
            for name, script in SCRIPTS.items():
                kind = "kinesis" if "Kinesis" in name else "stream"
                run = _run(script, {"Records": [events[kind]]}, server.endpoint_url)
                if index:  # the first of each compiles and warms the disk's cache
                    runs[name].append(run)
    middle = {
        name: {figure: median(run[figure] for run in each) for figure in ("cpu", "wall", "peak")}
        for name, each in runs.items()
    }
    rows: list[Row] = [
        {
            "contender": name,
            "cpu_ms": each["cpu"] * 1000,
            "cpu_to_client": each["cpu"] / middle[CLIENT]["cpu"],
            "wall_ms": each["wall"] * 1000,
            "wall_to_client": each["wall"] / middle[CLIENT]["wall"],
            "peak_mib": each["peak"],
        }
        for name, each in middle.items()
    ]
    if not quick:
        announce("cold start: the package's size")
        rows.append({"contender": PACKAGE, **_package_sizes()})
    return rows


def _run(script: str, event: Event, endpoint_url: str) -> dict[str, float]:
    completed = subprocess.run(
        [sys.executable, "-c", f"{BEGIN}{script}{END}", json.dumps(event)],
        cwd=PROJECT,
        env={
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": endpoint_url,
            **NAMES,
            "PATH": os.environ.get("PATH", os.defpath),
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    figures: dict[str, float] = json.loads(completed.stderr.splitlines()[-1])
    return figures


def _package_sizes() -> Row:
    """The zip that Lambda loads, and what it unpacks to."""
    with tempfile.TemporaryDirectory(prefix="game-scores-") as folder:
        package = package_app(PROJECT, "prod", Path(folder)).with_name("deployment.zip")
        with zipfile.ZipFile(package) as archive:
            unpacked = sum(each.file_size for each in archive.infolist())
        return {"zip_mib": package.stat().st_size / 2**20, "unpacked_mib": unpacked / 2**20}


REPORT = Report(
    "Cold start, a fresh interpreter",
    (
        Column("contender", ""),
        Column("cpu_ms", "CPU", ".0f", " ms"),
        Column("cpu_to_client", "to boto3's"),
        Column("wall_ms", "Wall", ".0f", " ms"),
        Column("wall_to_client", "to boto3's"),
        Column("peak_mib", "Memory", ".0f", " MiB"),
        Column("zip_mib", "Zip", ".1f", " MiB"),
        Column("unpacked_mib", "Unpacked", ".1f", " MiB"),
    ),
    (),
)

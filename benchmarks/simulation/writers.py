"""The writers with the CPU time a request that the committed figures tell of them."""

from dataclasses import replace

from benchmarks import results
from benchmarks.looks import OURS as OURS_NAME
from benchmarks.simulation.assumptions import OURS, WRITERS, Writer


def adding_writers() -> tuple[Writer, ...]:
    """All contenders, adding steady users' records."""
    measured = {
        row["contender"]: row["cpu_us_per_record_at_4_ms"] / row["requests_per_record"] / 1000
        for row in results.load("aggregator")
        if row.get("requests_per_record") and row["scenario"] == "steady" and row["batch"] == 100
    }
    return tuple(replace(writer, cpu_ms_per_request=measured[writer.name]) for writer in WRITERS)


def our_adding() -> Writer:
    """Ours among them."""
    (ours,) = (writer for writer in adding_writers() if writer.name == OURS_NAME)
    return ours


def our_storing() -> Writer:
    """Ours, storing scores of small payloads: a request a score."""
    rows = [
        row
        for row in results.load("ingestion")
        if row["contender"] == OURS_NAME and row["payloads"] == "scores"
    ]
    smallest = min(rows, key=lambda row: row["payload_bytes"])
    return replace(OURS, cpu_ms_per_request=smallest["cpu_us_per_record"] / 1000)

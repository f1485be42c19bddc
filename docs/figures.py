"""What the pages tell of results, written from the results: tables, and sentences with figures."""

import json
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.looks import LOOKS
from benchmarks.plots import SCENARIOS
from benchmarks.results import FOLDER, Row, load
from docs.markdown import one, table, titles, two_digits
from docs.scale import SCALE
from operations.aws.config import PROJECT

PROOFS = PROJECT / "tests" / "proofs" / "results"


GROWING = {
    "users": "users",
    "batch": "records in a batch",
    "archive pages": "archive, pages of each user",
    "archive pages, late records": "the same, records older than it",
    "hot user's percent": "one user's share, percent",
}


def cpu() -> str:
    """CPU a record beside the rivals'."""
    return _beside("CPU a record, batches of 100", "cpu_to_lab_at_4_ms", "{:.2f}")


def write_units() -> str:
    """Write units a record beside the rivals'."""
    return _beside("Write units a record", "reported_write_units_per_record", "{:.2f}")


def batch_time() -> str:
    """Time a batch beside the rivals'."""
    lines = []
    for name, title in titles(*LOOKS):
        rows = [_adding(scenario, name) for scenario in SCENARIOS]
        cells = [f"{row['wall_to_lab']:.2f} ({row['wall_ms_per_batch']:,.0f} ms)" for row in rows]
        lines.append([title, *cells])
    return table(["Time a batch of 100 at 4 ms a request", *SCENARIOS.values()], lines)


def adding() -> str:
    """What else was measured of adding a record."""
    steady = _adding("steady, ten batches a second")["reported_write_units_per_record"]
    hot = _adding("one user, ten batches a second")["reported_write_units_per_record"]
    large = _adding("one user", batch=1000)["reported_write_units_per_record"]
    at_once = [f"{_adding(scenario)['cpu_to_lab']:.2f}" for scenario in SCENARIOS]
    return (
        f"With ten batches a second, so that many records are of one second, it is {steady:.2f} "
        f"for the steady users and {hot:.2f} for the one user, who costs {large:.3f} in batches "
        "of 1,000. Against a service that answers at once, which no service does, the CPU ratios "
        f"are {', '.join(at_once[:-1])} and {at_once[-1]}."
    )


def headline() -> str:
    """The whole comparison in a sentence."""
    ours = [_adding(scenario) for scenario in SCENARIOS]
    lab = [_adding(scenario, "lab") for scenario in SCENARIOS]
    faster = [
        theirs["wall_ms_per_batch"] / our["wall_ms_per_batch"]
        for our, theirs in zip(ours, lab, strict=True)
    ]
    cpus = [each["cpu_to_lab_at_4_ms"] for each in ours]
    units = [each["reported_write_units_per_record"] for each in ours]
    return (
        f"Beside the lab's own handler, a batch is done {min(faster):.0f} to {max(faster):.0f} "
        f"times as fast, for {min(cpus):.2f} to {max(cpus):.2f} of the CPU, and a record costs "
        f"{min(units):.2f} to {max(units):.2f} write units instead of one."
    )


def ingestion() -> str:
    """CPU and time of storing a score beside the rivals'."""
    rows = [row for row in load("ingestion") if row["payloads"] == "scores"]
    sizes = sorted({row["payload_bytes"] for row in rows})
    lines = []
    for name, title in titles("lab", "powertools-batch", "powertools-idempotent", "ours"):
        of_size = [one(rows, payload_bytes=size, contender=name) for size in sizes]
        cells = [
            f"{each['cpu_to_lab']:.2f}, {each['wall_to_lab']:.2f} "
            f"({each['wall_ms_per_batch']:,.0f} ms)"
            for each in of_size
        ]
        lines.append([title, *cells])
    heads = [f"{size:,} bytes" for size in sizes]
    return table(["CPU a score, time a batch of 100", *heads], lines)


def cold_start() -> str:
    """What a fresh interpreter takes until the first record is served."""
    rows = [row for row in load("cold-start") if "cpu_ms" in row]
    lines = [
        [
            row["contender"].replace("ours", "Game Scores"),
            f"{row['cpu_ms']:.0f} ms",
            f"{row['cpu_to_client']:.2f}",
            f"{row['peak_mib']:.0f} MiB",
        ]
        for row in rows
    ]
    return table(["A fresh interpreter", "CPU", "to boto3's", "memory"], lines)


def package() -> str:
    """How large the package is."""
    row = one(load("cold-start"), contender="ours, the package")
    return (
        f"The package is a zip of {row['zip_mib']:.1f} MiB, {row['unpacked_mib']:.1f} MiB unpacked."
    )


def growth() -> str:
    """What a record costs as everything grows."""
    lines = [
        [
            GROWING[row["grows"]],
            f"{row['value']:,}",
            f"{row['cpu_us_per_record'] / 1000:,.2f} ms",
            f"{row['requests_per_record']:.2f}",
            f"{row['write_units_per_record']:.2f}",
            f"{row['read_units_per_record']:.2f}",
        ]
        for row in load("growth")
    ]
    heads = ["What grows", "to", "CPU", "requests", "write units", "read units"]
    return table(heads, lines)


def late_records() -> str:
    """What a record costs that is older than its user's archive."""
    rows = [row for row in load("growth") if row["grows"] == "archive pages, late records"]
    most = max(rows, key=lambda row: row["value"])
    pages_a_unit = most["value"] / most["read_units_per_record"]
    return (
        "Only a record that comes after younger ones of its user were archived pays for reading "
        f"the archive: a read unit for each {pages_a_unit:.0f} pages."
    )


def end_to_end() -> str:
    """What comes through on the embedded AWS."""
    rows = load("end-to-end")
    rates = [row["totalled_per_second"] for row in rows]
    services = [row["services_cpu_seconds"] for row in rows]
    everything = [
        row["services_cpu_seconds"] + row["functions_cpu_seconds"] + row["sender_cpu_seconds"]
        for row in rows
    ]
    return (
        "On the embedded AWS, which shares the machine, records come through at "
        f"{two_digits(min(rates))} to {two_digits(max(rates))} a second; "
        f"{sum(services) / sum(everything):.0%} of the CPU is the embedded AWS's own."
    )


def exactness() -> str:
    """What the same histories and faults make of the totals."""
    lines = []
    for name, outcomes in _proof("exactness").items():
        insertions, everything = outcomes["insertions"], outcomes["all writes"]
        cells = [
            name,
            f"{insertions['wrong_totals']} of {insertions['users']}",
            f"{everything['wrong_totals']} of {everything['users']}",
            f"{everything['lost_records']}",
        ]
        lines.append([f"**{cell}**" for cell in cells] if name == "Game Scores" else cells)
    heads = ["", "wrong totals, insertions only", "wrong totals, all writes", "records given up"]
    return table(heads, lines)


def exactness_history() -> str:
    """How long the histories were."""
    outcome = _proof("exactness")["Game Scores"]["all writes"]
    return f"{outcome['records']} records of {outcome['users']} users:"


def explorer() -> str:
    """How much was explored."""
    found = _proof("explorer")
    return (
        f"The last run covered {found['scopes']:,} scopes, {found['states']:,} states and "
        f"{two_digits(found['schedules'])} schedules of at most {found['most_calls']} calls and "
        f"{found['most_rounds_repeated']} repeated rounds an invocation: "
        f"{found['violations']} violations."
    )


def explored() -> str:
    """The same in half a sentence."""
    found = _proof("explorer")
    return (
        f"`make explore` tries every interleaving of {found['scopes']:,} small scopes, with "
        f"faults: {two_digits(found['schedules'])} schedules, {found['violations']} violations."
    )


def catching_up() -> str:
    """How fast a backlog is worked off beside the rivals."""
    rows = load("catching-up")
    shards = list(dict.fromkeys((row["batch"], row["parallelization"]) for row in rows))
    lines = []
    for work in dict.fromkeys(row["work"] for row in rows):
        for name, title in titles("lab", "powertools-batch", "ours"):
            cells = []
            for batch, parallel in shards:
                row = one(rows, work=work, batch=batch, parallelization=parallel, contender=name)
                cells.append(f"{row['times_the_labs_rate']:.1f} ({row['records_per_second']:,.0f})")
            lines.append([work, title, *cells])
    heads = [f"batches of {batch:,}, {parallel} at a time" for batch, parallel in shards]
    return table(["Times the lab's rate (records a second)", "", *heads], lines, left=2)


def spreads() -> str:
    """How much the measured batches differed."""
    rows = [row for row in load("aggregator") if row.get("wall_spread") is not None]
    cpu, wall = ([row[figure] for row in rows] for figure in ("cpu_spread_at_4_ms", "wall_spread"))
    machine = json.loads((FOLDER / "aggregator.json").read_text())
    return (
        "Figures are medians of batches that the contenders took in turns. Half of the batches "
        f"lie within {median(cpu):.0%} of the median CPU and {median(wall):.0%} of the median "
        f"time, in the worst row within {max(cpu):.0%} and {max(wall):.0%}. The machine: "
        f"{machine['cores']} cores, {machine['machine']}; Python {machine['python']}, botocore "
        f"{machine['botocore']}."
    )


FIGURES: dict[str, Callable[[], str]] = {
    **SCALE,
    "adding": adding,
    "batch time": batch_time,
    "catching up": catching_up,
    "cold start": cold_start,
    "cpu": cpu,
    "end to end": end_to_end,
    "exactness": exactness,
    "exactness history": exactness_history,
    "explorer": explorer,
    "explored": explored,
    "growth": growth,
    "headline": headline,
    "ingestion": ingestion,
    "late records": late_records,
    "package": package,
    "spreads": spreads,
    "write units": write_units,
}
"""The blocks of the pages that come from results, by the names in the blocks' markers."""


def _beside(heading: str, figure: str, form: str) -> str:
    """A figure of adding a record: a line a contender, a column a scenario."""
    lines = [
        [title, *(form.format(_adding(scenario, name)[figure]) for scenario in SCENARIOS)]
        for name, title in titles(*LOOKS)
    ]
    return table([heading, *SCENARIOS.values()], lines)


def _adding(scenario: str, contender: str = "ours", batch: int = 100) -> Row:
    """All that was measured of a contender adding batches of a scenario."""
    found: Row = {}
    for row in load("aggregator"):
        if (row["scenario"], row["contender"], row["batch"]) == (scenario, contender, batch):
            found |= row
    return found


def _proof(name: str) -> Any:
    return json.loads((PROOFS / f"{name}.json").read_text())

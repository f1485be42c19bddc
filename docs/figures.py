"""What cog writes into the pages: tables, and sentences with figures.

`make book` runs each page's code between `[[[cog` and `]]]`, which calls a function from here. The
figures are those of results, of the templates and of app.py.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.looks import LOOKS, OURS, SCENARIOS
from benchmarks.report import markdown
from benchmarks.results import FOLDER, PROJECT, Row, load
from benchmarks.simulation import assumptions, steady
from benchmarks.simulation.deployed import (
    Alarm,
    count_custom_metrics,
    deployed,
    log_bytes_beside_payload,
)
from benchmarks.simulation.deployed import alarms as deployed_alarms
from benchmarks.simulation.monthly import PAYLOADS, Invocations, Month, dollars_for_monitoring
from benchmarks.subjects import find_subject

RATES = (1, 100, 10_000)
HIGH_RATES = (1_000, 10_000, 100_000, 1_000_000)
HIGH_RATES_PAYLOAD_BYTES = 200
Figure = Callable[[Month], str]


def subject(name: str, *columns: str) -> str:
    """A benchmark's table, with the columns of these names or all."""
    table: str = find_subject(name).REPORT.for_page(load(name), *columns)
    return table


def cpu() -> str:
    """CPU a record beside the rivals'."""
    return _adding_beside(
        "CPU a record, batches of 100", lambda row: f"{row['cpu_to_lab_at_4_ms']:.2f}"
    )


def write_units() -> str:
    """Write units a record beside the rivals'."""
    return _adding_beside(
        "Write units a record", lambda row: f"{row['reported_write_units_per_record']:.2f}"
    )


def batch_time() -> str:
    """Time a batch beside the rivals'."""
    return _adding_beside(
        "Time a batch of 100 at 4 ms a request",
        lambda row: f"{row['wall_to_lab']:.2f} ({row['wall_ms_per_batch']:,.0f} ms)",
    )


def adding() -> str:
    """What else was measured of adding a record."""
    steady_users = _adding("steady, ten batches a second")["reported_write_units_per_record"]
    hot = _adding("one user, ten batches a second")["reported_write_units_per_record"]
    large = _adding("one user", batch=1000)["reported_write_units_per_record"]
    at_once = [f"{_adding(scenario)['cpu_to_lab']:.2f}" for scenario in SCENARIOS]
    return (
        f"With ten batches a second, so that many records are of one second, it is "
        f"{steady_users:.2f} for the steady users and {hot:.2f} for the one user, who costs "
        f"{large:.3f} in batches of 1,000. Against a service that answers at once, which no "
        f"service does, the CPU ratios are {', '.join(at_once[:-1])} and {at_once[-1]}."
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


def spreads() -> str:
    """How much the measured batches differed."""
    rows = [row for row in load("aggregator") if "wall_spread" in row]
    cpu, wall = ([row[figure] for row in rows] for figure in ("cpu_spread_at_4_ms", "wall_spread"))
    machine = json.loads((FOLDER / "aggregator.json").read_text())
    return (
        "Figures are medians of batches that the contenders took in turns. Half of the batches "
        f"lie within {median(cpu):.0%} of the median CPU and {median(wall):.0%} of the median "
        f"time, in the worst row within {max(cpu):.0%} and {max(wall):.0%}. The machine: "
        f"{machine['cores']} cores, {machine['machine'].removesuffix(' Processor')}; Python "
        f"{machine['python']}, botocore {machine['botocore']}."
    )


def catching_up() -> str:
    """How fast a backlog is worked off beside the rivals."""
    rows = load("catching-up")
    return "\n\n".join(
        _beside(
            f"{work[0].upper()}{work[1:]}, times the lab's rate (records a second)",
            [row for row in rows if row["work"] == work],
            across=lambda row: f"batches of {row['batch']:,}, {row['parallelization']} at a time",
            cell=lambda row: f"{row['times_the_labs_rate']:.1f} ({row['records_per_second']:,.0f})",
        )
        for work in dict.fromkeys(row["work"] for row in rows)
    )


def ingestion() -> str:
    """CPU and time of storing a score beside the rivals'."""
    return _beside(
        "CPU a score, time a batch of 100",
        [row for row in load("ingestion") if row["payloads"] == "scores"],
        across=lambda row: f"{row['payload_bytes']:,} bytes",
        cell=lambda row: (
            f"{row['cpu_to_lab']:.2f}, {row['wall_to_lab']:.2f} "
            f"({row['wall_ms_per_batch']:,.0f} ms)"
        ),
    )


def package() -> str:
    """How large the package is."""
    (row,) = (row for row in load("cold-start") if "zip_mib" in row)
    return (
        f"The package is a zip of {row['zip_mib']:.1f} MiB, {row['unpacked_mib']:.1f} MiB unpacked."
    )


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
    services = sum(row["services_cpu_seconds"] for row in rows)
    others = sum(row["functions_cpu_seconds"] + row["sender_cpu_seconds"] for row in rows)
    return (
        "On the embedded AWS, which shares the machine, records come through at "
        f"{_two_digits(min(rates))} to {_two_digits(max(rates))} a second; "
        f"{services / (services + others):.0%} of the CPU is the embedded AWS's own."
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
        lines.append([f"**{cell}**" for cell in cells] if name == LOOKS[OURS].title else cells)
    heads = ["", "wrong totals, insertions only", "wrong totals, all writes", "records given up"]
    return markdown(heads, lines)


def exactness_history() -> str:
    """How long the histories were."""
    outcome = _proof("exactness")[LOOKS[OURS].title]["all writes"]
    return f"{outcome['records']} records of {outcome['users']} users:"


def explorer() -> str:
    """How much was explored."""
    found = _proof("explorer")
    return (
        f"The last run covered {found['scopes']:,} scopes, {found['states']:,} states and "
        f"{_two_digits(found['schedules'])} schedules of at most {found['most_calls']} calls and "
        f"{found['most_rounds_repeated']} repeated rounds an invocation: "
        f"{found['violations']} violations."
    )


def explored() -> str:
    """The same in half a sentence."""
    found = _proof("explorer")
    return (
        f"`make explore` tries every interleaving of {found['scopes']:,} small scopes, with "
        f"faults: {_two_digits(found['schedules'])} schedules, {found['violations']} violations."
    )


def operated() -> str:
    """What the soak's histories of operations came to."""
    seeds = _proof("operations").values()
    figures = {
        name: sum(outcomes.get(name, 0) for outcomes in seeds)
        for name in (
            "histories",
            "histories that redrive",
            "stream records",
            "faults",
            "damaged by hand",
            "days",
            "players forgotten",
            "reconciled at rest",
            "wrong",
        )
    }
    return (
        f"{figures['histories']:,} histories, {figures['histories that redrive']:,} of which "
        f"redrive, with {figures['stream records']:,} stream records, {figures['faults']:,} "
        f"faults, {figures['damaged by hand']:,} items damaged by hand, {figures['days']:,} days "
        f"that passed and {figures['players forgotten']:,} players forgotten: in "
        f"{figures['reconciled at rest']:,} looks at rest and after each repair, "
        f"{figures['wrong']:,} were wrong."
    )


def settings() -> str:
    """What is deployed, function by function."""
    both = deployed(steady.STORING), deployed(steady.ADDING)
    return markdown(
        ["", f"`{steady.STORING}`", f"`{steady.ADDING}`"],
        [
            ["batch size, records", *(f"{each.batch_size:,}" for each in both)],
            ["batching window, seconds", *(f"{each.window_seconds}" for each in both)],
            ["ParallelizationFactor", *(f"{each.parallelization}" for each in both)],
            ["memory, MB", *(f"{each.memory_mb:,}" for each in both)],
            ["timeout, seconds", *(f"{each.timeout_seconds}" for each in both)],
        ],
    )


def alarms() -> str:
    """Each alarm that tells somebody, and what it means."""
    return markdown(
        ["Alarm", "What it means"],
        [[f"`…-{each.name}`", each.description] for each in _telling()],
        left=2,
    )


def costs() -> str:
    """What a month costs at each of three rates, part by part."""
    months = [steady.month(rate) for rate in RATES]
    monitoring = f"Dashboard, {len(_telling())} alarms, {count_custom_metrics()} metrics"
    return _by_rate(
        "Dollars a month",
        months,
        {
            **{part: _part(part) for part in months[0].parts},
            monitoring: lambda _: f"{dollars_for_monitoring():.2f}",
            "**Sum**": lambda month: f"**{month.dollars + dollars_for_monitoring():,.0f}**",
            "with `LOG_LEVEL` WARNING": lambda month: (
                f"{month.dollars + dollars_for_monitoring() - month.parts[PAYLOADS]:,.0f}"
            ),
        },
    )


def costs_stand_on() -> str:
    """What else the table of costs was reckoned from."""
    line_bytes = log_bytes_beside_payload() + assumptions.LOG_BYTES_ADDED
    return _by_rate(
        "What this takes",
        [steady.month(rate) for rate in RATES],
        {
            "shards of the stream": lambda month: f"{month.shards}",
            "records stored together": lambda month: _together(month, month.storing),
            "changes added together": lambda month: _together(month, month.adding),
            "write units to add a record": lambda month: f"{month.units_to_add:.2f}",
            "bytes of log a record": lambda month: f"{line_bytes} + {month.payload_bytes}",
        },
    )


def high_rates() -> str:
    """What a thousand to a million records a second need."""
    return _by_rate(
        "Needs",
        [steady.month(rate, payload_bytes=HIGH_RATES_PAYLOAD_BYTES) for rate in HIGH_RATES],
        {
            "shards of the stream": lambda month: f"{month.shards:,}",
            "partitions of the table of records": lambda month: (
                f"{steady.partitions(month.records_per_second):,}"
            ),
            "ingestions side by side": lambda month: f"{month.storing.at_a_time:,.1f}",
            "aggregators side by side": lambda month: f"{month.adding.at_a_time:,.1f}",
            "dollars a month": lambda month: _two_digits(month.dollars),
        },
    )


def high_rates_beside() -> str:
    """What each way to add a record needs at 100,000 a second."""
    rate = 100_000
    lines = []
    for name in LOOKS:
        month = steady.month(rate, name, HIGH_RATES_PAYLOAD_BYTES)
        aggregators = month.adding.at_a_time
        lines.append(
            [
                _title(name),
                f"{month.units_to_add:.2f}",
                f"{aggregators:,.0f}",
                f"{math.ceil(aggregators / steady.partitions(rate))}",
                _two_digits(month.dollars),
            ]
        )
    heads = ("write units to add a record", "aggregators side by side", "of a shard at a time")
    return markdown([f"At {rate:,} a second", *heads, "dollars a month"], lines)


def prices() -> str:
    """The prices that all is reckoned with."""
    return markdown(
        ["Price, us-east-1", "dollars"],
        [
            ["a shard hour", f"{assumptions.DOLLARS_PER_SHARD_HOUR}"],
            ["a million records put", f"{assumptions.DOLLARS_PER_MILLION_PUTS}"],
            ["a million write units, on demand", f"{assumptions.DOLLARS_PER_MILLION_WRITE_UNITS}"],
            ["a GB second of Lambda", f"{assumptions.DOLLARS_PER_GB_SECOND:.10f}"],
            ["a million invocations", f"{assumptions.DOLLARS_PER_MILLION_INVOCATIONS}"],
            ["a GB of logs", f"{assumptions.DOLLARS_PER_LOG_GB}"],
        ],
    )


def top_list() -> str:
    """What a month of either top list costs: scans of the totals, or writes to an index."""
    read_units_a_kilobyte = 1 / 8  # 4 KB a unit, half of it where a read may be a moment old
    writes_an_update = 2
    lines = []
    for players, minutes in ((10_000, 5), (1_000_000, 5), (1_000_000, 60)):
        scans = assumptions.HOURS_A_MONTH * 60 / minutes
        units = players * read_units_a_kilobyte * scans
        dollars = units / 1e6 * assumptions.DOLLARS_PER_MILLION_READ_UNITS
        lines.append([f"one item, {players:,} totals, every {minutes} minutes", f"{dollars:,.2f}"])
    for updates in (1, 100, 10_000):
        units = updates * writes_an_update * assumptions.SECONDS_A_MONTH
        dollars = units / 1e6 * assumptions.DOLLARS_PER_MILLION_WRITE_UNITS
        lines.append([f"an index, totals updated {updates:,} times a second", f"{dollars:,.2f}"])
    return markdown(["Top list", "dollars a month"], lines)


def _adding_beside(heading: str, cell: Callable[[Row], str]) -> str:
    rows = [row for row in load("aggregator") if row["batch"] == 100]
    shown = [row for row in rows if row["scenario"] in SCENARIOS]
    return _beside(heading, shown, across=lambda row: SCENARIOS[row["scenario"]], cell=cell)


def _beside(
    heading: str, rows: Sequence[Row], across: Callable[[Row], str], cell: Callable[[Row], str]
) -> str:
    """A line a contender, a column for each heading that `across` finds."""
    heads = list(dict.fromkeys(map(across, rows)))
    cells = {(row["contender"], across(row)): cell(row) for row in rows}
    lines = [
        [_title(name), *(cells[name, head] for head in heads)]
        for name in LOOKS
        if (name, heads[0]) in cells
    ]
    return markdown([heading, *heads], lines)


def _by_rate(heading: str, months: Sequence[Month], figures: Mapping[str, Figure]) -> str:
    """A line a figure, a column a rate."""
    rates = [f"{month.records_per_second:,} a second" for month in months]
    lines = [[name, *map(figure, months)] for name, figure in figures.items()]
    return markdown([heading, *rates], lines)


def _telling() -> list[Alarm]:
    """All alarms but the parts of others, which tell nobody."""
    return [each for each in deployed_alarms() if "silent-part" not in each.name]


def _part(name: str) -> Figure:
    return lambda month: f"{month.parts[name]:,.2f}"


def _together(month: Month, invocations: Invocations) -> str:
    return f"{month.records_per_second / invocations.per_second:,.1f}"


def _adding(scenario: str, contender: str = OURS, batch: int = 100) -> Row:
    """What was measured of a contender adding batches of a scenario."""
    wanted = scenario, contender, batch
    (found,) = (
        row
        for row in load("aggregator")
        if (row["scenario"], row["contender"], row["batch"]) == wanted
    )
    return found


def _proof(name: str) -> Any:
    return json.loads((PROJECT / "tests" / "proofs" / "results" / f"{name}.json").read_text())


def _title(contender: str) -> str:
    """The contender's title; Game Scores stands out."""
    title = LOOKS[contender].title
    return f"**{title}**" if contender == OURS else title


def _two_digits(figure: float) -> str:
    return f"{float(f'{figure:.2g}'):,.0f}"

"""What the pages tell of results, written from the results: tables, and sentences with figures."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import yaml

from benchmarks.looks import LOOKS
from benchmarks.plots import SCENARIOS
from benchmarks.results import Row, load
from benchmarks.simulation import assumptions, monthly, needs
from benchmarks.subjects.scale import BATCHES
from operations.stage.config import PROJECT

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
    return _beside("Time a batch at 4 ms a request", "wall_ms_per_batch", "{:,.0f} ms")


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
        f"are {', '.join(at_once[:-1])} and {at_once[-1]}: threads then wait for each other and "
        "not for the network."
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
    for name, title in _titles("lab", "powertools-batch", "powertools-idempotent", "ours"):
        of_size = [_one(rows, payload_bytes=size, contender=name) for size in sizes]
        cells = [
            f"{each['cpu_to_lab']:.2f}, {each['wall_ms_per_batch']:,.0f} ms" for each in of_size
        ]
        lines.append([title, *cells])
    heads = [f"{size:,} bytes" for size in sizes]
    return _table(["CPU a score, time a batch of 100", *heads], lines)


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
    return _table(["A fresh interpreter", "CPU", "to boto3's", "memory"], lines)


def package() -> str:
    """How large the package is."""
    row = _one(load("cold-start"), contender="ours, the package")
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
    return _table(heads, lines)


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
        f"{_two_digits(min(rates))} to {_two_digits(max(rates))} a second; "
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
    return _table(heads, lines)


def exactness_history() -> str:
    """How long the histories were."""
    outcome = _proof("exactness")["Game Scores"]["all writes"]
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


def scale_needs() -> str:
    """What each rate needs side by side."""
    lines = []
    for rate in assumptions.RATES:
        ours = _scale(rate, "ours")
        aggregators = [f"{_scale(rate, name)['aggregate_concurrency']:,.0f}" for name in LOOKS]
        partitions = f"{ours['table_partitions']:,}"
        lines.append([f"{rate:,}", f"{ours['kinesis_shards']:,}", partitions, *aggregators])
    titles = [title for _, title in _titles(*LOOKS)]
    return _table(["Records a second", "shards", "table partitions", *titles], lines, left=0)


def scale_dollars() -> str:
    """What each rate costs a month."""
    lines = []
    for rate in assumptions.RATES:
        dollars = [_two_digits(_scale(rate, name)["dollars_a_month"]) for name in LOOKS]
        lines.append([f"{rate:,}", *dollars])
    titles = [title for _, title in _titles(*LOOKS)]
    return _table(["Records a second", *titles], lines, left=0)


def scale_growth() -> str:
    """How the needs grow, and what the mapping is set to."""
    most = assumptions.RATES[-1]
    ours, idempotent = _scale(most, "ours"), _scale(most, "powertools-idempotent")
    a_shard = ours["aggregate_concurrency"] / ours["table_partitions"]
    return (
        "- **It grows in a straight line**: nothing in it is shared but the users' items. Game "
        f"Scores has {a_shard:.1f} batches of each full shard under way, so a table whose shards "
        f"are all full wants a ParallelizationFactor of {ours['parallelization']}; it is set to "
        f"{_parallelization_factor()}, as more makes batches smaller and most tables are far from "
        f"full. The idempotency layer would need {idempotent['parallelization']}, where "
        f"{assumptions.MOST_PARALLEL_BATCHES} are allowed: it never keeps up with full shards of "
        "this load."
    )


def scale_outage() -> str:
    """How long an outage is felt."""
    ours, lab = _scale(100_000, "ours"), _scale(100_000, "lab")
    return (
        f"- **After {needs.OUTAGE_SECONDS // 60} minutes' outage** of the aggregator at "
        f"100,000 records a second, {ours['backlog_records'] / 1e6:.0f} million records wait. "
        f"Game Scores works them off in {ours['drain_minutes']:.0f} minutes, at "
        f"{assumptions.ON_DEMAND_HEADROOM:.0f} times the rate, held back by the tables' headroom "
        f"and not by itself; the lab's handler takes {lab['drain_minutes']:.0f}."
    )


def scale_money() -> str:
    """What the money goes to."""
    ours = _scale(100_000, "ours")
    parts, sum_of_all = ours["dollars_by_part"], ours["dollars_a_month"]
    share = {part: f"{dollars / sum_of_all:.0%}" for part, dollars in parts.items()}
    totals = {name: _scale(100_000, name)["dollars_by_part"]["DynamoDB, totals"] for name in LOOKS}
    return (
        f"- **Where the money goes**: {share['DynamoDB, records']} for the write units of "
        f"records, {share['DynamoDB, totals']} for those of totals, {share['Logs']} for logs, "
        f"{share['Lambda']} for Lambda, {share['Kinesis']} for Kinesis. What a total costs is "
        f"{totals['ours'] / totals['powertools-idempotent']:.2f} of what it costs with the "
        f"idempotency layer, and {totals['ours'] / totals['transaction']:.2f} of a transaction's."
    )


def hottest() -> str:
    """The hottest user that Game Scores keeps up with, by the size of a batch."""
    lines = []
    for batch in BATCHES:
        row = _one(load("scale"), contender="ours", batch=batch)
        lines.append(
            [f"{batch:,}"]
            + [
                _two_digits(row[f"{name}_records_per_second"])
                for name in ("hottest_user", "hottest_among_others", "zipf")
            ]
        )
    share = needs.hottest_share(assumptions.Load(1))
    heads = [
        "Records in a batch",
        "of one user who has all",
        f"of one who has {share:.0%}",
        "all users' records, by Zipf's law",
    ]
    return _table(heads, lines, left=0)


def hottest_rivals() -> str:
    """The hottest user that the rivals keep up with."""
    lab, transaction = (
        _one(load("scale"), contender=name, batch=100) for name in ("lab", "transaction")
    )
    return (
        "- **The hottest user**. The lab's handler keeps up with "
        f"{_two_digits(lab['hottest_user_records_per_second'])} records a second of one user, as "
        f"one item takes {assumptions.PARTITION_WRITE_UNITS:,} write units a second, and the "
        f"transaction with some {_two_digits(transaction['hottest_user_records_per_second'])}, as "
        "each one in flight refuses the next. With all users' records by Zipf's law these are "
        f"{_two_digits(lab['zipf_records_per_second'])} and "
        f"{_two_digits(transaction['zipf_records_per_second'])}. What Game Scores keeps up with "
        "depends on the batches:"
    )


def prices() -> str:
    """The prices that the simulation reckons with."""
    return _table(
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


def costs() -> str:
    """What a month costs at each of three rates, part by part."""
    columns = [
        [
            monthly.dollars_for_kinesis(each),
            monthly.dollars_for_dynamodb(each),
            monthly.dollars_for_lambda(each),
            monthly.dollars_for_logs(each),
            monthly.dollars_for_monitoring(),
        ]
        for each in monthly.TRAFFIC
    ]
    saved = [
        monthly.dollars_for_logs(each) - monthly.dollars_for_logs(each, payloads=False)
        for each in monthly.TRAFFIC
    ]
    parts = [
        "Kinesis",
        "DynamoDB, write units",
        "Lambda",
        "Logs",
        "Dashboard, 16 alarms, 12 metrics",
    ]
    lines = [[part, *(f"{each[row]:,.2f}" for each in columns)] for row, part in enumerate(parts)]
    sums = [sum(each) for each in columns]
    lines.append(["**Sum**", *(f"**{each:,.0f}**" for each in sums)])
    less = [f"{each - less:,.0f}" for each, less in zip(sums, saved, strict=True)]
    lines.append(["with `LOG_LEVEL` WARNING", *less])
    heads = [f"{each.records_per_second:,} a second" for each in monthly.TRAFFIC]
    return _table(["Dollars a month", *heads], lines)


FIGURES: dict[str, Callable[[], str]] = {
    "adding": adding,
    "batch time": batch_time,
    "cold start": cold_start,
    "costs": costs,
    "cpu": cpu,
    "end to end": end_to_end,
    "exactness": exactness,
    "exactness history": exactness_history,
    "explorer": explorer,
    "explored": explored,
    "growth": growth,
    "headline": headline,
    "hottest": hottest,
    "hottest rivals": hottest_rivals,
    "ingestion": ingestion,
    "late records": late_records,
    "package": package,
    "prices": prices,
    "scale dollars": scale_dollars,
    "scale growth": scale_growth,
    "scale money": scale_money,
    "scale needs": scale_needs,
    "scale outage": scale_outage,
    "write units": write_units,
}
"""The blocks of the pages that come from results, by the names in the blocks' markers."""


def _beside(heading: str, figure: str, form: str) -> str:
    """A figure of adding a record: a line a contender, a column a scenario."""
    lines = [
        [title, *(form.format(_adding(scenario, name)[figure]) for scenario in SCENARIOS)]
        for name, title in _titles(*LOOKS)
    ]
    return _table([heading, *SCENARIOS.values()], lines)


def _adding(scenario: str, contender: str = "ours", batch: int = 100) -> Row:
    """All that was measured of a contender adding batches of a scenario."""
    found: Row = {}
    for row in load("aggregator"):
        if (row["scenario"], row["contender"], row["batch"]) == (scenario, contender, batch):
            found |= row
    return found


def _scale(rate: int, contender: str) -> Row:
    return _one(load("scale"), records_per_second=rate, contender=contender)


def _one(rows: Iterable[Row], **wanted: object) -> Row:
    (found,) = (row for row in rows if all(row.get(key) == wanted[key] for key in wanted))
    return found


def _titles(*names: str) -> list[tuple[str, str]]:
    """The contenders' titles; Game Scores stands out."""
    return [
        (name, f"**{LOOKS[name].title}**" if name == "ours" else LOOKS[name].title)
        for name in names
    ]


def _proof(name: str) -> Any:
    return json.loads((PROOFS / f"{name}.json").read_text())


def _parallelization_factor() -> int:
    """What infrastructure/mappings.yaml sets for the aggregator."""
    template: Mapping[str, Any] = yaml.safe_load(
        (PROJECT / "infrastructure" / "mappings.yaml").read_text()
    )
    (event,) = template["Resources"]["AggregateScoresByUser"]["Properties"]["Events"].values()
    return int(event["Properties"]["ParallelizationFactor"])


def _two_digits(figure: float) -> str:
    return f"{float(f'{figure:.2g}'):,.0f}"


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]], left: int = 1) -> str:
    """A Markdown table whose first columns are set to the left, the others to the right."""
    rules = ["---" if column < left else "---:" for column in range(len(heads))]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, rules, *lines))

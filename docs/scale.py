"""What the pages tell of scale and costs, written from the results."""

from collections.abc import Callable

from benchmarks.looks import LOOKS
from benchmarks.results import Row, load
from benchmarks.simulation import assumptions, monthly, needs
from benchmarks.simulation.deployed import deployed
from benchmarks.simulation.hints import ROOM
from benchmarks.simulation.players import hottest_share
from benchmarks.subjects.scale import BATCHES
from docs.markdown import one, table, titles, two_digits
from operations.aws.stage import AGGREGATOR

SLOW, ALIKE_WHERE_SLOW = 100, ("300", "500", "1,000")
"""Up to that rate these choices come to the same as 100 and 2,000: the window closes first."""

CHOICES = {
    "as deployed": "**500 to store, 1,000 to add**",
    "2 a shard": "the same, 2 of a shard at a time",
    "10,000 in 10 s": "500; 10,000 or ten seconds to add",
}


def scale_needs() -> str:
    """What each rate needs side by side."""
    lines = []
    for rate in assumptions.RATES:
        ours = _scale(rate, "ours")
        aggregators = [f"{_scale(rate, name)['aggregate_concurrency']:,.0f}" for name in LOOKS]
        partitions = f"{ours['table_partitions']:,}"
        lines.append([f"{rate:,}", f"{ours['kinesis_shards']:,}", partitions, *aggregators])
    heads = ["Records a second", "shards", "table partitions"]
    return table([*heads, *(title for _, title in titles(*LOOKS))], lines, left=0)


def scale_dollars() -> str:
    """What each rate costs a month."""
    lines = []
    for rate in assumptions.RATES:
        dollars = [two_digits(_scale(rate, name)["dollars_a_month"]) for name in LOOKS]
        lines.append([f"{rate:,}", *dollars])
    return table(["Records a second", *(title for _, title in titles(*LOOKS))], lines, left=0)


def scale_growth() -> str:
    """How the needs grow, and what the mapping is set to."""
    most = assumptions.RATES[-1]
    ours, lab, idempotent = (
        _scale(most, name) for name in ("ours", "lab", "powertools-idempotent")
    )
    busy = ours["aggregate_concurrency"] / ours["table_partitions"]
    return (
        "- **It grows in a straight line**: nothing in it is shared but the users' items. A full "
        f"shard's batches, one at a time, keep Game Scores busy {busy:.0%} of the time, so a "
        f"ParallelizationFactor of {ours['parallelization']} is enough; it is set to "
        f"{deployed(AGGREGATOR).parallelization}. The lab's handler needs "
        f"{lab['parallelization']}; the idempotency layer would need "
        f"{idempotent['parallelization']}, where {assumptions.MOST_PARALLEL_BATCHES} are allowed: "
        "it never keeps up with full shards."
    )


def scale_outage() -> str:
    """How long an outage is felt."""
    ours, lab = _scale(100_000, "ours"), _scale(100_000, "lab")
    minutes = needs.OUTAGE_SECONDS / 60
    speed = 1 + minutes / ours["drain_minutes"]
    return (
        f"- **After {minutes:.0f} minutes' outage** of the aggregator at 100,000 records a second, "
        f"{ours['backlog_records'] / 1e6:.0f} million records wait. Game Scores works them off in "
        f"{ours['drain_minutes']:.0f} minutes, at {speed:.1f} times the rate, one full batch of a "
        f"shard at a time; on-demand tables would stop it at {assumptions.ON_DEMAND_HEADROOM:.0f} "
        f"times. The lab's handler, given ten at a time, takes {lab['drain_minutes']:.0f}."
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
        row = one(load("scale"), contender="ours", batch=batch)
        lines.append(
            [f"{batch:,}"]
            + [
                two_digits(row[f"{name}_records_per_second"])
                for name in ("hottest_user", "hottest_among_others", "zipf")
            ]
        )
    share = hottest_share(assumptions.Load(1).users)
    heads = [
        "Records in a batch",
        "of one user who has all",
        f"of one who has {share:.0%}",
        "all users' records, by Zipf's law",
    ]
    return table(heads, lines, left=0)


def hottest_rivals() -> str:
    """The hottest user that the rivals keep up with."""
    lab, transaction = (
        one(load("scale"), contender=name, batch=100) for name in ("lab", "transaction")
    )
    return (
        "- **The hottest user**. The lab's handler keeps up with "
        f"{two_digits(lab['hottest_user_records_per_second'])} records a second of one user, as "
        f"one item takes {assumptions.PARTITION_WRITE_UNITS:,} write units a second, and the "
        f"transaction with some {two_digits(transaction['hottest_user_records_per_second'])}, as "
        "each one in flight refuses the next. With all users' records by Zipf's law these are "
        f"{two_digits(lab['zipf_records_per_second'])} and "
        f"{two_digits(transaction['zipf_records_per_second'])}. What Game Scores keeps up with "
        "depends on the batches:"
    )


def prices() -> str:
    """The prices that the simulation reckons with."""
    return table(
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
    rates = (1, 100, 10_000)
    rows = [_chosen(rate) for rate in rates]
    monitoring = monthly.dollars_for_monitoring()
    parts = ("Kinesis", "DynamoDB, records", "DynamoDB, totals", "Lambda", "Logs")
    lines = [[part, *(f"{row['dollars_by_part'][part]:,.2f}" for row in rows)] for part in parts]
    lines.append(["Dashboard, 17 alarms, 12 metrics", *(f"{monitoring:.2f}" for _ in rows)])
    sums = [row["dollars_a_month"] + monitoring for row in rows]
    lines.append(["**Sum**", *(f"**{each:,.0f}**" for each in sums)])
    less = [
        each - row["dollars_by_part"]["Logs"] + row["dollars_for_logs_without_payloads"]
        for each, row in zip(sums, rows, strict=True)
    ]
    lines.append(["with `LOG_LEVEL` WARNING", *(f"{each:,.0f}" for each in less)])
    return table(["Dollars a month", *(f"{rate:,} a second" for rate in rates)], lines)


def assumed_of_costs() -> str:
    """What the table of costs stands on."""
    slow, middle, fast = (_chosen(rate) for rate in (1, 100, 10_000))
    units = [f"{each['write_units_to_add']:.2f}" for each in (slow, middle, fast)]
    shards = [f"{each['shards']}" for each in (slow, middle, fast)]
    invocations = [
        each["ingestion_invocations_per_second"] + each["aggregation_invocations_per_second"]
        for each in (slow, middle, fast)
    ]
    each_second = [f"{each:.0f}" if each > 2 else f"{each:.1f}" for each in invocations]
    return (
        "Write units a record: 1 to store it, and to add it "
        f"{units[0]}, {units[1]} and {units[2]}, measured in batches as large as they gather at "
        "these rates, of a million players by Zipf's law. The gathering is simulated "
        f"([Benchmarks](benchmarks.md#which-batch-size)): {shards[0]}, {shards[1]} and "
        f"{shards[2]} shards, {each_second[0]}, {each_second[1]} and {each_second[2]} invocations "
        "a second."
    )


def batching() -> str:
    """What each batch size would come to at each rate."""
    lines = [
        [
            f"{row['records_per_second']:,}",
            CHOICES.get(str(row["choice"]), str(row["choice"])),
            f"{row['ingestion_records_a_batch']:,.0f}, {row['aggregation_records_a_batch']:,.0f}",
            f"{row['write_units_to_add']:.2f}",
            f"{row['aggregation_ms']:,.0f} ms",
            f"{row['shown_after_seconds']:.1f} s, {row['shown_after_seconds_99_percent']:.1f} s",
            f"{row['write_units_repeated_by_a_failing_batch']:,.0f}",
            f"{row['dollars_a_month']:,.0f}",
        ]
        for row in _choices()
        if row["records_per_second"] > SLOW or row["choice"] not in ALIKE_WHERE_SLOW
    ]
    heads = [
        "Records a second",
        "batch size, both",
        "stored, added together",
        "write units to add a record",
        "aggregator, a batch",
        "in its total after (99%)",
        "write units a failing batch repeats",
        "dollars a month",
    ]
    return table(heads, lines, left=0)


def batch_sizes() -> str:
    """How large events and memory get."""
    lines = [
        [
            f"{row['batch']:,}",
            f"{row['kinesis_event_bytes'] / 1e6:.1f} MB, {row['share_of_invocation_limit']:.0%}",
            f"{row['stream_event_bytes'] / 1e6:.1f} MB",
            f"{row['ingestion_peak_kib'] / 1024:.0f} MiB, "
            f"{row['aggregation_peak_kib'] / 1024:.0f} MiB",
        ]
        for row in load("batching")
        if row.get("measured") == "size"
    ]
    heads = [
        "Records of 1,000 bytes",
        "Kinesis event, of the 6 MB",
        "table's event",
        "memory to store, to add",
    ]
    return table(heads, lines, left=0)


def batch_choice() -> str:
    """What the choice saves."""
    small, ours, patient = (
        one(_choices(), records_per_second=10_000, choice=choice)["dollars_a_month"]
        for choice in ("100", "as deployed", "10,000 in 10 s")
    )
    two = one(_choices(), records_per_second=10_000, choice="2 a shard")["dollars_a_month"]
    return (
        f"At 10,000 records a second the month is {1 - ours / small:.0%} cheaper than with batches "
        f"of 100, and {1 - ours / two:.1%} cheaper than with two batches of a shard at a time. "
        "More folding needs more waiting: gathering up to 10,000 changes for ten seconds would "
        f"make it {1 - patient / small:.0%}, and every total ten seconds late. At one a second the "
        "window closes before any of these sizes is reached, so no total is later."
    )


def scale_steps() -> str:
    """What breaks on the way to a million a second, and what each step costs."""
    lines = [
        [
            row["limit"],
            _rate(row["breaks_at_records_per_second"]),
            row["remedy"],
            _dollars(row["dollars_a_month"]),
        ]
        for row in load("scale")
        if "remedy" in row
    ]
    heads = ["What breaks", "at records a second", "the step", "dollars a month at a million"]
    return table(heads, lines, left=1)


def hints() -> str:
    """What remembering users' items would save."""
    units = {
        row["lanes"]: row["write_units_per_record"] for row in load("batching") if "lanes" in row
    }
    alone, *more = (
        f"{units[lanes]:.3f}{' write units' if lanes == min(units) else ''} with {lanes}"
        for lanes in units
    )
    return (
        f"A steady user's record would cost {alone} execution environment, {' and '.join(more)}, "
        f"instead of {1 + 2 / ROOM:.3f}; a table has four shards at least. The hundredth part of a "
        "unit is not worth a memory that may be wrong."
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
        units = updates * writes_an_update * monthly.SECONDS_A_MONTH
        dollars = units / 1e6 * assumptions.DOLLARS_PER_MILLION_WRITE_UNITS
        lines.append([f"an index, totals updated {updates:,} times a second", f"{dollars:,.2f}"])
    return table(["Top list", "dollars a month"], lines)


SCALE: dict[str, Callable[[], str]] = {
    "assumed of costs": assumed_of_costs,
    "batch choice": batch_choice,
    "batch sizes": batch_sizes,
    "batching": batching,
    "costs": costs,
    "hints": hints,
    "hottest": hottest,
    "hottest rivals": hottest_rivals,
    "prices": prices,
    "scale dollars": scale_dollars,
    "scale growth": scale_growth,
    "scale money": scale_money,
    "scale needs": scale_needs,
    "scale outage": scale_outage,
    "scale steps": scale_steps,
    "top list": top_list,
}
"""The blocks of the pages, by the names in their markers."""


def _choices() -> list[Row]:
    """How the mappings might be deployed, at every rate."""
    return [row for row in load("batching") if "choice" in row]


def _chosen(rate: int) -> Row:
    return one(_choices(), records_per_second=rate, choice="as deployed")


def _scale(rate: int, contender: str) -> Row:
    return one(load("scale"), records_per_second=rate, contender=contender)


def _rate(rate: float | str) -> str:
    return "" if isinstance(rate, str) else two_digits(rate)


def _dollars(dollars: float) -> str:
    """More or less than before."""
    return f"{'−' if dollars < 0 else '+'}{two_digits(abs(dollars))}" if dollars else "0"

"""The committed figures as SVG plots, for the README and docs/scale.md."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from benchmarks.looks import LOOKS
from benchmarks.results import Row, load

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "plots"
COLOURS = {name: look.colour for name, look in LOOKS.items()}
Axes = Any


def draw_all() -> list[Path]:
    """The plots' files, drawn anew from the committed figures."""
    style: Any = {
        "svg.hashsalt": "game-scores",
        "svg.fonttype": "none",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
    }
    with rc_context(style):
        return [
            _draw("aggregator", 3, _draw_aggregator),
            _draw("growth", 4, _draw_growth),
            _draw("end-to-end", 2, _draw_end_to_end),
            _draw("scale", 3, _draw_scale),
        ]


def _draw(name: str, panels: int, draw: Callable[[list[Row], list[Axes]], None]) -> Path:
    figure = Figure(figsize=(3.6 * panels, 3.2), layout="constrained")
    axes = figure.subplots(1, panels)
    draw(load(name), list(axes))
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.svg"
    figure.savefig(path, metadata={"Date": None})
    lines = (line.rstrip() for line in path.read_text().splitlines())
    path.write_text("\n".join(lines) + "\n")
    return path


def _draw_aggregator(rows: list[Row], axes: list[Axes]) -> None:
    scenarios = ["fresh", "steady", "20 users", "one user"]
    panels = (
        ("cpu_to_lab_at_4_ms", "CPU a record, the lab's is 1"),
        ("wall_to_lab", "time a batch, the lab's is 1"),
        ("write_units_per_record", "write units a record"),
    )
    for axis, (figure, title) in zip(axes, panels, strict=True):
        for index, (name, colour) in enumerate(COLOURS.items()):
            values = [
                next(
                    row[figure]
                    for row in rows
                    if row["scenario"] == scenario
                    and row["batch"] == 100
                    and row["contender"] == name
                    and figure in row
                )
                for scenario in scenarios
            ]
            places = [place + 0.16 * (index - 2) for place in range(len(scenarios))]
            axis.bar(places, values, 0.15, color=colour, label=name)
        axis.set_xticks(range(len(scenarios)), scenarios)
        axis.set_title(title)
    axes[0].set_ylim(0, 4.6)
    axes[0].legend(fontsize=7, ncol=2, loc="upper left")


def _draw_growth(rows: list[Row], axes: list[Axes]) -> None:
    panels = {
        "users": ("users", True),
        "batch": ("records in a batch", True),
        "archive pages": ("archive pages of each user", True),
        "hot user's percent": ("one user's share, percent", False),
    }
    for axis, (grows, (label, logarithmic)) in zip(axes, panels.items(), strict=True):
        points = [row for row in rows if row["grows"] == grows]
        values = [max(row["value"], 0.5) if logarithmic else row["value"] for row in points]
        for figure, colour, name in (
            ("write_units_per_record", COLOURS["lab"], "write units"),
            ("requests_per_record", COLOURS["transaction"], "requests"),
        ):
            axis.plot(values, [row[figure] for row in points], "o-", color=colour, label=name)
        microseconds = [row["cpu_us_per_record"] / 1000 for row in points]
        axis.plot(values, microseconds, "o-", color=COLOURS["ours"], label="CPU, ms")
        if logarithmic:
            axis.set_xscale("log")
        axis.set_ylim(0, 1.3)
        axis.set_xlabel(label)
    axes[0].set_title("a record's cost")
    axes[0].legend(fontsize=7)


def _draw_end_to_end(rows: list[Row], axes: list[Axes]) -> None:
    labels = [f"{row['records']:,}\n{row['shards']} sh." for row in rows]
    for figure, name, colour, shift in (
        ("stored_per_second", "stored", COLOURS["lab"], -0.2),
        ("totalled_per_second", "in totals", COLOURS["ours"], 0.2),
    ):
        places = [place + shift for place in range(len(rows))]
        axes[0].bar(places, [row[figure] for row in rows], 0.38, color=colour, label=name)
    axes[0].set_title("records a second, embedded AWS")
    floors = [0.0] * len(rows)
    for figure, name, colour in (
        ("services_cpu_seconds", "embedded AWS", COLOURS["lab"]),
        ("functions_cpu_seconds", "functions", COLOURS["ours"]),
        ("sender_cpu_seconds", "sender", COLOURS["transaction"]),
    ):
        values = [row[figure] / row["records"] * 1000 for row in rows]
        axes[1].bar(range(len(rows)), values, 0.6, bottom=floors, color=colour, label=name)
        floors = [floor + value for floor, value in zip(floors, values, strict=True)]
    axes[1].set_title("where the CPU goes, ms a record")
    for axis in axes:
        axis.set_xticks(range(len(rows)), labels, fontsize=7)
        axis.legend(fontsize=7)


def _draw_scale(rows: list[Row], axes: list[Axes]) -> None:
    for name, colour in COLOURS.items():
        own = [row for row in rows if row["contender"] == name and "records_per_second" in row]
        rates = [row["records_per_second"] for row in own]
        dollars = [row["dollars_by_part"]["DynamoDB, totals"] for row in own]
        axes[0].plot(rates, dollars, "o-", color=colour, label=name)
        concurrency = [row["aggregate_concurrency"] for row in own]
        axes[1].plot(rates, concurrency, "o-", color=colour, label=name)
        curve = next(row for row in own if row["records_per_second"] == 100_000)["backlog_curve"]
        millions = [point / 1e6 for point in curve]
        axes[2].plot(range(len(millions)), millions, color=colour, label=name)
    for axis, title in (
        (axes[0], "totals' write units, dollars a month"),
        (axes[1], "aggregators side by side"),
    ):
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xlabel("records a second")
        axis.set_title(title)
    axes[2].set_title("ten minutes' outage at 100,000/s")
    axes[2].set_xlabel("minutes")
    axes[2].set_ylabel("million records behind")
    axes[2].set_ylim(0, 150)
    axes[0].legend(fontsize=7)

"""The committed figures as SVG plots, for the pages in docs/."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from benchmarks.looks import LOOKS, SCENARIOS
from benchmarks.results import PROJECT, Row, load

FOLDER = PROJECT / "docs" / "plots"
Axes = Any
MOST_TICKS = 5
AS_NUMBERS = FuncFormatter(lambda value, _: f"{value:,.0f}")
STYLE: Any = {
    "svg.hashsalt": "game-scores",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def draw_all(folder: Path = FOLDER) -> list[Path]:
    """The plots' files, drawn anew from the committed figures."""
    folder.mkdir(parents=True, exist_ok=True)
    with rc_context(STYLE):
        return [
            _draw(folder / "aggregator.svg", (3, 1), (9, 7.6), _draw_aggregator),
            _draw(folder / "growth.svg", (2, 4), (12, 5), _draw_growth),
            _draw(folder / "end-to-end.svg", (1, 2), (9, 3.6), _draw_end_to_end),
        ]


def _draw(
    path: Path,
    panels: tuple[int, int],
    inches: tuple[float, float],
    draw: Callable[[Figure, list[Row], list[Axes]], None],
) -> Path:
    figure = Figure(figsize=inches, layout="constrained")
    axes = figure.subplots(*panels, squeeze=False)
    draw(figure, load(path.stem), list(axes.flat))
    figure.savefig(path, metadata={"Date": None})
    lines = (line.rstrip() for line in path.read_text().splitlines())
    path.write_text("\n".join(lines) + "\n")
    return path


def _draw_aggregator(figure: Figure, rows: list[Row], axes: list[Axes]) -> None:
    found = {(row["scenario"], row["contender"]): row for row in rows if row["batch"] == 100}
    panels = (
        ("cpu_to_lab_at_4_ms", "CPU a record\n(times the lab's handler)", "{:.2f}"),
        ("wall_ms_per_batch", "time a batch of 100\n(milliseconds)", "{:,.0f}"),
        ("reported_write_units_per_record", "write units\n(a record)", "{:.2f}"),
    )
    for axis, (name, label, form) in zip(axes, panels, strict=True):
        for index, (contender, look) in enumerate(LOOKS.items()):
            values = [found[scenario, contender][name] for scenario in SCENARIOS]
            places = [place + 0.17 * (index - 2) for place in range(len(SCENARIOS))]
            bars = axis.bar(places, values, 0.16, color=look.colour, label=look.title)
            axis.bar_label(bars, fmt=form, fontsize=7, padding=1)
        axis.set_xticks(range(len(SCENARIOS)), list(SCENARIOS.values()))
        axis.tick_params(axis="x", length=0)
        axis.set_ylabel(label)
    axes[-1].set_xlabel("whose scores are in a batch of 100 records")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)


def _draw_growth(figure: Figure, rows: list[Row], axes: list[Axes]) -> None:
    panels = {
        "users": ("users (number)", 1),
        "batch": ("size of a batch (records)", 1),
        "archive pages": ("archive of each user (pages)", 1),
        "hot user's percent": ("one user's share (percent of records)", None),
    }
    count = len(panels)
    for index, (grows, (label, logarithmic_from)) in enumerate(panels.items()):
        counts, times = axes[index], axes[index + count]
        points = [row for row in rows if row["grows"] == grows]
        values = [row["value"] for row in points]
        for name, title, colour, width in (
            ("write_units_per_record", "write units", "#d9a441", 5),
            ("requests_per_record", "requests", "#7b6fa8", 1.5),
        ):
            figures = [row[name] for row in points]
            counts.plot(values, figures, "o-", color=colour, linewidth=width, label=title)
        milliseconds = [row["cpu_us_per_record"] / 1000 for row in points]
        times.plot(values, milliseconds, "D-", color=LOOKS["ours"].colour, label="CPU")
        for axis in (counts, times):
            if logarithmic_from:
                axis.set_xscale("symlog", linthresh=logarithmic_from)
                axis.set_xticks(values if len(values) <= MOST_TICKS else values[1::2])
                axis.xaxis.set_minor_locator(NullLocator())
                axis.xaxis.set_major_formatter(AS_NUMBERS)
        counts.set_ylim(0, 1.3)
        times.set_ylim(0, 0.5)
        times.set_xlabel(label)
    axes[0].set_ylabel("write units and requests\n(a record)")
    axes[count].set_ylabel("CPU\n(milliseconds a record)")
    handles, titles = axes[0].get_legend_handles_labels()
    more_handles, more_titles = axes[count].get_legend_handles_labels()
    figure.legend(handles + more_handles, titles + more_titles, loc="outside upper center", ncols=3)


def _draw_end_to_end(_: Figure, rows: list[Row], axes: list[Axes]) -> None:
    labels = [f"{row['records']:,}\n{_shards(row['shards'])}" for row in rows]
    for name, title, colour, shift in (
        ("stored_per_second", "stored", "#b8c2cc", -0.2),
        ("totalled_per_second", "in totals", LOOKS["ours"].colour, 0.2),
    ):
        places = [place + shift for place in range(len(rows))]
        bars = axes[0].bar(places, [row[name] for row in rows], 0.38, color=colour, label=title)
        axes[0].bar_label(bars, fmt="{:,.0f}", fontsize=7, padding=1)
    axes[0].set_ylabel("throughput (records a second)")
    axes[0].set_ylim(0, 950)
    floors = [0.0] * len(rows)
    for name, title, colour in (
        ("services_cpu_seconds", "embedded AWS", "#b8c2cc"),
        ("functions_cpu_seconds", "functions", LOOKS["ours"].colour),
        ("sender_cpu_seconds", "sender", "#d9a441"),
    ):
        values = [row[name] / row["records"] * 1000 for row in rows]
        bars = axes[1].bar(range(len(rows)), values, 0.7, bottom=floors, color=colour, label=title)
        if title != "sender":
            axes[1].bar_label(
                bars, fmt="{:.2f}", fontsize=7, label_type="center", color=_ink(title)
            )
        else:
            axes[1].bar_label(bars, labels=[f"+ {value:.2f}" for value in values], fontsize=7)
        floors = [floor + value for floor, value in zip(floors, values, strict=True)]
    axes[1].set_ylabel("CPU (milliseconds a record)")
    axes[1].set_ylim(0, 4.4)
    for axis in axes:
        axis.set_xticks(range(len(rows)), labels, fontsize=8)
        axis.tick_params(axis="x", length=0)
        axis.set_xlabel("records sent, and shards of the stream")
        axis.legend(fontsize=8, ncols=3, loc="upper center")


def _shards(number: int) -> str:
    return "1 shard" if number == 1 else f"{number} shards"


def _ink(title: str) -> str:
    """The colour of a value within a bar, readable on it."""
    return "white" if title == "functions" else "black"

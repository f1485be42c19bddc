"""The plots show the committed figures, every contender, and what their axes count."""

import re
from pathlib import Path

import pytest

from benchmarks import plots
from benchmarks.looks import LOOKS

TEXT = re.compile(r"<text[^>]*>([^<]*)</text>")
AXIS_LABEL = re.compile(r"\([\w', ]+\)$")


def texts(path: Path) -> list[str]:
    return TEXT.findall(path.read_text())


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The plots, drawn now."""
    return {path.name: path for path in plots.draw_all(tmp_path_factory.mktemp("plots"))}


def test_the_committed_plots_show_the_committed_figures(drawn: dict[str, Path]) -> None:
    assert {path.name for path in plots.FOLDER.iterdir()} == drawn.keys()
    for name, path in drawn.items():
        assert texts(plots.FOLDER / name) == texts(path)


def test_every_contender_is_named_as_in_the_pages() -> None:
    shown = texts(plots.FOLDER / "aggregator.svg")

    assert {look.title for look in LOOKS.values()} <= set(shown)


@pytest.mark.parametrize(
    ("name", "labels"), [("aggregator.svg", 3), ("growth.svg", 6), ("end-to-end.svg", 2)]
)
def test_axes_tell_their_units(name: str, labels: int) -> None:
    shown = texts(plots.FOLDER / name)

    assert len([text for text in shown if AXIS_LABEL.search(text)]) >= labels

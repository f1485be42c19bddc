"""Tables of the pages, in Markdown, and the rows that they are made from."""

from collections.abc import Iterable, Sequence

from benchmarks.looks import LOOKS
from benchmarks.results import Row


def table(heads: Sequence[str], lines: Sequence[Sequence[str]], left: int = 1) -> str:
    """A Markdown table whose first columns are set to the left, the others to the right."""
    rules = ["---" if column < left else "---:" for column in range(len(heads))]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, rules, *lines))


def one(rows: Iterable[Row], **wanted: object) -> Row:
    (found,) = (row for row in rows if all(row.get(key) == wanted[key] for key in wanted))
    return found


def titles(*names: str) -> list[tuple[str, str]]:
    """The contenders' titles; Game Scores stands out."""
    return [
        (name, f"**{LOOKS[name].title}**" if name == "ours" else LOOKS[name].title)
        for name in names
    ]


def two_digits(figure: float) -> str:
    return f"{float(f'{figure:.2g}'):,.0f}"

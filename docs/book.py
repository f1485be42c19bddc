"""Writes the parts of README and pages that come from results or from the command line.

python -m docs.book: what stands between `<!-- NAME: written by make book -->` and `<!-- end -->` is
replaced by what the name means now; everything else stays.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from docs import verbs
from docs.figures import FIGURES
from operations.aws.config import PROJECT

BLOCK = re.compile(
    r"(?P<begin><!-- (?P<name>[a-z -]+): written by make book -->\n).*?(?P<end><!-- end -->)",
    re.DOTALL,
)
BLOCKS: dict[str, Callable[[], str]] = {
    **FIGURES,
    "verbs": verbs.reference,
    "common options": verbs.common_options,
}


def pages() -> list[Path]:
    """README and every page beside it."""
    return [*sorted(PROJECT.glob("*.md")), *sorted((PROJECT / "docs").glob("*.md"))]


def written(page: str) -> str:
    """The page's text with every block as it is now; raises KeyError for a name of none."""

    def write(block: re.Match[str]) -> str:
        content = BLOCKS[block["name"]]().rstrip()
        return f"{block['begin']}{content}\n{block['end']}"

    return BLOCK.sub(write, page)


def write_pages() -> list[Path]:
    """The pages that were not as they should be, and now are."""
    changed = []
    for path in pages():
        before = path.read_text()
        after = written(before)
        if after != before:
            path.write_text(after)
            changed.append(path)
    return changed


if __name__ == "__main__":
    for path in write_pages():
        print(f"wrote {path.relative_to(PROJECT)}", file=sys.stderr)

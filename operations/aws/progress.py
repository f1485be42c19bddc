"""How a long operation tells what it is doing and how far it is."""

from collections.abc import Callable

Announce = Callable[[str], None]
"""Takes a sentence about the step that begins, e.g. `Scanning the records`."""

Progress = Callable[[str, int, int], None]
"""Takes what is counted, e.g. a table's name, the count so far, and about where it will end."""

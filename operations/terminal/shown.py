"""Texts of others as a terminal may show them: what could steer it stands there as an escape.

A Username or a payload is whatever a producer sends: sequences that move the cursor, colour or
retitle the terminal, or marks that turn the direction of writing around.
"""

import unicodedata

from rich.text import Text

STEERING = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Controls, format characters, lone surrogates, separators of lines and paragraphs:
https://www.unicode.org/reports/tr44/#General_Category_Values"""

JOINERS = "\u200c\u200d"
"""These format characters stand in words of many languages, and in emoji."""


def escaped(text: str) -> str:
    r"""The text on one line, e.g. with `\x1b` for an escape character, `\n` for a new line."""
    return "".join(
        each.encode("unicode_escape").decode() if steers(each) else each for each in text
    )


def escaped_lines(text: str, indent: str = "") -> str:
    """The same with its lines and tabs; all lines but the first are indented."""
    return f"\n{indent}".join(escaped(line) for line in text.expandtabs().split("\n"))


def shown(text: str, style: str = "") -> Text:
    """The text on one line, for a view."""
    return Text(escaped(text), style)


def steers(character: str) -> bool:
    """Whether a terminal might do something else than show the character."""
    return unicodedata.category(character) in STEERING and character not in JOINERS

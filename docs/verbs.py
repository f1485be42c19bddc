"""The reference of the command line: what each verb's --help prints."""

from collections.abc import Iterator

import click

from operations.__main__ import operations

PROGRAM = "python -m operations"


def verbs(group: click.Group = operations, *path: str) -> Iterator[tuple[str, click.Command]]:
    """Every verb that does something, by its whole name: `send`, `rejects list`."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from verbs(command, *path, name)
        else:
            yield " ".join((*path, name)), command


def reference() -> str:
    """A heading for each verb, and its help as a terminal of 80 columns shows it."""
    settings = operations.context_settings
    program = click.Context(operations, info_name=PROGRAM, terminal_width=80, **settings)
    parts = []
    for name, verb in verbs():
        text = verb.get_help(click.Context(verb, program, info_name=name))
        parts.append(f"### `{name}`\n\n```\n{text}\n```")
    return "\n\n".join(parts)

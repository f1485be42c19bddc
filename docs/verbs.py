"""The reference of the command line, written from the command line itself."""

from collections.abc import Iterator

import click

from operations.__main__ import operations

COMMON = ("stage", "profile", "region", "endpoint_url", "as_json")
"""Options of most verbs, told of once."""


def verbs(group: click.Group = operations, *path: str) -> Iterator[tuple[str, click.Command]]:
    """Every verb that does something, by its whole name: `send`, `rejects list`."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from verbs(command, *path, name)
        else:
            yield " ".join((*path, name)), command


def reference() -> str:
    """What each verb does, and its own options."""
    return "\n\n".join(_verb(name, command) for name, command in verbs())


def common_options() -> str:
    """The options that most verbs have."""
    found: dict[str, click.Option] = {}
    for _, command in verbs():
        for option in _options(command):
            if option.name in COMMON:
                found.setdefault(option.name, option)
    return _table([found[name] for name in COMMON if name in found])


def _verb(name: str, command: click.Command) -> str:
    arguments = " ".join(
        parameter.make_metavar(click.Context(command))
        for parameter in command.params
        if isinstance(parameter, click.Argument)
    )
    own = [option for option in _options(command) if option.name not in COMMON]
    parts = [f"### `{name}{' ' + arguments if arguments else ''}`", _text(command.help or "")]
    if own:
        parts.append(_table(own))
    return "\n\n".join(parts)


def _options(command: click.Command) -> list[click.Option]:
    return [each for each in command.params if isinstance(each, click.Option) and not each.hidden]


def _table(options: list[click.Option]) -> str:
    lines = [
        f"| {_names(each)} | {_default(each)} | {_text(each.help or '')} |" for each in options
    ]
    return "\n".join(["| Option | Default | |", "|---|---|---|", *lines])


def _names(option: click.Option) -> str:
    names = ", ".join(option.opts)
    return f"`{names}`" if option.is_flag else f"`{names} {_kind(option)}`"


def _kind(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return "/".join(str(each) for each in option.type.choices)
    return option.metavar or option.type.name.upper().removesuffix(" RANGE")


def _default(option: click.Option) -> str:
    return f"`{option.default}`" if option.show_default else ""


def _text(text: str) -> str:
    """Help as Markdown: paragraphs stay, lines are joined."""
    paragraphs = (" ".join(each.split()) for each in text.split("\n\n"))
    return "\n\n".join(paragraphs).replace("|", "\\|").replace("<", "&lt;")

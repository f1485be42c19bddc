"""The house's import rules: imports point inward, and only verbs and the terminal draw."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from operations.aws.config import PROJECT

FLOORS = ("__main__", "verbs", "terminal", "families", "aws")
"""The floors of operations, from the top down. Imports point down only."""

FAMILIES: dict[str, set[str]] = {
    "deploy": set(),
    "scores": set(),
    "rejects": set(),
    "totals": {"rejects"},
    "watch": {"rejects"},
    "local": {"deploy", "scores", "rejects", "watch"},
}
"""The families of operations, and the other families that each may use."""

DOMAIN = {
    "words",
    "scores",
    "receipts",
    "opening",
    "deaggregation",
    "documents",
    "items",
    "mentions",
    "reasons",
    "payloads",
    "stream_records",
}
"""The modules of chalicelib that know neither AWS nor Chalice nor the environment."""


class Import(NamedTuple):
    """A module of the project and one that it imports, both dotted."""

    by: str
    module: str

    @property
    def users_room(self) -> str:
        return self.by.split(".")[1]

    @property
    def used_room(self) -> str:
        return self.module.split(".")[1]


def imports_in(folder: str) -> Iterator[Import]:
    """Every import in the folder's modules."""
    for path in sorted((PROJECT / folder).rglob("*.py")):
        name = ".".join(path.relative_to(PROJECT).with_suffix("").parts)
        yield from imports_of(name, path)


def imports_of(name: str, path: Path) -> Iterator[Import]:
    """Every import in the module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (Import(name, f"{node.module}.{each.name}") for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (Import(name, each.name) for each in node.names)


def within(each: Import, *packages: str) -> bool:
    """Whether it imports one of the packages or a module in them."""
    return any(each.module == name or each.module.startswith(f"{name}.") for name in packages)


def floor_of(room: str) -> int:
    """How far down the room of operations is."""
    return FLOORS.index("families" if room in FAMILIES else room)


def test_operations_point_from_the_command_line_inward() -> None:
    for each in imports_in("operations"):
        if not within(each, "operations"):
            continue
        user, used = each.users_room, each.used_room
        if user in FAMILIES and used in FAMILIES:
            assert used in FAMILIES[user] | {user}, f"{each.by} imports {each.module}"
        else:
            assert floor_of(user) <= floor_of(used), f"{each.by} imports {each.module}"


def test_no_verb_knows_another() -> None:
    for each in imports_in("operations/verbs"):
        assert not within(each, "operations.verbs"), f"{each.by} imports {each.module}"


def test_only_verbs_and_the_terminal_know_how_a_terminal_is_drawn_on() -> None:
    for each in imports_in("operations"):
        if within(each, "click", "rich"):
            room = each.users_room
            assert room in ("__main__", "verbs", "terminal"), f"{each.by} imports {each.module}"


def test_what_ships_to_lambda_knows_nothing_around_it() -> None:
    for each in imports_in("chalicelib"):
        assert not within(each, "operations", "benchmarks", "tests", "app"), each


@pytest.mark.parametrize("module", sorted(DOMAIN))
def test_the_domain_knows_neither_aws_nor_chalice_nor_the_environment(module: str) -> None:
    for each in imports_of(module, PROJECT / "chalicelib" / f"{module}.py"):
        assert not within(each, "boto3", "botocore", "chalice", "os"), each
        if within(each, "chalicelib"):
            assert each.module.split(".")[1] in DOMAIN, each


def test_the_small_dynamodb_knows_nobody() -> None:
    for each in imports_in("dynamodb_model"):
        assert not within(each, "app", "chalicelib", "operations", "benchmarks", "tests"), each


def test_measurements_need_no_tests_and_nobody_needs_measurements() -> None:
    for each in imports_in("benchmarks"):
        assert not within(each, "tests"), each
    for folder in ("chalicelib", "operations", "dynamodb_model"):
        for each in imports_in(folder):
            assert not within(each, "benchmarks", "tests"), each


def test_no_two_modules_of_tests_or_benchmarks_have_one_name() -> None:
    names = Counter(
        path.name
        for folder in ("tests", "benchmarks", "dynamodb_model")
        for path in (PROJECT / folder).rglob("*.py")
        if path.name not in ("__init__.py", "__main__.py", "conftest.py")
    )

    assert [name for name, times in names.items() if times > 1] == []

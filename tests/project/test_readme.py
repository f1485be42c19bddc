"""Every command, function, file and variable that the README names exists."""

import json
import re

import pytest

import app
from operations.cli.main import operations
from operations.stage.config import PROJECT
from tests.infrastructure.test_infrastructure import TEMPLATE

README = (PROJECT / "README.md").read_text()
CLOUDFORMATIONS_OWN = {"CAPABILITY_IAM"}


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))

    named = set(re.findall(r"(?:`|\$ )make ([a-z-]+)", README))

    assert {"run", "test", "check"} <= named <= targets


def test_every_verb_exists() -> None:
    named = set(re.findall(r"python -m operations ([a-z]+)", README))

    assert named
    assert named <= set(operations.commands)


def test_every_linked_file_exists() -> None:
    links = re.findall(r"\]\(([^):#]+)\)", README)

    assert links
    assert [link for link in links if not (PROJECT / link).exists()] == []


def test_every_function_and_table_exists() -> None:
    sources = [source.name for source in app.app.event_sources]
    tables = [
        each["Properties"]["TableName"]
        for each in TEMPLATE["Resources"].values()
        if "TableName" in each["Properties"]
    ]

    for name in re.findall(r"\b(?:Process|Aggregate)[A-Z]\w+", README):
        assert name in sources
    for name in re.findall(r"\bGameScore[A-Z]\w+", README):
        assert any(name in str(table) for table in tables)


def test_every_variable_is_read() -> None:
    settings = (PROJECT / "chalicelib" / "settings.py").read_text()

    for name in set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", README)) - CLOUDFORMATIONS_OWN:
        assert f'"{name}"' in settings


@pytest.mark.parametrize("example", re.findall(r"```json\n(.*?)\n```", README, re.DOTALL))
def test_every_json_example_is_json(example: str) -> None:
    assert json.loads(example)

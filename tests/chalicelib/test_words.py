"""The words of the project are such that the code and DynamoDB can use them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from chalicelib import words
from chalicelib.scores import DIGEST_ATTRIBUTE
from operations.aws.config import PROJECT
from tests.data_stack import DataStack

ATTRIBUTES = (words.RECORD_ID, words.USERNAME, words.SCORE)
OF_THE_PIPELINE = {"Receipts", "LastPage", "Page", "ExpiresAt", DIGEST_ATTRIBUTE}
SOURCES = [
    PROJECT / "app.py",
    *(path for folder in ("chalicelib", "operations") for path in (PROJECT / folder).rglob("*.py")),
]


def test_the_attributes_are_plain_words_of_which_none_is_used_otherwise() -> None:
    assert len({*ATTRIBUTES, *OF_THE_PIPELINE}) == len(ATTRIBUTES) + len(OF_THE_PIPELINE)
    for attribute in ATTRIBUTES:
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", attribute)


def test_dynamodb_reserves_none_of_the_attributes(data: DataStack) -> None:
    for attribute in ATTRIBUTES:
        look_for(data, attribute)
    with pytest.raises(ClientError, match="reserved keyword: User"):
        look_for(data, "User")


def look_for(data: DataStack, attribute: str) -> None:
    """Ask for the attribute by an expression that spells it as the code does."""
    data.dynamodb.get_item(
        TableName=data.names.totals_table,
        Key={words.USERNAME: {"S": "Ann"}},
        ProjectionExpression=attribute,
    )


def test_the_templates_keys_are_called_as_the_code_calls_them(data: DataStack) -> None:
    tables = (data.names.records_table, data.names.totals_table, data.names.receipts_table)

    keys = [
        data.dynamodb.describe_table(TableName=table)["Table"]["KeySchema"][0]["AttributeName"]
        for table in tables
    ]

    assert keys == [words.RECORD_ID, words.USERNAME, words.USERNAME]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_only_one_module_spells_the_attributes(path: Path) -> None:
    if path == PROJECT / "chalicelib" / "words.py":
        return
    spelled = re.compile(rf"\b({'|'.join(ATTRIBUTES)})\b")

    found = [text for text in texts_in(path) if spelled.search(text)]

    assert found == []


def texts_in(path: Path) -> Iterator[str]:
    """Every string in the module that is no docstring."""
    tree = ast.parse(path.read_text())
    explaining = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in explaining:
            if isinstance(node.value, bytes):
                yield node.value.decode(errors="replace")
            elif isinstance(node.value, str):
                yield node.value

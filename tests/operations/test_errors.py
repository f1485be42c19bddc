"""The tree of errors at the head of operations/aws/errors.py."""

import importlib
import pkgutil
import re

import operations
from operations.aws import errors


def test_the_tree_of_errors_names_every_error_that_a_person_can_see() -> None:
    for module in pkgutil.walk_packages(operations.__path__, "operations."):
        importlib.import_module(module.name)
    tree = (errors.__doc__ or "").split("\n\n")[1]
    named = re.findall(r"^[│├└─ ]*(\w+) ", tree, flags=re.MULTILINE)

    assert sorted(named) == sorted(each.__name__ for each in _family(errors.OperationFailed))


def _family(error: type[Exception]) -> set[type[Exception]]:
    return {error}.union(*(_family(each) for each in error.__subclasses__()))

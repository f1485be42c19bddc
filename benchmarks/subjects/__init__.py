"""What is measured, one module a subject: `measure` gives its rows, `REPORT` says how to show them.

A module that is put here is a subject, by its own name with hyphens.
"""

import pkgutil
from importlib import import_module
from types import ModuleType

NAMES = [name.replace("_", "-") for _, name, _ in pkgutil.iter_modules(__path__)]


def find_subject(name: str) -> ModuleType:
    """The subject's module."""
    return import_module(f"{__name__}.{name.replace('-', '_')}")

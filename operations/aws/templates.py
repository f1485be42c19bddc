"""CloudFormation templates as data: read, and without some of their resources."""

import re
from collections.abc import Collection, Mapping
from typing import Any

import yaml

Template = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as the long ones: !Ref X as {"Ref": "X"}."""


def _read_function(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    match node:
        case yaml.ScalarNode():
            value = loader.construct_scalar(node)
        case yaml.SequenceNode():
            value = loader.construct_sequence(node, deep=True)
        case yaml.MappingNode():
            value = loader.construct_mapping(node, deep=True)
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _read_function)


def read_template(body: str) -> Template:
    """The template, which can be written as JSON."""
    template: Template = yaml.load(body, _Loader)  # noqa: S506, a SafeLoader
    return template


def without(template: Template, resources: Collection[str], outputs: Mapping[str, str]) -> Template:
    """The template without these resources and without those that need them.

    An output that would need them has the value that it has now, as others may import it.
    """
    gone = set(resources)
    while (
        more := {name for name, each in template["Resources"].items() if references(each) & gone}
        - gone
    ):
        gone |= more
    kept = {name: each for name, each in template["Resources"].items() if name not in gone}
    return {
        **template,
        "Resources": kept,
        "Outputs": {
            name: {**output, "Value": outputs[name]} if references(output) & gone else output
            for name, output in template["Outputs"].items()
        },
    }


def references(part: Any) -> set[str]:
    """The names that a part of a template refers to, by Ref, Fn::GetAtt or Fn::Sub."""
    if isinstance(part, list):
        return set().union(*map(references, part))
    if not isinstance(part, dict):
        return set()
    found = set().union(*map(references, part.values()))
    match part:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            found.add(name)
        case {"Fn::Sub": str(text)} | {"Fn::Sub": [str(text), *_]}:
            found |= {name.split(".")[0] for name in re.findall(r"\$\{([^}!]+)\}", text)}
    return found

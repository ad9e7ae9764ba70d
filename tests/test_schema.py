"""docs/schema/compare-1.schema.json against the document that the Rust tests hold to be ours."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

ROOT = Path(__file__).parents[1]
SCHEMA = json.loads((ROOT / "docs" / "schema" / "compare-1.schema.json").read_text("utf-8"))
# Written by crates/ungil-report/tests/golden.rs from a comparison with everything in it.
GOLDEN = ROOT / "crates" / "ungil-report" / "tests" / "golden" / "compare.json"


def document() -> Any:
    return json.loads(GOLDEN.read_text("utf-8"))


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a tree."""
    if isinstance(value, dict):
        yield value
    children = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        for child in children:
            yield from objects(child)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_our_document_is_valid() -> None:
    Draft202012Validator(SCHEMA).validate(document())


def test_every_field_is_documented() -> None:
    """Later writers may add fields; this one may not write any that the schema leaves out."""
    strict = copy.deepcopy(SCHEMA)
    described = 0
    for node in objects(strict):
        if node.get("type") == "object" and "properties" in node:
            node["additionalProperties"] = False
            for name, field in node["properties"].items():
                assert field.get("description"), name
                described += 1
    assert described > 80
    Draft202012Validator(strict).validate(document())


def test_the_document_has_a_value_for_every_field() -> None:
    """Else the type of a field that is always null would go unchecked."""
    fields = {name for node in objects(document()) for name in node}
    valued = {name for node in objects(document()) for name in node if node[name] is not None}
    assert fields == valued


def at(*path: str | int) -> Callable[[Any, Any], None]:
    def change(tree: Any, value: Any) -> None:
        for step in path[:-1]:
            tree = tree[step]
        assert path[-1] in tree
        tree[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "value"),
    [
        (at("schema_version"), 2),
        (at("machine", "usable_cpus"), "four"),
        (at("machine", "python", "gil"), "on"),
        (at("workloads", 0, "serial", "summary"), {}),
        (at("workloads", 0, "kinds", 0, "amdahl", "status"), "maybe"),
        (at("workloads", 0, "kinds", 0, "amdahl", "law", "serial_fraction"), 1.5),
        (at("workloads", 0, "verdict", "confidence"), "very"),
        (at("workloads", 2, "warnings", 0, "code"), "unheard_of"),
    ],
)
def test_a_broken_document_is_refused(change: Callable[[Any, Any], None], value: Any) -> None:
    broken = document()
    change(broken, value)
    with pytest.raises(ValidationError):
        Draft202012Validator(SCHEMA).validate(broken)


def test_a_missing_field_is_refused() -> None:
    for node in objects(SCHEMA):
        assert set(node.get("required", [])) == set(node.get("properties", {}))
    broken = document()
    del broken["workloads"][0]["verdict"]
    with pytest.raises(ValidationError, match="'verdict' is a required property"):
        Draft202012Validator(SCHEMA).validate(broken)

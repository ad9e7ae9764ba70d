"""What native code knows of dataclasses: their fields, as far as these are numbers."""

from __future__ import annotations

import dataclasses
import sys
import typing
from typing import Any

from ungil.types import Width

Field = tuple[str, str, str, object, bool, bool, bool]
"""Name, type, name of its width or "", default or `MISSING`; whether the class is called with it,
by its name only, and whether it counts in comparisons."""

Description = tuple[list[Field], bool, str, str]
"""Fields; whether it is frozen; how `==` compares ("tuples", "fields", or why not as dataclasses
do); why it cannot be made here (or "")."""

MISSING = dataclasses.MISSING
"""What a field has for a default that has none."""
NUMBERS = (bool, int, float, complex)
GENERATED = "__create_fn__.<locals>."
"""What the names of the functions begin with that the decorator makes."""


def described(cls: type) -> Description | str:
    """What native code needs to know of a dataclass, or why it cannot have it."""
    reason = why_not_taken(cls)
    fields = reason or described_fields(cls)
    if isinstance(fields, str):
        return fields
    parameters: Any = cls.__dict__["__dataclass_params__"]
    return fields, parameters.frozen, equality(cls), why_not_made(cls)


def why_not_taken(cls: type) -> str:
    if "__dataclass_fields__" not in cls.__dict__:
        return "it inherits from a dataclass, and is none itself"
    if type(cls) is not type:
        return f"its class is a {type(cls).__name__}"
    for name in ("__getattribute__", "__new__"):
        if getattr(cls, name) is not getattr(object, name):
            return f"it has a `{name}` of its own"
    if hasattr(cls, "__getattr__"):
        return "it has a `__getattr__`"
    parameters: Any = cls.__dict__["__dataclass_params__"]
    setting: Any = cls.__setattr__
    if setting is not object.__setattr__ and not (parameters.frozen and is_generated(setting)):
        return "it has a `__setattr__` of its own"
    return ""


def described_fields(cls: type) -> list[Field] | str:
    try:
        hints = typing.get_type_hints(cls, include_extras=True)
    except Exception as error:
        return f"its annotations cannot be read: {error}"
    found: list[Field] = []
    for name, field in cls.__dict__["__dataclass_fields__"].items():
        if field._field_type.name == "_FIELD_CLASSVAR":
            continue
        if field._field_type.name != "_FIELD":
            return f"its `{name}` is an `InitVar`"
        kind, width = hints[name], ""
        metadata = getattr(kind, "__metadata__", ())
        if metadata and isinstance(metadata[0], Width):
            kind, width = kind.__origin__, metadata[0].name
        if kind not in NUMBERS:
            return f"its `{name}` is not annotated as bool, int, float or complex"
        places = (base.__dict__[name] for base in cls.__mro__ if name in base.__dict__)
        place = next(places, None)
        if hasattr(type(place), "__set__") and type(place).__name__ != "member_descriptor":
            return f"its `{name}` is a {type(place).__name__}"
        default = field.default
        if field.default_factory is not MISSING:
            default = MISSING
        found.append(
            (name, kind.__name__, width, default, field.init, field.kw_only, field.compare)
        )
    return found


def is_generated(function: Any) -> bool:
    code = getattr(function, "__code__", None)
    return code is not None and code.co_qualname.startswith(GENERATED)


def equality(cls: type) -> str:
    parameters: Any = cls.__dict__["__dataclass_params__"]
    if not parameters.eq:
        return "it is a dataclass with `eq=False`"
    unequal: Any = cls.__ne__
    if not is_generated(cls.__dict__.get("__eq__")) or unequal is not object.__ne__:
        return "it has an `__eq__` of its own"
    return "tuples" if sys.version_info < (3, 13) else "fields"


def why_not_made(cls: type) -> str:
    if hasattr(cls, "__post_init__"):
        return "it has a `__post_init__`"
    if not is_generated(cls.__dict__.get("__init__")):
        return "it has an `__init__` of its own"
    for name, field in cls.__dict__["__dataclass_fields__"].items():
        if field._field_type.name != "_FIELD":
            continue
        if field.default_factory is not MISSING:
            return f"its `{name}` has a `default_factory`"
        if field.default is MISSING and not field.init:
            return f"its `{name}` has no value at first"
        if field.default is not MISSING and not isinstance(field.default, NUMBERS):
            return f"its `{name}` has a default that is no number"
    return ""

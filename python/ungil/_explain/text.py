"""What a text names, as a JSON document. Also run by other Pythons: see `other_python`."""

from __future__ import annotations

import json

from ungil._explain import find
from ungil._explain.bytecode import describe
from ungil._explain.other_python import explained_by
from ungil._explain.pyc import OtherPython
from ungil._explain.refused import Refused


def of_text(text: str) -> str:
    """What the text names; a `.pyc` of another Python is explained by that one."""
    try:
        return of_text_here(text)
    except OtherPython as other:
        return explained_by(other, text)


def of_text_here(text: str) -> str:
    """What the text names; `OtherPython` where this Python cannot read it."""
    found = find.by_text(text)
    try:
        explanation = describe(found.code, found.source, hot=None)
    except (IndexError, KeyError, ValueError, TypeError) as error:
        # A damaged .pyc may hold code that is none.
        raise Refused(f'"{text}" cannot be disassembled: {error}.') from None
    explanation |= {"header": found.header, "notes": found.notes}
    return json.dumps(explanation)

"""The text of a function's definition."""

from __future__ import annotations

import sys
from types import FunctionType

from ungil._native.errors import Refused

Source = tuple[str, int, str]
"""File, first line and text."""


def source_at_once(function: FunctionType) -> Source | None:
    """The source of a function in a file, without `inspect`, which takes longer than all the rest.

    Lines are told by their indentation: where a string or an expression in brackets has less of it,
    what comes out is not complete, and cannot be parsed. `None` where there is more to it.
    """
    code = function.__code__
    known = getattr(sys.modules.get("linecache"), "cache", {})
    if not code.co_filename.endswith(".py") or code.co_filename in known:
        return None
    try:
        # In UTF-8, as by default; what declares another encoding is not for here.
        with open(code.co_filename, encoding="utf-8") as file:
            lines = file.read().split("\n")
    except (OSError, ValueError):
        return None
    if any("coding" in line for line in lines[:2]):
        return None
    begin = max(code.co_firstlineno, 1) - 1
    end = end_of_block(lines, begin)
    text = "".join(line + "\n" for line in lines[begin:end])
    return (code.co_filename, begin + 1, text) if end else None


def end_of_block(lines: list[str], begin: int) -> int:
    """The index after a definition's last line; 0 if none is found."""
    depth, last, header = -1, 0, True
    for index in range(begin, len(lines)):
        line = lines[index].lstrip(" \t")
        if not line or line[0] in "#\r\f":
            continue
        indentation = len(lines[index]) - len(line)
        if depth < 0:
            depth = indentation
        if header:
            header = indentation != depth or not line.startswith(("def ", "async def "))
        elif indentation <= depth and not line.startswith(")"):
            break
        last = index + 1
    return 0 if header else last


def source_of(function: FunctionType) -> Source:
    """The source as `inspect` finds it.

    Raises `Refused` where there is none.
    """
    import inspect  # noqa: PLC0415

    name = function.__qualname__
    code = function.__code__
    try:
        lines, first_line = inspect.getsourcelines(function)
    except (OSError, TypeError) as error:
        raise Refused(
            f"the source of {name} is not to be had ({code.co_filename}): native functions are "
            "compiled from their source text. Define it in a file, or in a notebook; not in the "
            "plain interpreter, nor by exec"
        ) from error
    return code.co_filename, max(first_line, 1), "".join(lines)

"""The exceptions of native functions, made as Python would have made them."""

from __future__ import annotations

import builtins
import math
import os
import warnings
from importlib import import_module
from types import CodeType, FunctionType, TracebackType

from ungil._ungil import NativeFunction, _new_frame

Position = tuple[int, int, int, int]


class Refused(Exception):
    """A function that is not in the native language: where, why, and what to write instead.

    `filename` and `lineno` tell the place, where there is one.
    """

    filename: str | None = None
    lineno: int | None = None


def refused(title: str, text: str, filename: str, lineno: int) -> Refused:
    exception = Refused(f"{title} ({os.path.basename(filename)}, line {lineno})\n\n{text}")
    exception.filename, exception.lineno = filename, lineno
    return exception


def falls_back(reason: BaseException, function: NativeFunction) -> bool:
    """Whether Python is to run a function for this reason; warns that it does."""
    if not isinstance(reason, (Refused, ImportError)):
        return False
    warnings.warn(
        f"{function.__qualname__} is run by Python, holding the GIL: {reason}",
        RuntimeWarning,
        stacklevel=2,
    )
    return True


def checkpoint() -> None:
    """Does nothing, as Python code: what other threads have set for this one is raised here."""


def exception(
    name: str,
    kind: str,
    text: str,
    ints: tuple[int, int],
    floats: tuple[float, float],
    shapes: tuple[int, ...],
) -> BaseException:
    """The exception of a site, with what is known of the moment it was reached."""
    module, _, name = name.rpartition(".")
    kind_of_error = getattr(import_module(module) if module else builtins, name)
    made: BaseException
    if kind == "like python":
        made = as_python_says(text, ints, floats) or kind_of_error()
    elif kind == "text":
        made = kind_of_error(text.format(*shapes, a=ints[0], b=ints[1]))
    else:
        made = kind_of_error()
    return made


def as_python_says(
    expression: str, ints: tuple[int, int], floats: tuple[float, float]
) -> Exception | None:
    """What this Python raises in an expression: its words differ between versions."""
    (i, j), (a, b) = ints, floats
    try:
        eval(expression, {"math": math, "a": a, "b": b, "i": i, "j": j})
    except Exception as error:
        return error.with_traceback(None)
    return None


def add_frames(
    exception: BaseException,
    frames: list[tuple[FunctionType, Position]],
    left_out: int,
) -> None:
    """Put the native functions into the traceback: `frames` has the innermost first."""
    trace = exception.__traceback__
    for function, position in frames:
        code = code_around(function.__code__, position[0])
        frame = _new_frame(code, function.__globals__)
        trace = TracebackType(trace, frame, instruction_at(code, position), position[0])
    if left_out:
        exception.add_note(f"{left_out} more calls of native functions are not shown")
    exception.__traceback__ = trace


def code_around(code: CodeType, line: int) -> CodeType:
    """The code of the innermost function that has this line, `code`'s own or one inside of it."""
    for inner in code.co_consts:
        if not isinstance(inner, CodeType) or inner.co_name.startswith("<"):
            continue
        lines = [found for _, _, found in inner.co_lines() if found is not None]
        if min(lines) <= line <= max(lines):
            return code_around(without_cells(inner), line)
    return code


def without_cells(code: CodeType) -> CodeType:
    """The code for a frame that is looked at only: one with cells would look for a closure."""
    from opcode import opmap  # noqa: PLC0415

    nothing = bytes([opmap["NOP"], 0]) * (len(code.co_code) // 2)
    return code.replace(co_code=nothing, co_freevars=(), co_cellvars=())


def instruction_at(code: CodeType, position: Position) -> int:
    """The instruction whose source this is, for the marks under it; -1 if there is none."""
    line, column, end_line, end_column = position
    wanted = (line, end_line, column, end_column)
    for index, found in enumerate(code.co_positions()):
        if found == wanted:
            return 2 * index
    return -1

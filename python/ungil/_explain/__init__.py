"""`ungil.explain`: a function's source beside its byte code."""

from __future__ import annotations

import inspect
import json
import linecache
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import CodeType
from typing import Any

from ungil import _ungil
from ungil._explain import find
from ungil._explain.bytecode import describe, inner
from ungil._explain.refused import Refused
from ungil._explain.text import of_text

HOT = 64
"""Calls after which everything that Python specialises has been."""


class Explanation:
    """Source lines and the instructions of each; `print` shows it."""

    def __init__(self, document: str) -> None:
        self._document = document

    def to_json(self) -> str:
        """All of it as a JSON document."""
        return _ungil.explanation_json(self._document)

    def to_dict(self) -> dict[str, Any]:
        """The same as a dictionary."""
        explanation: dict[str, Any] = json.loads(self.to_json())
        return explanation

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes it as a page that any browser shows offline. `OSError` if it cannot be written."""
        page = _ungil.explanation_html(self._document)
        with open(path, "w", encoding="utf-8") as file:
            file.write(page)

    def __repr__(self) -> str:
        return _ungil.explanation_text(self._document)


def explain(
    function: Callable[..., object] | str,
    *,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    hot: int = 0,
) -> Explanation:
    """Shows a function's source beside its byte code.

    function: a Python function or method; or text as on the command line: `file.py:function`,
        `module:Class.method`, `file.pyc`.
    hot: calls the function so often with `args` and `kwargs` first, so that the instructions are
        shown that Python has specialised for them; 64 calls are enough. What it raises comes out.

    Raises `ValueError` for what is not there or has no byte code; the message says what to do.
    """
    if isinstance(function, str):
        if hot or args or kwargs:
            raise Refused("to call it, pass the function itself instead of its name.")
        return Explanation(of_text(function))
    if hot < 0:
        raise ValueError(f"hot must be a number of calls, not {hot}")
    call = partial(function, *args, **(kwargs or {})) if hot else None
    return Explanation(of_function(function, call, hot))


def of_call(function: Any, arguments: str, hot: int) -> str:
    """A function that has been called with these arguments (source text) so often."""
    code_of(function)
    try:
        code = compile(f"_ungil_function({arguments}\n)", "--run", "eval", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise Refused(f"--run {arguments!r} is no list of arguments: {error}.") from None
    names = dict(getattr(inspect.unwrap(function), "__globals__", {}))
    names["_ungil_function"] = function
    return of_function(function, lambda: eval(code, names), hot)


def of_function(function: Any, call: Callable[[], object] | None, hot: int) -> str:
    """A function as a JSON document, after `hot` calls."""
    code = code_of(function)
    if call is not None:
        for _ in range(hot):
            call()
    source, notes = _source(code)
    if code.co_flags & (inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        notes.append("Calling it runs nothing of it: what it returns has to be consumed.")
    explanation = describe(code, source, hot=hot if call is not None else None)
    native = _native(function, notes)
    explanation |= {"header": [], "notes": notes, "native": native}
    return json.dumps(explanation)


def _native(function: Any, notes: list[str]) -> dict[str, Any] | None:
    """What a native function was compiled to; a note where there is nothing to show."""
    if not isinstance(function, _ungil.NativeFunction):
        return None
    from ungil._native.errors import Refused as NotNative  # noqa: PLC0415
    from ungil._native.explained import explained  # noqa: PLC0415

    try:
        if not function._specialisations and not function._compile_as_annotated():
            notes.append(
                "Native code is compiled for the types of a call's arguments, which not all are "
                "annotated: call it first, or with --run 'ARGUMENTS'."
            )
            return None
        return explained(function)
    except NotNative as error:
        notes.append(f"It cannot be compiled: {error}")
        return None
    except (ImportError, RuntimeError) as error:
        notes.append(f"Its machine code cannot be shown: {error}.")
        return None


def code_of(function: Any) -> CodeType:
    """The code of what the user calls a function."""
    while True:
        if isinstance(function, partial):
            function = function.func
        elif isinstance(function, property) and function.fget is not None:
            function = function.fget
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif hasattr(function, "__func__"):
            function = function.__func__
        else:
            break
    code = getattr(function, "__code__", None)
    if isinstance(code, CodeType):
        return code
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    if isinstance(function, type):
        raise Refused(f"{name} is a class: name one of its methods, as in {name}.method.")
    if inspect.isroutine(function):
        raise Refused(f"{name} is not written in Python, but in C: it has no byte code.")
    raise Refused(f"a {name} is no function: there is no byte code to show.")


def _source(code: CodeType) -> tuple[Sequence[str] | None, list[str]]:
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename)
    if not lines:
        return None, [f"The source, {code.co_filename}, is not there: it is not shown."]
    try:
        now = find.compiled_text("".join(lines), code.co_filename)
        same = any(
            (each.co_qualname, each.co_firstlineno, each.co_code)
            == (code.co_qualname, code.co_firstlineno, code.co_code)
            for each in (now, *inner(now))
        )
    except (SyntaxError, ValueError):
        same = False
    if same:
        return lines, []
    return None, [
        f"{code.co_filename} does not give this code (it has changed since, or was rewritten at "
        "import): the source is not shown."
    ]

"""From what the user wrote to code and source; nothing of the user's is run."""

from __future__ import annotations

import os
import sys
import tokenize
import warnings
from collections.abc import Iterable, Sequence
from importlib import util
from types import CodeType
from typing import Any, NamedTuple

from ungil._explain import pyc
from ungil._explain.bytecode import inner
from ungil._explain.refused import Refused
from ungil._suggest import near


class Found(NamedTuple):
    """Code, and what is known of it."""

    code: CodeType
    source: Sequence[str] | None
    header: list[tuple[str, str]]
    notes: list[str]


def by_text(text: str) -> Found:
    """`file.py`, `file.pyc` or `module`, with `:function` or `:LINE` behind it for a part."""
    place, colon, name = text.rpartition(":")
    if not colon:
        place, name = text, ""
    elif not place or not name:
        raise Refused(f'"{text}" names no function: it is file.py:function or module:function.')
    if place.endswith(".pyc"):
        return _in_pyc(place, name)
    if "/" in place or place.endswith((".py", ".pyw")) or os.path.isfile(place):
        return _in_file(place, place, name)
    return _in_module(place, name)


def compiled(path: str, shown: str) -> tuple[CodeType, list[str]]:
    """The code of a source file and its lines."""
    try:
        with open(path, "rb") as file:
            data = file.read()
        with tokenize.open(path) as text:
            source = text.readlines()
        return compiled_text(data, path), source
    except FileNotFoundError:
        hint = near(os.path.basename(path), _siblings(path))
        raise Refused(f'there is no file "{shown}".{hint}') from None
    except OSError as error:
        raise Refused(f'cannot read "{shown}": {error.strerror}.') from None
    except SyntaxError as error:
        where = f" (line {error.lineno})" if error.lineno else ""
        raise Refused(f'"{shown}" is not Python {_here()}: {error.msg}{where}.') from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise Refused(f'"{shown}" is not Python {_here()}: {error}.') from None


def compiled_text(source: str | bytes, path: str) -> CodeType:
    """What Python makes of a source text, without warnings about it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code: CodeType = compile(source, path, "exec", dont_inherit=True)
    return code


def _here() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _siblings(path: str) -> list[str]:
    try:
        return [name for name in os.listdir(os.path.dirname(path) or ".") if name.endswith(".py")]
    except OSError:
        return []


def _in_file(path: str, shown: str, name: str) -> Found:
    code, source = compiled(path, shown)
    return Found(part(code, shown, name), source, [], [])


def _in_pyc(path: str, name: str) -> Found:
    file = pyc.read(path)
    origin = pyc.source_of(file)
    notes = []
    source = None
    if origin is None:
        notes.append(
            f"The source, {file.code.co_filename}, is not there any more, or has changed since: "
            "it is not shown."
        )
    else:
        source = compiled(origin, origin)[1]
    return Found(part(file.code, path, name), source, file.header, notes)


def _in_module(module: str, name: str) -> Found:
    folder = os.getcwd()
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        spec = util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        spec = None
    except (Exception, SystemExit) as error:  # the package that it is in is imported
        raise Refused(
            f'the package of "{module}" fails when it is imported '
            f"({type(error).__name__}: {error}). Name the file instead, as in "
            "path/to/file.py:function."
        ) from None
    if spec is None:
        known = [*sys.stdlib_module_names, *(each[:-3] for each in _siblings("./x"))]
        raise Refused(
            f'there is no module "{module}" (looked in the current directory and on sys.path).'
            f"{near(module, known)}"
        )
    origin = spec.origin or ""
    if spec.loader is not None and hasattr(spec.loader, "get_source") and os.path.isfile(origin):
        if origin.endswith(".pyc"):
            return _in_pyc(origin, name)
        if origin.endswith(".py"):
            _refuse_c_function(module, name)
            return _in_file(origin, module, name)
    what = f"{module}.{name}" if name else module
    raise Refused(f'"{what}" is not written in Python, but in C: it has no byte code.')


def _refuse_c_function(module: str, name: str) -> None:
    """A module of the standard library often takes functions from one that is written in C."""
    value: Any = getattr(sys.modules.get(module), name, None) if name else None
    if callable(value) and type(value).__name__ == "builtin_function_or_method":
        raise Refused(f'"{module}.{name}" is not written in Python, but in C: it has no byte code.')


def part(whole: CodeType, place: str, name: str) -> CodeType:
    """The function of that name, or at that line; without either, the whole."""
    if not name:
        return whole
    parts = list(inner(whole))
    if name.isdecimal():
        return _at_line(parts, place, int(name))
    wanted = name.replace("<locals>.", "")
    names = [each.co_qualname.replace("<locals>.", "") for each in parts]
    if wanted == "lambda":
        wanted = "<lambda>"
    ends = f".{wanted}" if wanted == "<lambda>" else None
    fitting = [
        each
        for each, known in zip(parts, names, strict=True)
        if known == wanted or (ends and known.endswith(ends))
    ]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        lines = [str(each.co_firstlineno) for each in fitting]
        raise Refused(
            f'"{place}" has {len(fitting)} of "{name}", in lines {", ".join(lines)}: say which, as '
            f"in {place}:{lines[0]}."
        )
    raise Refused(f'"{place}" has no function "{name}".{near(wanted, names)}')


def _at_line(parts: Iterable[CodeType], place: str, line: int) -> CodeType:
    """The innermost function there; of several in one line, none."""
    begins = [each for each in parts if each.co_firstlineno == line]
    if len(begins) > 1:
        raise Refused(
            f'line {line} of "{place}" begins {len(begins)} functions: put them in lines of their '
            "own, or pass the one meant to ungil.explain()."
        )
    around = begins or [
        each
        for each in parts
        if each.co_firstlineno <= line <= max((at or 0 for _, _, at in each.co_lines()), default=0)
    ]
    if not around:
        raise Refused(f'there is no function in line {line} of "{place}".')
    return around[-1]

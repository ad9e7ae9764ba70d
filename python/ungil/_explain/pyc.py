"""A `.pyc` file: its header, and the code in it where that is this Python's."""

from __future__ import annotations

import marshal
import os
from datetime import UTC, datetime
from importlib import util
from types import CodeType
from typing import Any, NamedTuple

from ungil._explain.refused import Refused

HEADER = 16
_HASHED = 0b01
_CHECKED = 0b10
_OLDEST = 11


class Pyc(NamedTuple):
    """What is in a file."""

    header: list[tuple[str, str]]
    """Fields and what they say."""
    code: CodeType
    source_is: tuple[int, int] | None
    """Time of change and size of the source that it was made from; None if it does not tell."""


class OtherPython(Refused):
    """The file is of another version, whose byte code has no meaning here."""

    def __init__(self, message: str, magic: bytes, minor: int) -> None:
        super().__init__(message)
        self.magic = magic
        """What the file begins with."""
        self.minor = minor
        """N of Python 3.N."""


def read(path: str) -> Pyc:
    """Reads a file; `Refused` for a damaged one, `OtherPython` for another version's."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise Refused(f'cannot read "{path}": {error.strerror}.') from None
    if len(data) < HEADER:
        raise Refused(
            f'"{path}" is truncated: a .pyc begins with {HEADER} bytes of header, and it has '
            f"{len(data)} bytes in all. Remove it, and Python makes it again."
        )
    number = int.from_bytes(data[:2], "little")
    if data[2:4] != b"\r\n":
        raise Refused(f'"{path}" is no .pyc file: its first bytes are {data[:4]!r}.')
    flags = int.from_bytes(data[4:8], "little")
    if flags & ~(_HASHED | _CHECKED):
        raise Refused(f'"{path}" is damaged: there is no flag {flags:#x} in a .pyc file.')
    header, source_is = _explained(data, number, flags)
    if data[:4] != util.MAGIC_NUMBER:
        raise _other_version(path, data, number, header)
    return Pyc(header, _code(path, data[HEADER:]), source_is)


def _explained(
    data: bytes, number: int, flags: int
) -> tuple[list[tuple[str, str]], tuple[int, int] | None]:
    header = [("magic", f"{number}: {_version(number)}")]
    if flags & _HASHED:
        kept = "compared with the source's" if flags & _CHECKED else "not compared with the source"
        header.append(("flags", f"{flags}: valid by hash, {kept} at import"))
        header.append(("hash", data[8:16].hex()))
        return header, None
    changed, size = (int.from_bytes(data[at : at + 4], "little") for at in (8, 12))
    header.append(("flags", f"{flags}: valid while the source's time and size are these"))
    header.append(
        ("source changed", f"{datetime.fromtimestamp(changed, UTC):%Y-%m-%d %H:%M:%S} UTC")
    )
    header.append(("source size", f"{size} bytes, modulo 2**32"))
    return header, (changed, size)


def _minor(number: int) -> int:
    # Since 3.11 the numbers of 3.n begin with 2900 + 50 n (Include/internal/pycore_magic_number.h).
    return (number - 2900) // 50


def _version(number: int) -> str:
    minor = _minor(number)
    if minor >= _OLDEST:
        return f"Python 3.{minor}"
    return "Python 3.10 or older"


def _other_version(path: str, data: bytes, number: int, header: list[tuple[str, str]]) -> Refused:
    fields = "; ".join(f"{name} {meaning}" for name, meaning in header)
    written = f'"{path}" was written by another Python ({fields}).'
    minor = _minor(number)
    if minor < _OLDEST:
        return Refused(f"{written} Byte code is explained of Python 3.{_OLDEST} and newer.")
    program = f"python3.{minor}"
    return OtherPython(
        f"{written} The byte code of one version has no meaning in another: explain it with "
        f"{program} (`{program} -m ungil explain {path}`).",
        data[:4],
        minor,
    )


def _code(path: str, data: bytes) -> CodeType:
    damaged = f'"{path}" is damaged behind its header'
    try:
        code = marshal.loads(data)
    except (EOFError, ValueError, TypeError, MemoryError, SystemError) as error:
        raise Refused(f"{damaged} ({error}). Remove it, and Python makes it again.") from None
    if not isinstance(code, CodeType):
        raise Refused(f"{damaged}: it holds no code, but a {type(code).__name__}.")
    return code


def source_of(pyc: Pyc) -> str | None:
    """The path of the source, if that is still the one that the file was made from."""
    path = pyc.code.co_filename
    if pyc.source_is is None:
        return path if os.path.isfile(path) else None
    try:
        state: Any = os.stat(path)
    except OSError:
        return None
    now = (int(state.st_mtime) & 0xFFFFFFFF, state.st_size & 0xFFFFFFFF)
    return path if now == pyc.source_is else None

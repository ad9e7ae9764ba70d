"""A code object as plain data: its source lines and the instructions of each."""

from __future__ import annotations

import dis
import platform
from collections import defaultdict
from collections.abc import Iterator, Sequence
from types import CodeType
from typing import Any

from ungil._explain import marks

# How 3.11 writes instructions that are about to be specialised and have not been yet.
_NOT_YET = ("_ADAPTIVE", "_QUICK")


def describe(code: CodeType, source: Sequence[str] | None, *, hot: int | None) -> dict[str, Any]:
    """What `Explanation` in crates/ungil-report reads.

    source: all lines of the file; None if there are none to show.
    hot: how often the code has run; None for code that has not been run for this.
    """
    instructions = list(_instructions(code, adaptive=hot is not None))
    by_line: dict[int | None, list[dict[str, Any]]] = defaultdict(list)
    for instruction in instructions:
        by_line[instruction.pop("line")].append(instruction)
    return {
        "name": _name(code),
        "file": code.co_filename,
        "python": platform.python_version(),
        "hot": hot,
        "lines": [
            {
                "number": number,
                "source": _line(source, number),
                "instructions": by_line.get(number, []),
            }
            for number in _numbers(code, by_line)
        ],
        "notes": [],
        "defines": [_name(each) for each in inner(code)],
    }


def inner(code: CodeType) -> Iterator[CodeType]:
    """The functions and classes inside, and theirs, in the order of the source."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from inner(constant)


def _name(code: CodeType) -> str:
    return code.co_qualname.replace("<locals>.", "")


def _numbers(code: CodeType, by_line: dict[int | None, Any]) -> list[int | None]:
    """Of the lines to show: all between the first and the last that have code, then None, for
    what belongs to no line. Bodies of functions inside have pages of their own."""
    known = [number for number in by_line if number is not None]
    numbers: list[int | None] = []
    if known:
        first = min([*known, max(code.co_firstlineno, 1)])
        elsewhere = {
            number
            for each in inner(code)
            for number in range(each.co_firstlineno + 1, _last(each) + 1)
        } - set(known)
        numbers.extend(n for n in range(first, max(known) + 1) if n not in elsewhere)
    return numbers + [number for number in by_line if number is None]


def _last(code: CodeType) -> int:
    return max((line for _, _, line in code.co_lines() if line), default=code.co_firstlineno)


def _line(source: Sequence[str] | None, number: int | None) -> str | None:
    if source is None or not number or number > len(source):
        return None
    return source[number - 1].rstrip("\r\n").expandtabs()


def _instructions(code: CodeType, *, adaptive: bool) -> Iterator[dict[str, Any]]:
    found = list(dis.get_instructions(code))
    quickened = (
        {each.offset: each.opname for each in dis.get_instructions(code, adaptive=True)}
        if adaptive
        else {}
    )
    jumps = {each.offset: _target(each) for each in found}
    targets = {target for target in jumps.values() if target is not None}
    labels = {
        offset: number
        for number, offset in enumerate(
            (each.offset for each in found if each.offset in targets), start=1
        )
    }
    for each in found:
        specialised = quickened.get(each.offset, each.opname)
        if specialised.endswith(_NOT_YET):
            specialised = each.opname
        target = jumps[each.offset]
        yield {
            "line": (each.positions.lineno or None) if each.positions else None,
            "offset": each.offset,
            "name": each.opname,
            "specialised": specialised if specialised != each.opname else None,
            "argument": "" if target is not None or each.arg is None else _argument(each),
            "label": labels.get(each.offset),
            "target": labels.get(target) if target is not None else None,
            "references": marks.references(each.opname),
            "switches": marks.switches(each.opname, each.arg),
        }


def _argument(instruction: dis.Instruction) -> str:
    if isinstance(instruction.argval, CodeType):
        return f"<code of {_name(instruction.argval)}>"
    return instruction.argrepr or str(instruction.arg)


def _target(instruction: dis.Instruction) -> int | None:
    if instruction.opcode in dis.hasjrel or instruction.opcode in dis.hasjabs:
        return int(instruction.argval)
    return None

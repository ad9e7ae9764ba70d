"""A schedule as source positions and operations: before which one each thread is put aside.

How many steps a function is depends on the version of Python; what it does at which line does not.
"""

import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ungil._ungil import race as _native

# More steps than any run has.
_TO_THE_END = 1 << 40


def version() -> str:
    """The Python that a schedule's numbers of steps are for."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True)
class Switch:
    """What a thread was about to do when it was put aside: so many such steps of it came before."""

    verb: str
    what: str
    file: str
    line: int
    function: str
    before: int


class _Row(NamedTuple):
    number: int
    thread: int
    key: tuple[str, str, str, int, str]


def _rows(told: dict[str, Any]) -> list[_Row]:
    """The steps that were told, each with what it is on every Python."""
    return [
        _Row(number, thread, (verb, what, os.path.basename(file), line, function))
        for (number, thread, _), verb, what, _, file, line, function in told["steps"]
        if number != _native.NO_STEP
    ]


class _Thread:
    """The steps of a thread, gone through once."""

    def __init__(self, rows: Sequence[_Row]) -> None:
        self._rows = rows
        self._at = 0
        self._before: Counter[tuple[str, str, str, int, str]] = Counter()

    def next_step(self, begin: int) -> Switch | None:
        """What it does first from step `begin` on, which is not before the last one asked for."""
        while self._at < len(self._rows):
            row = self._rows[self._at]
            if row.number >= begin:
                return Switch(*row.key, self._before[row.key])
            self._before[row.key] += 1
            self._at += 1
        return None


def switches(told: dict[str, Any]) -> tuple[Switch | None, ...]:
    """For each turn what its thread does next; `None` where it does no more."""
    rows: dict[int, list[_Row]] = {thread: [] for thread, _ in told["turns"]}
    for row in _rows(told):
        rows.setdefault(row.thread, []).append(row)
    threads = {thread: _Thread(steps) for thread, steps in rows.items()}
    found = []
    end = 0
    for thread, count in told["turns"]:
        end += count
        found.append(threads[thread].next_step(end))
    return tuple(found)


def turns(
    session: Any, threads: Sequence[int], schedule: Sequence[Switch | None]
) -> list[tuple[int, int]]:
    """The turns of this Python that come to the same switches.

    RuntimeError: the model never comes to one.
    """
    made: list[tuple[int, int]] = []
    for thread, switch in zip(threads, schedule, strict=True):
        if made and made[-1][0] == thread:
            made.pop()
        told = session.tell([*made, (thread, _TO_THE_END)])
        begin = sum(count for _, count in made)
        rows = [row for row in _rows(told) if row.thread == thread]
        if switch is None:
            steps = _in_a_row(told, len(made), thread)
        else:
            key = (switch.verb, switch.what, switch.file, switch.line, switch.function)
            same = [row for row in rows if row.key == key]
            if len(same) > switch.before:
                steps = same[switch.before].number - begin
            elif any(waiting == thread for waiting, *_ in told["waiting"]):
                steps = _in_a_row(told, len(made), thread)
            else:
                raise RuntimeError(
                    f"the model no longer does what it did: {told['threads'][thread]} never comes"
                    f" to where it {switch.verb} {switch.what} at line {switch.line}"
                )
        steps = min(steps, _in_a_row(told, len(made), thread))
        if steps > 0:
            made.append((thread, steps))
    return made


def _in_a_row(told: dict[str, Any], turns_before: int, thread: int) -> int:
    """How many steps the thread makes before another one's, after so many turns."""
    if turns_before < len(told["turns"]):
        whose, steps = told["turns"][turns_before]
        if whose == thread:
            count: int = steps
            return count
    return 0

"""Loops whose checks cannot be made before them: their code is compiled when it is first needed."""

import inspect
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ungil

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")


def wraps_around(a: Any, shift: int) -> float:
    total = 0.5
    for i in range(len(a)):
        total += a[i - shift]
        a[i] = total
    return total


def returns_from_it(a: Any, wanted: float) -> tuple[int, float]:
    before = 7.0
    for i in range(len(a) + 1):
        if a[i] == wanted:
            return i, before
        before = a[i]
    return -1, before


def breaks_or_not(a: Any, wanted: float) -> int:
    found = -1
    for i in range(len(a)):
        if a[i - len(a)] == wanted:
            found = i
            break
    else:
        found = -10
    return found * 2


def sets_what_may_be_unset(a: Any, n: int) -> float:
    for i in range(n):
        last: float = a[i - 2]
    return last * i


def fills_lists(a: Any, n: int) -> int:
    kept = [0]
    for i in range(n):
        fresh = [i, i]
        fresh[i % 2 - 2] = int(a[i - 1])
        kept = fresh
    return kept[0] * 10 + kept[1] + len(kept)


@ungil.native
def inner(a: Any, i: int) -> float:
    total = 0.0
    for j in range(len(a)):
        total += a[j - i]
    return total


def in_a_nest(a: Any, n: int) -> float:
    total = 0.0
    for i in range(n):
        for j in range(i, len(a)):
            total += a[i - j] * 2 + a[j]
        total += inner(a, i)
    return total


def handles_its_failure(a: Any, n: int) -> float:
    total, at = 0.0, -1
    try:
        for i in range(n):
            at = i
            total += a[i - 2]
    except IndexError:
        for i in range(len(a)):
            total += a[i - 1] * at
    finally:
        for i in range(len(a)):
            a[i - 3] = total + i
    return total


def handles_failures_in_it(a: Any, n: int) -> float:
    total = 0.0
    for i in range(n):
        try:
            total += a[i - 2]
        except IndexError:
            if i > 20:
                raise
            total += 100.0
    return total


def raises_again_after_it(a: Any, n: int) -> float:
    total = 0.0
    try:
        total = inner(a, n)
    except IndexError:
        for i in range(len(a)):
            a[i - 1] += 1.0
            if a[i - 2] > 3.0:
                raise
        total = -1.0
    return total


def looks_into_texts(a: Any, n: int) -> int:
    found = 0
    for i in range(n):
        if "abc"[i - 2] in "bcd" and a[i - 2] > 0.0:
            found += 1
    for i in range(n):
        if "xyz"[i - 1] == "z" and a[i - 1] > 0.0:
            found += 10
    return found


@dataclass
class Point:
    x: float
    y: float = 0.5


def makes_objects(a: Any, n: int) -> float:
    last = Point(1.0)
    for i in range(n):
        fresh = Point(a[i - 2], last.x)
        fresh.y += 1.0
        last = fresh
    return last.x * 100 + last.y


CASES: list[tuple[Callable[..., Any], tuple[float, ...]]] = [
    (wraps_around, (0, 1, 3)),
    (returns_from_it, (0.0, 2.0)),
    (breaks_or_not, (2.0, 99.0)),
    (sets_what_may_be_unset, (1, 3)),
    (fills_lists, (1, 4)),
    (in_a_nest, (1, 5)),
    (handles_its_failure, (1, 6, 9)),
    (handles_failures_in_it, (1, 6, 9)),
    (raises_again_after_it, (1,)),
    (looks_into_texts, (1, 3)),
    (makes_objects, (1, 5)),
]


@pytest.mark.parametrize(("function", "values"), CASES)
def test_it_is_python(function: Callable[..., Any], values: tuple[float, ...]) -> None:
    native = ungil.native(function)
    for value in values:
        ours, theirs = np.arange(6.0), np.arange(6.0)
        assert native(ours, value) == function(theirs, value)
        assert ours.tobytes() == theirs.tobytes()


FAILURES: list[tuple[Callable[..., Any], float, type[Exception]]] = [
    (wraps_around, 9, IndexError),
    (returns_from_it, 99.0, IndexError),
    (sets_what_may_be_unset, 0, UnboundLocalError),
    (fills_lists, 99, IndexError),
    (in_a_nest, 99, IndexError),
    (handles_failures_in_it, 99, IndexError),
    (raises_again_after_it, 9, IndexError),
    (looks_into_texts, 6, IndexError),
    (makes_objects, 99, IndexError),
]


@pytest.mark.parametrize(("function", "value", "error"), FAILURES)
def test_it_fails_as_python_does(
    function: Callable[..., Any], value: float, error: type[Exception]
) -> None:
    lines, arrays = [], []
    for called in (function, ungil.native(function)):
        arrays.append(np.arange(6.0))
        with pytest.raises(error) as raised:
            called(arrays[-1], value)
        lines.append([entry.lineno for entry in raised.traceback][-1])
    assert lines[0] == lines[1]
    assert arrays[0].tobytes() == arrays[1].tobytes()


def test_threads_that_need_it_at_once() -> None:
    native = ungil.native(wraps_around)
    native(np.arange(6.0), 0)
    together = threading.Barrier(4)
    results = []

    def work() -> None:
        a = np.arange(6.0)
        together.wait()
        results.append(native(a, 1))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [wraps_around(np.arange(6.0), 1)] * 4


PROGRAM = """
import sys
if sys.argv[1:]:
    sys.modules["llvmlite"] = None
import numpy as np
import ungil

@ungil.native
{function}

print(wraps_around(np.arange(6.0), 0))
if sys.argv[1:]:
    try:
        wraps_around(np.arange(6.0), 1)
    except ImportError as error:
        print(error.__traceback__.tb_next.tb_lineno, error)
"""


def test_it_needs_the_compiler_that_the_rest_was_found_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNGIL_NATIVE_CACHE", str(tmp_path / "cache"))
    source = inspect.getsource(wraps_around).replace("a: Any", "a")
    file = tmp_path / "program.py"
    file.write_text(PROGRAM.format(function=source))
    for option in ([], ["without"]):
        run = subprocess.run(
            [sys.executable, str(file), *option], capture_output=True, text=True, check=False
        )
    line = file.read_text().splitlines().index("    for i in range(len(a)):") + 1
    expected = f"15.5\n{line} native functions are compiled by llvmlite: install it with"
    assert run.stdout.startswith(expected), run.stderr

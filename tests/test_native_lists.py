"""Lists in native code: they do what Python's do, as far as they hold numbers of one type."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import ungil

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")


def sieve(n: Any) -> Any:
    prime = [True] * n
    found = 0
    for i in range(2, n):
        if prime[i]:
            found = found * 31 % 1000003 + i
            for j in range(i * i, n, i):
                prime[j] = False
    return found


def stack_and_pop(n: Any) -> Any:
    stack = []
    for i in range(n):
        stack.append(i * i)
    total = 0
    while stack:
        total = total * 7 % 10007 + stack.pop()
        if len(stack) % 3 == 0 and stack:
            total += stack.pop(0) - stack[-1] if len(stack) > 1 else 1
    return total


def aliases(n: Any) -> Any:
    xs = [1.5, 2.5]
    ys = xs
    ys.append(0.5 * n)
    xs[0] += 1
    xs = [9.0] * n
    xs.insert(-100, 3.25)
    xs.insert(1, -1.0)
    return ys[0] + ys[-1] * 10 + len(ys) * 100 + len(xs) * 1000 + xs[0]


def remade(n: Any) -> Any:
    total = 0
    for i in range(n):
        row = [i] * (i + 1)
        row[i // 2] = 7
        other = row if i % 2 else [5, 6]
        other.append(1)
        total += other[0] + row[-1] + len(row)
    return total


def comprehensions(n: Any) -> Any:
    i = 100
    squares = [i * i for i in range(n) if i % 2 if i != 5]
    pairs = [x * y for x in squares for y in [1, 2, 3] if (x + y) % 2 == 0]
    halves = [x / 2 for x in pairs]
    total = 0.0
    for k, (h, p) in enumerate(zip(halves, pairs, strict=False)):
        total += h * k - p
    return total + i


def while_it_grows(n: Any) -> Any:
    xs = [n]
    for x in xs:
        if x > 1 and len(xs) < 50:
            xs.append(x // 2)
            if x % 2:
                xs.append(3 * x + 1)
        if len(xs) > 40:
            break
    else:
        xs.append(-1)
    back = 0
    for x in reversed(xs):
        back = (back * 3 + x) % 10007
        if xs:
            xs.pop()
    return back + len(xs)


def promoted(n: Any) -> Any:
    xs = [0] * 3
    for i in range(3):
        xs[i] = i / (n + 1)
    ys = [1, 2.5]
    ys.append(4)
    return xs[0] + xs[1] * xs[2] + ys[0] + ys[2]


def of_tuples(n: Any) -> Any:
    total = 0
    for step in (1, -1, 2):
        total = total * 10 + step * n
    return total


def together(n: Any) -> Any:
    total = 0
    xs = [3, 1, 4, 1, 5]
    for k, i in enumerate(range(n, -3, -2), 10):
        total = (total * 7 + k * 100 + i) % 1000003
    for x, i, j in zip(xs, range(n), reversed(range(1, 40, 3)), strict=False):
        total = (total * 7 + x * 100 + i * 10 + j) % 1000003
    for k, (i, j) in enumerate(zip(range(5, n), range(n, 1, -1), strict=False), start=n):
        total = (total * 7 + k + i * j) % 1000003
    for i in reversed(range(n, 2, -4)):
        total = (total * 7 + i) % 1000003
    for i in reversed(range(-2, n)):
        total = (total * 7 + i) % 1000003
    return total


def joined(n: Any) -> Any:
    if n % 2:
        xs = []
        n += 2
    else:
        xs = [1.5]
    xs.append(n / 3)
    return len(xs) + xs[-1]


FUNCTIONS = [
    sieve,
    stack_and_pop,
    aliases,
    remade,
    comprehensions,
    while_it_grows,
    promoted,
    of_tuples,
    together,
    joined,
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_lists_do_what_pythons_do(function: Callable[[Any], Any]) -> None:
    native = ungil.native(function)
    for n in (0, 1, 2, 3, 7, 30, 101):
        expected = function(n)
        found = native(n)
        assert (type(found), found) == (type(expected), expected), n


def indexed(i: Any, j: Any, how: Any) -> Any:
    xs = [10, 20, 30]
    if how == 0:
        return xs[i]
    if how == 1:
        xs[i] = j
    elif how == 2:
        return xs.pop(i)
    elif how == 3:
        xs.clear()
        xs.pop()
    elif how == 4:
        xs[i] //= j
    else:
        xs.insert(i, j)
    return xs[0] * 10000 + xs[1] * 100 + xs[-1] + len(xs)


def outcome(function: Callable[..., Any], *arguments: int) -> tuple[Any, ...]:
    try:
        return ("returned", function(*arguments))
    except (IndexError, ZeroDivisionError) as error:
        return ("raised", type(error), str(error))


@pytest.mark.parametrize("how", range(6))
def test_indices_and_errors_are_pythons(how: int) -> None:
    native = ungil.native(indexed)
    for i in range(-5, 6):
        for j in (0, 4):
            assert outcome(native, i, j, how) == outcome(indexed, i, j, how), (i, j)


@ungil.native
def huge(n: int) -> int:
    kept = [1] * 1000
    xs = [0] * n
    return len(xs) + kept[0]


def test_a_list_beyond_memory_is_a_memory_error_with_its_line() -> None:
    assert huge(10) == 11
    assert huge(-3) == 1
    for n in (2**62, 2**63 - 1):
        with pytest.raises(MemoryError) as caught:
            huge(n)
        assert caught.traceback[-1].lineno + 1 == huge.__code__.co_firstlineno + 3


@ungil.native
def fills(xs: list[float], n: int) -> int:
    for i in range(n):
        xs.append(math.sqrt(i))
    ys = xs
    if n == 7:
        raise ValueError("seven")
    return len(ys)


@ungil.native
def passes_on(n: int) -> float:
    xs: list[float] = []
    fills(xs, n)
    fills(xs, 2)
    return xs[n] + xs[-1] + len(xs)


def test_a_list_is_passed_to_another_function_as_it_is() -> None:
    assert passes_on(5) == 8.0
    with pytest.raises(ValueError, match="seven"):
        passes_on(7)


@ungil.native
def leaks(n: int, fail: int) -> int:
    total = 0
    for i in range(n):
        xs = [i] * 5000
        ys = [x + 1 for x in xs]
        total += ys[i % 10] + passed_through(xs)
        if i == fail:
            return xs[5000]
    return total


@ungil.native
def passed_through(xs: list[int]) -> int:
    ys = xs
    zs = [1, 2]
    zs.append(ys[0])
    return zs[2]


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def test_lists_are_freed_on_every_way_out() -> None:
    for _ in range(2):
        leaks(50, -1)
    before = resident()
    for _ in range(30):
        leaks(100, -1)
        with pytest.raises(IndexError):
            leaks(100, 50)
    # Were they kept, it would be more than 300 MB.
    assert resident() - before < 50 << 20


def test_a_list_from_outside_is_refused_with_the_remedy() -> None:
    with pytest.raises(TypeError, match="'xs': lists live in native code only: pass a NumPy array"):
        fills([1.0], 2)
    with pytest.raises(TypeError, match="pass a NumPy array"):
        ungil.native(sieve)([1])


def mixed(n: Any) -> Any:
    return len([n, 1.5])


def never_known(n: Any) -> Any:
    xs = []  # type: ignore[var-annotated]
    return xs[n]


def of_arrays(a: Any) -> Any:
    return len([a])


def floats_into_ints(n: Any) -> Any:
    xs = [n]
    xs[0] = 0.5
    return xs[0]


def sorted_by_key(n: Any) -> Any:
    xs = [n]
    xs.sort(key=abs)
    return xs[0]


def of_two_types(n: Any) -> Any:
    return len([n] + [1.5])  # noqa: RUF005


REFUSALS: list[tuple[Callable[[Any], Any], Any, str, str]] = [
    (mixed, 1, "holds numbers of one type", "convert one of them"),
    (never_known, 1, "not known here what this list holds", r"list\[float\] = \[\]"),
    (of_arrays, np.ones(2), "holds numbers of one type", "a list for each part"),
    (floats_into_ints, 1, r"a float cannot be put into a list\[int\]", "floats from the start"),
    (sorted_by_key, 1, "sorts numbers by themselves", "numpy.argsort"),
    (of_two_types, 1, "no such operation of lists", "lists of one type"),
]


@pytest.mark.parametrize(("function", "argument", "title", "remedy"), REFUSALS)
def test_what_lists_cannot_do_is_refused(
    function: Callable[[Any], Any], argument: Any, title: str, remedy: str
) -> None:
    with pytest.raises(ungil.native.Refused, match=rf"(?s){title}.*{remedy}"):
        ungil.native(function)(argument)

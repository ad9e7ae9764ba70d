"""Loops that are compiled to something else than what is written: with the same results, always."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import ungil
from native_programs import Matrix, checked, checked_ints

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")


def convolution(signal: Any, weights: Any, out: Any, start: int, rounds: int) -> None:
    for i in range(start, rounds):
        total = 0.5
        for j in range(len(weights)):
            total += signal[i + j] * weights[j]
        out[i] = total


def product(a: Any, b: Any, c: Any) -> None:
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            t = a[i, k]
            for j in range(b.shape[1]):
                c[i, j] += t * b[k, j]


def triangle(a: Any, out: Any) -> int:
    last = -1
    for i in range(len(a)):
        seen = 0
        for j in range(i, len(a)):
            seen += j - i
            out[j - i] += a[j]
        last = seen
    return last


def neighbours(world: Any, after: Any) -> None:
    for i in range(1, world.shape[0] - 1):
        for j in range(1, world.shape[1] - 1):
            n = world[i - 1, j] + world[i, j - 1] - world[i, j + 1] * 2 + world[i + 1, j]
            if n == 3 or (n < 2 and world[i, j] >= 1):
                after[i, j] = n % 7
            else:
                after[i, j] = -1 * n


def outermost(a: Any, n: int) -> float:
    total = 0.0
    for i in range(n):
        for j in range(n):
            total += a[i * j]
    return total


def collatz(n: int, limit: int) -> int:
    steps = 0
    while n != 1 and steps < limit:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return n


def chosen(k: Any, n: int) -> int:
    total = 0
    for i in range(len(k)):
        cost = total
        if k[i] != n:
            cost = 5 - 3 * n
        total = min(cost, k[i]) if i % 2 == 0 else max(cost, total)
    return total


def python(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, run by CPython, with an OverflowError where an int leaves 64 bits."""
    tree = checked_ints(ast.parse(textwrap.dedent(inspect.getsource(function))))
    names: dict[str, Any] = {"checked": checked, "Any": Any}
    exec(compile(tree, "python", "exec"), names)
    result: Callable[..., Any] = names[function.__name__]
    return result


def viewed(argument: Any) -> Any:
    if not isinstance(argument, np.ndarray):
        return argument
    if argument.ndim == 1:
        return memoryview(argument)  # type: ignore[arg-type]
    return Matrix([memoryview(row) for row in argument])


def outcome(function: Callable[..., Any], arguments: list[Any]) -> Any:
    try:
        return function(*arguments)
    except Exception as error:
        return type(error)


def same(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls both versions with equal arguments, compares what comes out, and gives it."""
    # Arrays that share memory do so in the copies, too.
    memory = [argument.copy() for argument in arguments if isinstance(argument, np.ndarray)]
    expected = outcome(python(function), [viewed(argument) for argument in arguments])
    after = [argument.copy() for argument in arguments if isinstance(argument, np.ndarray)]
    for argument, before in zip(
        (a for a in arguments if isinstance(a, np.ndarray)), memory, strict=True
    ):
        argument[...] = before
    found = outcome(NATIVE[function.__name__], list(arguments))
    assert found == expected
    arrays = [argument for argument in arguments if isinstance(argument, np.ndarray)]
    for one, other in zip(arrays, after, strict=True):
        assert one.tobytes() == other.tobytes()
    return found


FUNCTIONS: list[Callable[..., Any]] = [
    convolution,
    product,
    triangle,
    neighbours,
    outermost,
    collatz,
    chosen,
]
NATIVE = {function.__name__: ungil.native(function) for function in FUNCTIONS}


def floats(*shape: int) -> Any:
    return np.random.default_rng(5).normal(size=shape)


@pytest.mark.parametrize("rounds", [0, 1, 7, 8, 9, 23])
@pytest.mark.parametrize("weights", [0, 1, 5])
def test_rounds_that_are_done_together(rounds: int, weights: int) -> None:
    same(convolution, floats(40), floats(weights), floats(30), 0, rounds)
    same(convolution, floats(40), floats(weights), floats(30), 3, rounds)


@pytest.mark.parametrize("shift", [-9, -1, 0, 1, 9])
def test_rounds_that_read_what_others_write_are_not_done_together(shift: int) -> None:
    memory = floats(80)
    same(convolution, memory[20:60], floats(4), memory[20 + shift : 60 + shift], 0, 30)
    square = floats(9, 9)
    same(product, square, floats(9, 9), square)
    same(product, floats(9, 9), square, square)


def test_what_leaves_the_bounds_in_some_round_has_done_the_rounds_before() -> None:
    assert same(convolution, floats(20), floats(5), floats(30), 0, 25) is IndexError
    assert same(convolution, floats(40), floats(5), floats(12), 0, 25) is IndexError
    assert same(product, floats(6, 7), floats(5, 8), floats(6, 8)) is IndexError
    assert same(outermost, floats(50), 9) is IndexError
    assert same(outermost, floats(65), 9) is not IndexError


@pytest.mark.parametrize("shape", [(1, 1, 1), (4, 5, 6), (9, 8, 17), (3, 1, 4)])
def test_elements_that_many_rounds_change(shape: tuple[int, int, int]) -> None:
    n, m, p = shape
    same(product, floats(n, m), floats(m, p), floats(n, p))


def test_inner_ranges_that_depend_on_the_outer_variable() -> None:
    assert same(triangle, floats(11), floats(11)) == 0
    assert same(triangle, floats(11), floats(10)) is IndexError


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32])
def test_sums_of_small_ints_do_not_wrap_around(kind: type[Any]) -> None:
    facts = np.iinfo(kind)
    world = np.random.default_rng(3).choice(
        np.array([facts.min, facts.max, 0, 1, 2, 3], kind), (9, 40)
    )
    same(neighbours, world, np.zeros((9, 40), np.int64))


@pytest.mark.parametrize("n", [27, 2**62 + 1, (2**63 - 2) // 3, (2**63 - 2) // 3 + 1, -7])
def test_an_arm_overflows_only_if_it_is_chosen(n: int) -> None:
    same(collatz, n, 50)
    same(chosen, np.array([n, 2, 2**63 - 1, -(2**63), n]), n)
    same(chosen, np.array([n, n, n]), n)

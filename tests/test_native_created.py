"""Arrays that native code makes: as NumPy makes them, local, passed on, returned, freed."""

import gc
import resource
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import ungil
from ungil.types import int16

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")

MADE: dict[str, Callable[..., Any]] = {}


def made(function: Callable[..., Any]) -> Callable[..., Any]:
    MADE[function.__name__] = function
    return function


@made
def zeros(n: int, m: int) -> Any:
    return np.zeros(n)


@made
def ones_of_ints(n: int, m: int) -> Any:
    return np.ones((n, m), dtype=np.int32)


@made
def full_of_floats(n: int, m: int) -> Any:
    return np.full((m, n, 2), 2.5)


@made
def full_of_ints(n: int, m: int) -> Any:
    a = np.full(shape=n, fill_value=m)
    for i in range(len(a)):
        a[i] -= i
    return a


@made
def full_of_bools(n: int, m: int) -> Any:
    return np.full(n, m > 2, dtype="bool")


@made
def four_dimensions(n: int, m: int) -> Any:
    a = np.empty((n, m, 1, 2), np.float32)
    for i in range(n):
        for j in range(m):
            for k in range(2):
                a[i, j, 0, k] = i + 10 * j + k / 3
    return a


@made
def of_the_same_shape(n: int, m: int) -> Any:
    a = np.zeros((n, m), np.uint8)
    b = np.ones_like(a)
    return np.full_like(b, 7, dtype=float)


@made
def every_second(n: int, m: int) -> Any:
    a = np.arange(n * m)
    return a[::2]


@made
def ranges(n: int, m: int) -> Any:
    total: Any = 0
    down = np.arange(n, -m, -2)
    for x in down:
        total += x
    a = np.arange(3, n, dtype=np.float64)
    b = np.zeros(len(a) + 1)
    b[0] = total
    for i in range(len(a)):
        b[i + 1] = a[i]
    return b


@made
def floats_in_a_row(n: int, m: int) -> Any:
    return np.arange(-0.3, n / 7, 0.1 + m / 100)


@made
def floats_between(n: int, m: int) -> Any:
    return np.linspace(0.1, m, n)


@made
def sum_over_a_row(n: int, m: int) -> Any:
    a = np.zeros(1)
    for x in np.arange(n) * m:
        a[0] += x
    return a


@pytest.mark.parametrize("name", MADE)
def test_arrays_are_made_as_by_numpy(name: str) -> None:
    function, native = MADE[name], ungil.native(MADE[name])
    for n, m in [(0, 1), (1, 3), (5, 4), (300, 7)]:
        found, expected = native(n, m), function(n, m)
        assert type(found) is np.ndarray
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        assert (found == expected).all()
        assert found.flags.writeable


@ungil.native
def like(a: Any) -> Any:
    return np.ones_like(a, dtype=int16)


@ungil.native
def same_shape(a: Any) -> Any:
    return np.zeros(a.shape)


def test_the_shape_of_another_array() -> None:
    a = np.zeros((3, 4), np.uint8)[:, ::2]
    assert like(a).tolist() == [[1, 1]] * 3
    assert like(a).dtype == np.int16
    assert same_shape(a).shape == (3, 2)


@ungil.native
def scaled(n: int, by: float) -> Any:
    a = np.ones(n)
    for i in range(n):
        a[i] *= by * i
    return a


@ungil.native
def tail_of_scaled(n: int) -> Any:
    whole = scaled(n, 2.0)
    other = whole
    whole = scaled(n, 3.0)
    part = other[n - 2 :]
    other = whole
    return part


@ungil.native
def one_of_two(n: int, first: bool) -> Any:
    a = np.zeros(n)
    b = np.ones(n)
    if first:
        b = a
    a = b
    return a


def test_views_keep_the_memory_of_what_native_functions_return() -> None:
    assert tail_of_scaled(5).tolist() == [6.0, 8.0]
    assert (one_of_two(3, True) == 0).all()
    assert (one_of_two(3, False) == 1).all()


@ungil.native
def passes_on(a: Any, n: int) -> Any:
    if n > 0:
        a = np.zeros(n)
    return a


def test_what_is_passed_is_not_returned() -> None:
    assert passes_on(np.ones(3), 2).tolist() == [0.0, 0.0]
    with pytest.raises(TypeError, match="returns arrays that it has made"):
        passes_on(np.ones(3), 0)


@ungil.native
def wasteful(n: int, rounds: int, fails: bool) -> float:
    total = 0.0
    for i in range(rounds):
        a = np.ones(n)
        b = a
        row = a[1:]
        total += row[0] + b[i]
    if fails:
        a = np.ones(n)
        total += a[n]
    return total


@ungil.native
def rows_of_their_own(rounds: int, n: int) -> float:
    total = 0.0
    shared = np.ones(n)
    for i in ungil.prange(rounds, threads=2):
        own = np.full(n, 2.0)
        view = shared[1:]
        total += own[0] + view[i % (n - 1)]
    return total


def test_memory_is_given_back_on_every_way() -> None:
    # 1.6 GB in all, if nothing were freed.
    gc.collect()
    for _ in range(20):
        assert wasteful(100_000, 50, False) == 100.0
        with pytest.raises(IndexError):
            wasteful(100_000, 50, True)
        assert rows_of_their_own(50, 100_000) == 150.0
        assert scaled(100_000, 1.0)[1] == 1.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1_000_000


@ungil.native
def shaped(n: int, m: int) -> Any:
    return np.zeros((n, m))


def test_shapes_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="negative dimensions are not allowed"):
        shaped(-1, 3)
    for n, m in [(2**40, 2**30), (2**62, 2), (2**60, 0), (2**46, 1)]:
        with pytest.raises(MemoryError, match="no memory for an array of this shape"):
            shaped(n, m)


@ungil.native
def too_small(n: int) -> Any:
    return np.full(3, n, np.int8)


def test_what_an_array_is_filled_with_has_to_fit() -> None:
    assert too_small(-128).tolist() == [-128] * 3
    with pytest.raises(OverflowError, match="128 does not fit into an element of type int8"):
        too_small(128)


def five_dimensions(n: int) -> Any:
    return np.zeros((1, 1, 1, 1, n))


def long_elements(n: int) -> Any:
    return np.zeros(n, dtype=np.longdouble)


def other_order(n: int) -> Any:
    return np.zeros(n, order="F")


@ungil.native
def made_where_needed(n: int) -> Any:
    while np.zeros(n)[0] < n - 3:
        n -= 1
    return np.zeros(n) if n > 2 else np.ones(n)


def test_arrays_are_made_in_conditions_and_on_one_of_two_ways() -> None:
    assert made_where_needed(9).tolist() == [0.0, 0.0, 0.0]
    assert made_where_needed(2).tolist() == [1.0, 1.0]


def within_an_expression(n: int) -> Any:
    return n + scaled(n, 2.0)[0]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (five_dimensions, "arrays have 1 to 4 dimensions here"),
        (long_elements, "knows no such type of elements"),
        (other_order, "no such argument of `zeros`"),
        (within_an_expression, "`scaled` returns an array"),
    ],
)
def test_what_is_refused(function: Callable[..., Any], words: str) -> None:
    native: Any = ungil.native(function)
    with pytest.raises(ungil.native.Refused, match=words):
        native.compile(3)

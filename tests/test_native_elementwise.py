"""Arithmetic of whole arrays in native code: the oracle is NumPy, to the last bit."""

import os
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ungil
from native_elementwise import Expressions, inputs
from programs import loaded

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")

FUNCTIONS = int(os.environ.get("UNGIL_NATIVE_EXPRESSIONS", "2"))
"""For each pair of types; every one is compiled for three layouts of its arrays."""


def outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    try:
        with np.errstate(all="ignore"):
            return function(*arguments)
    except (ValueError, OverflowError) as error:
        return type(error), str(error) if isinstance(error, ValueError) else ""


def same(found: Any, expected: Any) -> bool:
    """To the last bit; one NaN is as good as another."""
    if not isinstance(expected, np.ndarray):
        return bool(found == expected)
    if found.dtype != expected.dtype or found.shape != expected.shape:
        return False
    if expected.dtype.kind != "f":
        return bool((found == expected).all())
    nans = np.isnan(expected)
    equal = (found == expected) & (np.signbit(found) == np.signbit(expected))
    return bool((equal | (nans & np.isnan(found))).all())


@pytest.mark.parametrize(
    ("kind", "dtypes"),
    [
        ("float", ("float64", "float64")),
        ("float", ("float32", "float64")),
        ("float", ("float32", "float32")),
        ("int", ("int64", "int64")),
        ("int", ("int8", "int32")),
        ("int", ("uint8", "uint16")),
    ],
)
def test_random_expressions_are_calculated_as_by_numpy(
    kind: str, dtypes: tuple[str, str], tmp_path: Path
) -> None:
    text = "import numpy as np\n"
    first = zlib.crc32(f"{kind} {dtypes}".encode()) % 10_000
    for number in range(first, first + FUNCTIONS):
        text += "\n" + Expressions(number, kind).function(f"f{number}")
    file = tmp_path / "expressions.py"
    file.write_text(text)
    module = loaded(file)
    for number in range(first, first + FUNCTIONS):
        function = getattr(module, f"f{number}")
        native = ungil.native(wrap=True)(function)
        for seed in range(9):
            ours, theirs = (inputs(seed, kind, dtypes) for _ in range(2))
            found, expected = outcome(native, ours), outcome(function, theirs)
            told = f"f{number}, inputs {seed}: {found}, not {expected}\n{ours}\n{text}"
            assert same(found, expected), told
            assert same(ours[0], theirs[0]), told


def calculates(function: Callable[..., Any], *arguments: Any) -> None:
    """Native code gives what NumPy gives, and leaves the arguments as NumPy does."""
    copies = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    with np.errstate(all="ignore"):
        expected = function(*copies)
    found = ungil.native(function)(*arguments)
    assert same(found, expected), f"{found}, not {expected}"
    for mine, theirs in zip(arguments, copies, strict=True):
        assert same(mine, theirs), f"{mine}, not {theirs}"


def test_functions_of_the_c_library_are_within_the_last_bits() -> None:
    def f(a: Any, b: Any) -> Any:
        return (
            np.exp(-a) * np.sin(b)
            + np.log1p(a) / np.hypot(a, b)
            - np.arctan2(a, b) ** 3.5
            + np.tan(b)
        )

    a, b = np.linspace(0.1, 9, 100), np.linspace(3, 4, 100)
    assert np.allclose(ungil.native(f)(a, b), f(a, b), rtol=1e-13)


def test_extremes_and_choices() -> None:
    def f(a: Any, b: Any) -> Any:
        low = np.minimum(a, b) + np.fmax(a, 2.0)
        return np.where(np.isnan(a) | (b > 1), np.clip(b, -1, 3), low)

    calculates(f, np.array([1.0, np.nan, 5.0, -3.0]), np.array([2.0, 0.5, np.nan, -4.0]))


def test_of_numbers_they_are_functions_of_floats() -> None:
    def f(x: Any) -> Any:
        return np.sqrt(x) if x > -1 else np.maximum(x, -2.0) + np.divide(1.0, 0.0)

    native = ungil.native(f)
    assert native(2) == 2**0.5
    assert np.isnan(native(-0.5))
    assert native(-7.0) == float("inf")


def test_parts_that_overlap_are_read_before_they_are_written() -> None:
    def forwards(a: Any) -> None:
        a[1:] = a[:-1] + 1

    def backwards(a: Any) -> None:
        a[:] = a[::-1] * 2

    def rows(m: Any) -> None:
        m[:] = m[0] + m
        m[:, 1:] += m[:, :-1]

    def itself(a: Any) -> None:
        a *= a
        a[:] = a - 1

    for function in [forwards, backwards, itself]:
        calculates(function, np.arange(9.0))
        calculates(function, np.arange(9.0)[::2])
    calculates(rows, np.arange(12.0).reshape(3, 4))
    calculates(rows, np.arange(12.0).reshape(4, 3).T)


def test_two_names_of_one_array() -> None:
    def f(a: Any, b: Any) -> None:
        a[1:] = b[:-1] * 2
        b += a

    a = np.arange(6.0)
    expected = a.copy()
    f(expected, expected)
    ungil.native(f)(a, a)
    assert a.tolist() == expected.tolist()


def test_filling_rows_and_columns() -> None:
    def f(m: Any, row: Any, i: int) -> None:
        m[i] = row
        m[:, 0] = 7
        m[i, 1:] *= 2
        m[-1:, :] = row[::-1]
        m[1:1] = 3

    calculates(f, np.zeros((4, 3)), np.array([1.0, 2.0, 3.0]), 1)
    calculates(f, np.zeros((4, 3), np.int16), np.array([1, 2, 3], np.int8), -2)


def test_four_dimensions() -> None:
    def f(a: Any, b: Any) -> Any:
        c = a - b * 2
        c[:, 0] = 1
        return c * a

    random = np.random.default_rng(5)
    calculates(f, random.normal(size=(2, 3, 4, 5)), random.normal(size=(3, 1, 5)))


@pytest.mark.parametrize(
    ("left", "right"), [((3,), (4,)), ((2, 3), (2,)), ((2, 3, 4), (3, 3)), ((0,), (2,))]
)
def test_shapes_that_do_not_fit_are_told_as_by_numpy(left: Any, right: Any) -> None:
    def add(a: Any, b: Any) -> Any:
        return a + b

    def put(a: Any, b: Any) -> None:
        a[:] = b

    def put_in_place(a: Any, b: Any) -> None:
        a += b

    for function in [add, put, put_in_place]:
        arguments = np.ones(left), np.ones(right)
        found, expected = (outcome(f, arguments) for f in (ungil.native(function), function))
        assert found == expected


def test_what_does_not_fit_in_place() -> None:
    def f(a: Any, b: Any) -> None:
        a += b

    arguments = np.ones((1, 3)), np.ones((2, 3))
    assert outcome(ungil.native(f), arguments) == outcome(f, arguments)
    fixed = np.ones(3)
    fixed.flags.writeable = False
    with pytest.raises(ValueError, match="output array is read-only"):
        ungil.native(f)(fixed, np.ones(3))


def times(a: Any, n: Any) -> Any:
    return a * n


def test_ints_do_not_wrap_around() -> None:
    native = ungil.native(times)
    assert native(np.array([5, -6], np.int8), 21).tolist() == [105, -126]
    with pytest.raises(OverflowError, match="does not fit into an element of type int8"):
        native(np.array([5, 7], np.int8), 21)
    with pytest.raises(OverflowError, match="Python integer 300 out of bounds for int8"):
        native(np.array([5, 7], np.int8), 300)
    with pytest.raises(OverflowError, match="does not fit into an int of 64 bits"):
        native(np.array([5, 2**61]), 4)
    assert ungil.native(wrap=True)(times)(np.array([2**61]), 8).tolist() == [0]


def test_ints_are_not_divided_by_zero_and_floats_are() -> None:
    def whole(a: Any, b: Any) -> Any:
        return a // b

    def part(a: Any, b: Any) -> Any:
        return a / b

    with pytest.raises(ZeroDivisionError):
        ungil.native(whole)(np.array([1, 2]), np.array([1, 0]))
    calculates(part, np.array([1, -2, 0]), np.array([0, 0, 0]))
    calculates(whole, np.array([1.0, -2.0, 0.0]), np.array([0.0, -0.0, 0.0]))


def test_types_of_results() -> None:
    def f(a: Any, b: Any) -> Any:
        return a + b

    def g(a: Any, b: Any) -> Any:
        return (a * 2.5 + b) / (b + 1)

    pairs = [
        "bool bool",
        "bool int8",
        "int8 uint8",
        "int32 float32",
        "uint8 float32",
        "int64 uint64",
    ]
    native, other = ungil.native(f), ungil.native(g)
    for pair in pairs:
        a, b = (np.ones(3, dtype) for dtype in pair.split())
        assert same(native(a, b), f(a, b)), pair
    a, b = np.ones(3, np.float32), np.ones(3, np.int16)
    assert same(other(a, b), g(a, b))


def test_what_a_call_changes_is_read_before_or_after_as_in_python(tmp_path: Path) -> None:
    text = """
import numpy as np
import ungil

@ungil.native
def zero(a):
    a[:] = 0
    return 1.0

@ungil.native
def f(a):
    return (a + 1) * zero(a) + a
"""
    file = tmp_path / "calls.py"
    file.write_text(text)
    module = loaded(file)
    assert module.f(np.ones(2)).tolist() == [2.0, 2.0]


def test_rows_in_a_parallel_loop() -> None:
    @ungil.native
    def f(m: Any, out: Any) -> None:
        for i in ungil.prange(len(m)):
            out[i] = m[i] * 2 - m[0]
            out[i, 1:] += m[i, :-1]

    m = np.random.default_rng(4).normal(size=(200, 17))
    out, expected = np.zeros_like(m), m * 2 - m[0]
    expected[:, 1:] += m[:, :-1]
    f(m, out)
    assert same(out, expected)


def writes_all(a: Any) -> Any:
    for i in ungil.prange(3):
        a[:] = i


def reads_neighbour(m: Any) -> Any:
    for i in ungil.prange(1, 3):
        m[i] = m[i - 1] + 1


def chained(a: Any) -> Any:
    return 0 < a < 1


def as_condition(a: Any) -> Any:
    if a > 0:
        return 1
    return 2


def floats_into_ints(a: Any) -> Any:
    b = np.zeros(3, np.int32)
    b[:] = a
    return b


def divided_in_place(a: Any) -> Any:
    b: Any = np.ones(3, np.int64)
    b /= a
    return b


def minus_bools(a: Any) -> Any:
    return (a > 1) - (a > 2)


def half_floats(a: Any) -> Any:
    return np.sqrt(a.astype(np.int8))


def keyword(a: Any) -> Any:
    return np.sqrt(a, out=a)


def bits(a: Any) -> Any:
    return a & 1


@pytest.mark.parametrize(
    ("function", "words", "remedy"),
    [
        (writes_all, "every iteration of a parallel loop writes the same element", "index it"),
        (reads_neighbour, "reads what another one writes", "write into another array"),
        (chained, "arrays are compared two at a time", r"write `\(a < b\) & \(b < c\)`"),
        (as_condition, "an array is no condition", r"`.any\(\)` or `.all\(\)`"),
        (floats_into_ints, "floats cannot be put into an array of ints", r"`.astype\(int32\)`"),
        (divided_in_place, "changes the type of the elements", "make a new array"),
        (minus_bools, "NumPy has no subtraction of bools", r"a \^ b"),
        (half_floats, "native code has `sqrt` of floats", r"`.astype\(float\)`"),
        (keyword, "no keyword arguments of `sqrt`", r"`out\[:\] = ...`"),
        (bits, "floats have no `&`", r"`.astype\(int\)`"),
    ],
)
def test_what_is_refused(function: Callable[..., Any], words: str, remedy: str) -> None:
    native: Any = ungil.native(function)
    dimensions = (3, 3) if function is reads_neighbour else 3
    with pytest.raises(ungil.native.Refused, match=f"(?s){words}.*help:.*{remedy}"):
        native.compile(np.ones(dimensions))


@pytest.mark.parametrize("size", [0, 3, 129, 4096, 5000, 100_003])
def test_sums_of_expressions_are_those_of_the_arrays_they_stand_for(size: int) -> None:
    def f(a: Any, b: Any) -> Any:
        return np.sum(a * b + 1), (a - b).mean(), (a > b).sum(), np.any(a > 2), (a * 0.5).prod()

    random = np.random.default_rng(size)
    a, b = random.normal(1, 0.1, size), random.normal(1, 0.1, size)
    native = ungil.native(f)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert repr(native(a, b)) == repr(tuple(one.item() for one in f(a, b)))
        a, b = a.astype(np.float32), b.astype(np.float32)
        assert repr(native(a, b)) == repr(tuple(one.item() for one in f(a, b)))


def test_sums_of_expressions_of_views() -> None:
    def f(m: Any, row: Any) -> Any:
        return (m * row).sum(), (m + row).max(), (m - 1).mean()

    random = np.random.default_rng(1)
    m, row = random.normal(size=(300, 40)), random.normal(size=17)
    view = m[:, 3:20]
    native = ungil.native(f)
    assert repr(native(view, row)) == repr(tuple(one.item() for one in f(view, row)))
    k = random.integers(-99, 99, (300, 34))[:, ::2]
    assert native(k, k[0]) == tuple(one.item() for one in f(k, k[0]))
    with pytest.raises(ValueError, match="zero-size array to reduction operation maximum"):
        native(m[:0], m[0])
    with pytest.raises(OverflowError, match="does not fit into an int of 64 bits"):
        native(np.full((2, 1), 2**62), np.ones(1, np.int64))

"""NumPy's functions of whole arrays in native code: the oracle is NumPy, to the last bit."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import ungil

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")

FOLDS: dict[str, Callable[..., Any]] = {}


def fold(function: Callable[..., Any]) -> Callable[..., Any]:
    FOLDS[function.__name__] = function
    return function


@fold
def total(a: Any) -> Any:
    return np.sum(a)


@fold
def mean(a: Any) -> Any:
    return a.mean()


@fold
def product(a: Any) -> Any:
    return a.prod()


@fold
def least(a: Any) -> Any:
    return np.min(a)


@fold
def most(a: Any) -> Any:
    return a.max()


@fold
def some(a: Any) -> Any:
    return np.any(a)


@fold
def every(a: Any) -> Any:
    return a.all()


DTYPES = ["float64", "float32", "bool", "int8", "int64", "uint16", "uint64"]
SHAPES = [(1,), (7,), (8,), (129,), (1000,), (20_000,), (3, 5), (40, 200), (7, 9, 11), (2, 3, 4, 9)]


def layouts(a: Any) -> list[Any]:
    """The array, and views of it whose elements lie otherwise."""
    last = a.shape[-1] // 2 + 1
    return [a, a[..., ::2], a[::-1], a.T, a[..., :last], a[..., ::-3], np.asfortranarray(a)]


def in_one_row(a: Any) -> bool:
    return bool(a.ndim == 1 or a.flags.c_contiguous or a.flags.f_contiguous)


def value(number: Any) -> Any:
    """A number as Python's; floats to the last bit, but for the sign of zero."""
    number = number.item() if isinstance(number, np.generic) else number
    return (type(number), (number + 0.0).hex() if isinstance(number, float) else number)


@pytest.mark.parametrize("name", FOLDS)
def test_whole_arrays_are_reduced_as_by_numpy(name: str) -> None:
    function, native = FOLDS[name], ungil.native(FOLDS[name])
    random = np.random.default_rng(7)
    for dtype in DTYPES:
        for shape in SHAPES:
            if dtype.startswith("float"):
                whole = random.normal(1.0, 1e-3 if name == "product" else 3.0, shape).astype(dtype)
            else:
                high = 2 if name in ("product", "every") or dtype == "bool" else 100
                whole = random.integers(0, high, shape).astype(dtype)
            for a in layouts(whole):
                found, expected = value(native(a)), value(function(a))
                # Of arrays in several rows, NumPy's own last bits differ from version to version.
                if in_one_row(a) or found[0] is not float:
                    assert found == expected, (dtype, a.shape, a.strides)
                else:
                    assert native(a) == pytest.approx(float(function(a)), rel=1e-5)


def test_nan_wins() -> None:
    a = np.array([1.0, np.nan, -5.0, 7.0])
    for name in ["least", "most", "total"]:
        assert np.isnan(ungil.native(FOLDS[name])(a))


@ungil.native
def sum_of(a: Any) -> Any:
    return a.sum()


@ungil.native
def product_of(a: Any) -> Any:
    return a.prod()


@ungil.native
def least_of(a: Any) -> Any:
    return a.min()


@ungil.native
def mean_of_part(a: Any, n: Any) -> Any:
    return np.mean(a[:n])


def test_ints_do_not_wrap_around() -> None:
    large = np.array([2**62, 2**62, -(2**62)])
    assert sum_of(large) == 2**62
    with pytest.raises(OverflowError, match="does not fit"):
        sum_of(large[:2])
    assert product_of(np.array([2**62, 4, 0])) == 0
    with pytest.raises(OverflowError, match="does not fit"):
        product_of(large)
    with pytest.raises(OverflowError, match="does not fit"):
        sum_of(np.array([2**64 - 1], np.uint64))


def test_of_nothing() -> None:
    empty = np.zeros((3, 0))
    assert (sum_of(empty), product_of(empty)) == (0.0, 1.0)
    assert np.isnan(mean_of_part(np.ones(3), 0))
    with pytest.raises(ValueError, match="zero-size array to reduction operation minimum"):
        least_of(empty)


@ungil.native
def dot(a: Any, b: Any) -> Any:
    return np.dot(a, b)


def test_dot_is_the_sum_of_the_products() -> None:
    random = np.random.default_rng(3)
    for size in [0, 1, 9, 5000]:
        a, b = random.normal(size=size), random.normal(size=2 * size)
        assert dot(a, b[::2]) == np.sum(a * b[::2])
        k = random.integers(-9, 9, size)
        assert (type(dot(k, k)), dot(k, k)) == (int, int(np.dot(k, k)))
        assert dot(a, k) == np.sum(a * k)
    with pytest.raises(ValueError, match=r"shapes \(3,\) and \(4,\) not aligned: 3 \(dim 0\)"):
        dot(np.ones(3), np.ones(4))


@ungil.native
def means_of_rows(m: Any, out: Any) -> Any:
    for i in ungil.prange(len(m)):
        out[i] = m[i].mean()
        m[i, 0] = 0.0


def test_rows_are_reduced_in_a_parallel_loop() -> None:
    m = np.random.default_rng(4).normal(size=(300, 17))
    expected, out = m.mean(axis=1), np.zeros(300)
    means_of_rows(m, out)
    assert out.tolist() == [row.mean() for row in [*m]] or np.allclose(out, expected)
    assert (m[:, 0] == 0).all()


def reads_all(a: Any) -> Any:
    for i in ungil.prange(len(a)):
        a[i] = a.sum()


def along_an_axis(a: Any) -> Any:
    return np.sum(a, axis=0)


def unknown(a: Any) -> Any:
    return np.median(a)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (reads_all, "an iteration of a parallel loop reads what another one writes"),
        (along_an_axis, "native code has no keyword arguments of `sum`"),
        (unknown, "native code has no `numpy.median`"),
    ],
)
def test_what_is_refused(function: Callable[..., Any], words: str) -> None:
    native: Any = ungil.native(function)
    with pytest.raises(ungil.native.Refused, match=words):
        native.compile(np.ones(4))

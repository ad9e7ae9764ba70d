"""Arrays and lists of complex numbers in native functions, bit by bit as CPython has them."""

import math
from typing import Any

import numpy as np
import pytest
import ungil

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")

PARTS = [0.0, -0.0, 1.5, -2.25, math.inf, math.nan, 1e300, 0.1]
NUMBERS = [complex(re, im) for re in PARTS for im in PARTS]


def bits(values: Any) -> list[tuple[str, str]]:
    return [(complex(z).real.hex(), complex(z).imag.hex()) for z in values]


def reversed_sums(a: Any, out: Any) -> Any:
    total = 0j
    for i in range(len(a)):
        total = total + a[-1 - i]
        out[i] = total
        out[i] += 1
    return total


@pytest.mark.parametrize("dtype", [np.complex128, np.complex64])
@pytest.mark.parametrize("step", [1, 2])
def test_elements_are_read_and_written(dtype: Any, step: int) -> None:
    a = np.repeat(np.array(NUMBERS[:20], dtype), step)[::step]
    out = np.zeros(20, dtype)
    expected: Any = [0j] * 20
    total = ungil.native(reversed_sums)(a, out)
    assert bits([total]) == bits([reversed_sums(a.tolist(), expected)])
    with np.errstate(all="ignore"):
        assert bits(out) == bits(np.array(expected, dtype))


def transposed(m: Any, out: Any, z: complex) -> Any:
    for i, row in enumerate(m):
        for j in range(m.shape[1]):
            out[j, i] = row[j].conjugate() * z
    out[0, 0] = 3
    out[0, 1] = True
    return out[-1, -1]


def test_two_dimensions_and_numbers_of_other_types() -> None:
    m = np.arange(6).reshape(2, 3) * (1 - 2j)
    native, python = np.zeros((3, 2), complex), np.zeros((3, 2), complex)
    assert ungil.native(transposed)(m, native, 2j) == transposed(m, python, 2j)
    assert (native == python).all()


@ungil.native
def mandelbrot(points: Any, out: Any) -> None:
    for i in ungil.prange(len(points)):
        z = 0j
        for n in range(50):
            z = z * z + points[i]
            if abs(z) > 2:
                out[i] = n + 1j
                break


def test_parallel_loops() -> None:
    points = np.linspace(-2 - 1j, 1 + 1j, 200)
    found, expected = np.zeros(200, complex), np.zeros(200, complex)
    mandelbrot(points, found)
    mandelbrot.__wrapped__(points.tolist(), expected)  # type: ignore[attr-defined]
    assert (found == expected).all()


@ungil.native
def created(n: int, z: complex) -> Any:
    a = np.zeros((n, 2), dtype=complex)
    b = np.full(2, z)
    c = np.ones(2, dtype=np.complex64)
    for i in range(n):
        a[i, 0] = b[0] * i
        a[i, 1] = c[1] + z
    return a


def test_arrays_of_complex_numbers_are_made() -> None:
    made = created(3, 0.1 + 2j)
    assert made.dtype == np.complex128
    assert made.tolist() == [[(0.1 + 2j) * i, 1.1 + 2j] for i in range(3)]
    assert (created(0, 1j)).shape == (0, 2)


def lists(z: complex, n: int) -> complex:
    found = [z, 1j]
    squares = [w * w for w in found]
    zeros = [0j] * n
    for i in range(n):
        found.append(z * i)
        found.insert(1, squares[i % 2])
        found[0] += found[-1]
        zeros[i] = found[i]
    total = found.pop(0) - found.pop()
    for w in found:
        total += w
    for w in reversed(zeros):
        total = total * 0.5 + w
    return total * len(found)


@pytest.mark.parametrize("z", NUMBERS[::9])
def test_lists(z: complex) -> None:
    native = ungil.native(lists)
    for n in range(4):
        assert bits([native(z, n)]) == bits([lists(z, n)])


def summed(a: Any) -> Any:
    return a.sum()


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(ungil.native.Refused, match="native code has no `sum` of complex arrays"):
        ungil.native(summed)(np.zeros(3, complex))
    with pytest.raises(ungil.native.Refused, match="a complex cannot be put into a 1-d float64"):
        ungil.native(reversed_sums)(np.zeros(3, complex), np.zeros(3))


def test_indices_are_checked() -> None:
    with pytest.raises(IndexError, match="index 3 is out of bounds"):
        ungil.native(reversed_sums)(np.zeros(4, complex), np.zeros(3, complex))

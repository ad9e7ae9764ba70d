"""`ungil.prange`: parallel loops in native code."""

import numpy as np
import pytest
import ungil

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")


@ungil.native
def integral(l: float, r: float, n: int) -> float:  # noqa: E741
    h = (r - l) / n
    result = 0.0
    for i in ungil.prange(n):
        x = l + i * h
        result += x * x * h
    return result


def test_a_sum_is_reduced() -> None:
    assert integral(0.0, 5.0, 1_000_000) == pytest.approx(5**3 / 3, rel=1e-4)

@ungil.native
def squares(a, out):
    for i in ungil.prange(len(a)):
        out[i] = a[i] * a[i]


def test_arrays_are_written() -> None:
    a = np.arange(100_000.0)
    out = np.zeros_like(a)
    squares(a, out)
    assert (out == a * a).all()

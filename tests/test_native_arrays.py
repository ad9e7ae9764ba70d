"""Arrays in native code: elements, bounds, views, layouts, buffers."""

import array
from typing import Any

import numpy as np
import pytest
import ungil

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")


@ungil.native
def dot(a: Any, b: Any) -> Any:
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@ungil.native
def matmul(a: Any, b: Any, c: Any) -> Any:
    n, m = a.shape
    p = b.shape[-1]
    for i in range(n):
        for j in range(p):
            c[i, j] = 0.0
            for k in range(m):
                c[i, j] += a[i, k] * b[k, j]


def test_contiguous_and_strided_arrays_give_the_same() -> None:
    a, b = np.random.default_rng(1).random((2, 60))
    expected = sum(x * y for x, y in zip(a.tolist(), b.tolist(), strict=True))
    assert dot(a, b) == pytest.approx(expected)
    assert dot(np.repeat(a, 3)[::3], np.ascontiguousarray(b[::-1])[::-1]) == dot(a, b)


def test_matrices_in_either_order() -> None:
    a, b = np.arange(12.0).reshape(3, 4), np.arange(20.0).reshape(4, 5)
    for left, right, out in [
        (a, b, np.empty((3, 5))),
        (np.asfortranarray(a), b, np.empty((5, 3)).T),
    ]:
        matmul(left, right, out)
        assert (out == a @ b).all()


@ungil.native
def element(a: Any, i: Any) -> Any:
    return a[i]


def test_negative_indices_and_bounds() -> None:
    a = np.array([1.0, 2.0, 3.0])
    assert [element(a, i) for i in range(-3, 3)] == [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]
    for i in (3, -4, 2**63 - 1, -(2**63)):
        with pytest.raises(IndexError, match=f"index {i} is out of bounds for an array of size 3"):
            element(a, i)


def test_what_is_read_from_each_type_is_pythons_number() -> None:
    for dtype in "?bhilqBHIL":
        value = element(np.array([0, 1], dtype), 1)
        assert value == 1
        assert type(value) is (bool if dtype == "?" else int)
    assert element(np.array([1.1], np.float32), 0) == float(np.float32(1.1))
    with pytest.raises(OverflowError):
        element(np.array([2**64 - 1], np.uint64), 0)


@ungil.native
def put(a: Any, i: Any, value: Any) -> Any:
    a[i] = value


def test_what_is_written_has_to_fit() -> None:
    small = np.zeros(2, np.int8)
    put(small, 1, -128)
    assert small.tolist() == [0, -128]
    with pytest.raises(OverflowError, match="128 does not fit into an element of type int8"):
        put(small, 0, 128)
    floats = np.zeros(2, np.float32)
    put(floats, 0, 7)
    put(floats, 1, 0.1)
    assert floats.tolist() == [7.0, float(np.float32(0.1))]


def test_read_only_arrays_are_read_and_not_written_to() -> None:
    frozen = np.ones(3)
    frozen.flags.writeable = False
    assert element(frozen, 0) == 1.0
    with pytest.raises(ValueError, match="read-only"):
        put(frozen, 0, 2.0)
    with pytest.raises(ValueError, match="read-only"):
        put(memoryview(b"abc"), 0, 1)


def test_any_buffer_is_an_array() -> None:
    assert element(bytearray(b"abc"), 0) == 97
    assert element(array.array("d", [0.5]), 0) == 0.5
    assert element(memoryview(b"abcd")[::2], 1) == 99


@ungil.native
def shifted(a: Any) -> Any:
    """The neighbours' sum: checked before the loop where it can be."""
    for i in range(1, len(a)):
        a[i] = a[i] + a[i - 1]


@ungil.native
def writes_until_it_fails(a: Any, n: Any) -> Any:
    for i in range(n):
        a[i] = i


def test_what_was_written_before_a_failure_stays() -> None:
    a = np.full(4, -1)
    with pytest.raises(IndexError):
        writes_until_it_fails(a, 6)
    assert a.tolist() == [0, 1, 2, 3]
    b = np.ones(5, int)
    shifted(b)
    assert b.tolist() == [1, 2, 3, 4, 5]


@ungil.native
def from_the_end(a: Any) -> Any:
    total = 0
    for i in range(-len(a), len(a)):
        total = total * 10 + a[i]
    return total


def test_a_loop_may_run_over_negative_indices() -> None:
    assert from_the_end(np.array([1, 2, 3])) == 123123


@ungil.native
def digest(a: Any, start: Any, stop: Any, step: Any) -> Any:
    part = a[start:stop:step]
    total = 0
    for x in part:
        total = total * 7 % 1000003 + x
    return total * 100 + len(part)


def test_slices_are_pythons() -> None:
    a = np.arange(1, 8)

    def expected(start: int, stop: int, step: int) -> int:
        part, total = a.tolist()[start:stop:step], 0
        for x in part:
            total = total * 7 % 1000003 + x
        return total * 100 + len(part)

    ends = [*range(-10, 11), 2**63 - 1, -(2**63)]
    for start in ends:
        for stop in ends:
            for step in (-8, -2, -1, 1, 3, 9, 2**63 - 1, -(2**63)):
                assert digest(a, start, stop, step) == expected(start, stop, step)
    with pytest.raises(ValueError, match="slice step cannot be zero"):
        digest(a, 0, 1, 0)


@ungil.native
def clear_column(m: Any, j: Any) -> Any:
    column = m[:, j]
    for i in range(len(column)):
        column[i] = 0.0


@ungil.native
def sums(m: Any, out: Any) -> Any:
    for i, row in enumerate(m):
        for x in row:
            out[i] += x


def test_views_share_their_arrays_memory() -> None:
    m = np.ones((3, 4))
    clear_column(m, 1)
    out = np.zeros(3)
    sums(m, out)
    assert out.tolist() == [3.0, 3.0, 3.0]


@ungil.native
def pairs(a: Any, b: Any) -> Any:
    total = 0.0
    for x, y in zip(a, b, strict=False):
        total += x * y
    for x in reversed(a):
        total = total * 0.5 + x
    return total


def test_zip_ends_with_the_shorter_and_reversed_begins_at_the_end() -> None:
    assert pairs(np.array([1.0, 2.0]), np.array([3.0, 4.0, 5.0])) == (11 * 0.5 + 2) * 0.5 + 1


def test_an_array_of_nothing() -> None:
    assert dot(np.empty(0), np.empty(0)) == 0.0
    with pytest.raises(IndexError):
        element(np.empty(0), 0)


@ungil.native
def grow(a: Any) -> int:
    total = 0
    for x in a:
        total += x
    return total


def test_an_array_is_held_while_native_code_has_it() -> None:
    data = bytearray(range(10))
    assert grow(data) == 45
    data.append(1)  # released again
    assert grow(data) == 46


def test_checks_of_bounds_move_before_the_loop() -> None:
    dot(np.ones(3), np.ones(3))
    report = ungil.native.report(dot)
    assert report.specialisations[0].checks_before_loops == 2
    assert "2 before loops" in str(report)

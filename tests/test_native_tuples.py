"""Tuples in native code: literals, unpacking, results, comparison."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import ungil

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")


def min_and_max(a: Any) -> Any:
    low, high = a[0], a[0]
    for x in a:
        low, high = min(low, x), max(high, x)
    return low, high


def nested(n: Any) -> Any:
    point = (n, (n / 2, n > 3), -n)
    a, (b, c), d = point
    return point[1], d, (b, a), point[-3], c, ()


def chosen(n: Any) -> Any:
    best = (0, 0.5)
    for i in range(n):
        candidate = (i * 7 % 5, i * 0.25)
        if best < candidate != (1, 0.25):
            best = candidate
    return best if n != 4 else (best[0] + 1, best[1])


def through_functions(n: Any) -> Any:
    quotient, rest = divmod(n, 3)
    pair = divmod(n / 2, 0.75)
    return swapped((quotient, rest)) + 0.5, swapped(pair)


@ungil.native
def swapped(pair: Any) -> Any:
    first, second = pair
    return second * 10 + first


def sizes(n: Any) -> Any:
    t = (n, n + 1, n + 2)
    total = 0
    for x in t:
        total = total * 10 + x
    [a, b, c] = t
    return len(t), total, a + b * c


def truths(n: Any) -> Any:
    t = (n,)
    e = ()
    return (1 if t else 0, 1 if e else 0, not e)


def members(n: Any) -> Any:
    t = (n * 2, 1.5, 3)
    return (n in (1, 4, 9), n not in t, 1.5 in t, n / 2 in (0.5, 7))


FUNCTIONS = [members, nested, chosen, through_functions, sizes, truths]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_tuples_do_what_pythons_do(function: Callable[[Any], Any]) -> None:
    native = ungil.native(function)
    for n in (0, 1, 3, 4, 9, -5):
        expected, found = function(n), native(n)
        assert repr(found) == repr(expected), n


def test_a_result_of_two_numbers() -> None:
    assert ungil.native(min_and_max)(np.array([3.0, -1.5, 8.0])) == (-1.5, 8.0)


def compared(s: Any, t: Any) -> Any:
    return (s == t, s != t, s < t, s <= t, s > t, s >= t)


TUPLES = [(1, 2), (1, 3), (0, 9), (1.0, 2.0), (True, 2), (1,), (1, 2, 0), (2, (1, 2)), (2, (1, 3))]
TUPLES += [(2**53 + 1, 0.5), (2.0**53, 0.5), (-0.0, 0), (math.inf, 1), ()]


def test_comparison_is_pythons() -> None:
    native = ungil.native(compared)
    for s in TUPLES:
        for t in TUPLES:
            nested = [any(isinstance(x, tuple) for x in u) for u in (s, t)]
            if nested[0] == nested[1]:
                assert native(s, t) == compared(s, t), (s, t)


def test_two_nans_at_one_place_are_an_error_as_their_identity_is_not_known() -> None:
    native = ungil.native(compared)
    assert native((math.nan, 1.0), (1.0, 1.0)) == compared((math.nan, 1.0), (1.0, 1.0))
    with pytest.raises(ValueError, match="two NaNs are compared"):
        native((math.nan, 1.0), (math.nan, 1.0))


@ungil.native
def shifted(point: tuple[float, float], by: tuple[int, float]) -> tuple[float, float]:
    x, y = point
    return x + by[0], y + by[1]


@ungil.native
def twice(n: int) -> tuple[float, float]:
    if n < 5:
        return shifted((n, 2), (True, 1))
    return (n, n)


def test_annotations_convert_items_and_wrong_tuples_are_named() -> None:
    assert repr(shifted((1, 2.5), (3, 4))) == "(4.0, 6.5)"
    assert repr((twice(1), twice(6))) == "((2.0, 3.0), (6.0, 6.0))"
    for bad, message in [
        ((1.0,), r"'point': expected tuple\[float, float\], got a tuple of 1 items"),
        ((1.0, "x"), r"'point\[1\]': expected float, got str"),
        (3.0, r"'point': expected tuple\[float, float\], got float"),
    ]:
        with pytest.raises(TypeError, match=message):
            shifted(bad, (1, 1.0))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"'s\[0\]': expected a number, a text or an array"):
        ungil.native(compared)(({},), (1,))


def variable_index(t: Any, i: Any) -> Any:
    return t[i]


def out_of_range(t: Any, i: Any) -> Any:
    return t[5]


def too_many(t: Any, i: Any) -> Any:
    a, b, c = t
    return a, b, c


def two_lengths(t: Any, i: Any) -> Any:
    s = (1, 2)
    if i:
        s = (1, 2, 3)  # type: ignore[assignment]
    return s


def added(t: Any, i: Any) -> Any:
    return t + t


REFUSALS = [
    (variable_index, "indexed by a constant", "use a list"),
    (out_of_range, "tuple index out of range", "has 2 items"),
    (too_many, "2 values cannot be unpacked into 3 targets", "3 targets"),
    (two_lengths, "`s` can have two types here", r"tuple\[int, int, int\]"),
    (added, "native code has no `\\+` of these", "tuple"),
]


@pytest.mark.parametrize(("function", "title", "more"), REFUSALS)
def test_what_tuples_cannot_do_is_refused(
    function: Callable[..., Any], title: str, more: str
) -> None:
    with pytest.raises(ungil.native.Refused, match=rf"(?s){title}.*{more}"):
        ungil.native(function)((1, 2), 1)

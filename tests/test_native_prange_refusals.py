"""What a parallel loop cannot do: data races that can be seen, values carried on."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import ungil
from ungil import prange

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")


def prefix_sum(a: Any, b: Any, k: Any) -> Any:
    total = 0.0
    for i in prange(len(a)):
        total += a[i]
        b[i] = total


def recurrence(a: Any, b: Any, k: Any) -> Any:
    x = 0.5
    for i in prange(len(a)):
        x = a[i] * x * x
    return x


def sometimes_assigned(a: Any, b: Any, k: Any) -> Any:
    for i in prange(len(a)):
        if a[i] > 0:
            x = a[i]
        b[i] = x


def last_value(a: Any, b: Any, k: Any) -> Any:
    for i in prange(len(a)):
        x = a[i]
    return x


def two_kinds(a: Any, b: Any, k: Any) -> Any:
    total = 1.0
    for i in prange(len(a)):
        total += a[i]
        total *= b[i]
    return total


def min_the_other_way(a: Any, b: Any, k: Any) -> Any:
    least = 1.0
    for i in prange(len(a)):
        least = min(a[i], least)
    return least


def and_of_ints(a: Any, b: Any, k: Any) -> Any:
    x = 1
    for i in prange(len(a)):
        x = x and k[i]
    return x


def may_be_unbound(a: Any, b: Any, k: Any) -> Any:
    if len(a) > 1:
        total = 0.0
    for i in prange(len(a)):
        total += a[i]
    return total


def same_element(a: Any, b: Any, k: Any) -> Any:
    for i in prange(len(a)):
        b[0] += a[i]


def same_elements_in_an_inner_loop(a: Any, b: Any, k: Any) -> Any:
    for i in prange(len(a)):
        for j in range(len(b)):
            b[j] = a[i]


def neighbour(a: Any, b: Any, k: Any) -> Any:
    for i in prange(len(a) - 1):
        a[i] = a[i + 1] * 0.5


def neighbour_with_other_names(a: Any, b: Any, k: Any) -> Any:
    for i in prange(len(a) - 4):
        j = i + 3
        a[j - 2] = a[2 + i] * 0.5


def first_element(a: Any, b: Any, k: Any) -> Any:
    for i in prange(len(a)):
        a[i] = a[0] * 0.5


def rows(a: Any, b: Any, k: Any) -> Any:
    m = b
    for i in prange(1, len(m)):
        above = m[i - 1 :]
        m[i] = above[0]


def histogram(a: Any, b: Any, k: Any) -> Any:
    for i in prange(len(a)):
        b[k[i]] += 1


def leaves(a: Any, b: Any, k: Any) -> Any:
    for i in prange(len(a)):
        for j in range(9):
            if a[j] > 0:
                break
        if a[i] > 0:
            break


def returns(a: Any, b: Any, k: Any) -> Any:
    for i in prange(len(a)):
        if a[i] > 0:
            return 1
    return 0


def two_names(a: Any, b: Any, k: Any) -> Any:
    for i, j in enumerate(prange(len(a))):
        b[i] = j


def unknown_order(a: Any, b: Any, k: Any) -> Any:
    total = 0.0
    for i in prange(len(a), ordered=len(b)):  # type: ignore[arg-type]
        total += a[i]
    return total


def no_loop(a: Any, b: Any, k: Any) -> Any:
    x = prange(3)
    return x


def appends(a: Any, b: Any, k: Any) -> Any:
    found = [0]
    for i in prange(len(a)):
        found.append(i)
    return len(found)


def another_name(a: Any, b: Any, k: Any) -> Any:
    found = [0] * 9
    for i in prange(len(a)):
        alias = found
        b[i] = alias[i]


NEXT = "goes from one iteration of a parallel loop to the next"

REFUSED: list[tuple[Callable[..., Any], str, str]] = [
    (prefix_sum, f"`total` {NEXT}", "but for this, `total` would be a reduction"),
    (recurrence, f"`x` {NEXT}", "give `x` a value in the iteration before it is used"),
    (sometimes_assigned, f"`x` {NEXT}", "would be what another iteration has left"),
    (last_value, "`x` has no certain value after the parallel loop", "make it a reduction"),
    (two_kinds, f"`total` {NEXT}", "reductions are `x += ...`"),
    (min_the_other_way, f"`least` {NEXT}", "`x = min(x, ...)`"),
    (and_of_ints, "`x` is no reduction that there is", "`and` and `or` reduce bools"),
    (may_be_unbound, "`total` may have no value before this loop", "on every way"),
    (same_element, "writes the same element", "does not depend on `i`"),
    (same_elements_in_an_inner_loop, "writes the same element", "index it with `i`"),
    (neighbour, "reads what another one writes", "there it is written"),
    (neighbour_with_other_names, "reads what another one writes", "a[2 + i]"),
    (first_element, "reads what another one writes", "write into another array"),
    (rows, "reads what another one writes", "use a plain `range`"),
    (histogram, "can change the same element", "it may come up twice"),
    (leaves, "a parallel loop has no `break`", "`continue` ends one"),
    (returns, "a parallel loop has no `return`", "other iterations"),
    (two_names, "native code cannot iterate over this", "for i in ungil.prange"),
    (unknown_order, "`ordered` has to be a constant", "neither `True` nor `False`"),
    (appends, "only read the items of a list", "something else with `found`"),
    (another_name, "only read the items of a list", "write to an array instead"),
    (no_loop, "`prange` is the head of a parallel loop", "for i in ungil.prange"),
]


@pytest.mark.parametrize(
    ("function", "title", "words"), REFUSED, ids=[function.__name__ for function, _, _ in REFUSED]
)
def test_is_refused(function: Callable[..., Any], title: str, words: str) -> None:
    native: Any = ungil.native(function)
    with pytest.raises(ungil.native.Refused) as caught:
        native.compile(np.ones(9), np.ones(9), np.zeros(9, np.int64))
    assert title in str(caught.value).splitlines()[0]
    assert words in str(caught.value)


def odd_and_even(a: Any, b: Any, k: Any) -> Any:
    for i in prange(4):
        a[2 * i] = a[2 * i + 1]


def steps(a: Any, b: Any, k: Any) -> Any:
    for i in prange(0, len(a) - 1, 2):
        a[i] = a[i + 1]


def from_outside_of_the_range(a: Any, b: Any, k: Any) -> Any:
    for i in prange(1, len(a)):
        a[i] += a[0]


def elimination(a: Any, b: Any, k: Any) -> Any:
    for step in range(len(a)):
        for i in prange(step + 1, len(a)):
            a[i] -= a[step]


def blocks(a: Any, b: Any, k: Any) -> Any:
    for begin in prange(0, len(a), 3):
        for i in range(begin, begin + 3):
            a[i] += 1


def permuted(a: Any, b: Any, k: Any) -> Any:
    for i in prange(len(a)):
        b[k[i]] = a[i]


def both_shifted(a: Any, b: Any, k: Any) -> Any:
    shift = len(b) - 9
    for i in prange(8):
        a[i + shift] += b[i + shift] * a[shift + i]


def lists(a: Any, b: Any, k: Any) -> Any:
    weights = [float(j) for j in range(len(a))]
    for i in prange(len(a)):
        own = [1.0]
        for j in range(i):
            own.append(weights[j] + len(weights))
        b[i] = own[-1]


FINE = [
    lists,
    odd_and_even,
    steps,
    from_outside_of_the_range,
    elimination,
    blocks,
    permuted,
    both_shifted,
]


@pytest.mark.parametrize("function", FINE, ids=lambda function: function.__name__)
def test_is_no_race(function: Callable[..., Any]) -> None:
    def arguments() -> tuple[Any, ...]:
        return np.arange(9.0), np.arange(9.0) ** 2, np.arange(9)[::-1].copy()

    found, expected = arguments(), arguments()
    ungil.native(function)(*found)
    function(*expected)
    assert [one.tolist() for one in found] == [one.tolist() for one in expected]

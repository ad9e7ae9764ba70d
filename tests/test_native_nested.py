"""Functions inside of native functions: closures over what variables hold at the call."""

import traceback
from collections.abc import Callable
from typing import Any

import pytest
import ungil

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")


def late_binding(n: Any) -> Any:
    scale = 2

    def scaled(x: Any, plus: int = 1) -> Any:
        return x * scale + plus

    first = scaled(n)
    scale = 10
    return first * 1000 + scaled(n, plus=-3)


def siblings(n: Any) -> Any:
    base: int = n + 1

    def inner(x: int) -> int:
        return x + base

    def outer(x: int) -> int:
        base2 = 3

        def innermost(y: int) -> int:
            return inner(y) * base2 + x

        return innermost(x) + inner(1)

    base += 5
    return outer(n) + inner(2)


def recursive(n: Any) -> Any:
    limit = 3

    def ways(k: int) -> int:
        if k <= limit:
            return 1
        return ways(k - 1) + ways(k - 2)

    return ways(n)


def of_arguments(n: Any) -> Any:
    xs = [0.5] * 3

    def add(i: int, x: float) -> None:
        xs[i] += x

    def total() -> float:
        s = 0.0
        for x in xs:
            s += x
        return s

    for i in range(n):
        add(i % 3, i * 0.25)
    return total(), xs[1]


def chosen(n: Any) -> Any:
    def twice(x: Any) -> Any:
        return x * 2

    use = twice
    return use(n), twice(n / 2), [twice(i) for i in range(3)][2]


@pytest.mark.parametrize("function", [late_binding, siblings, recursive, of_arguments, chosen])
def test_inner_functions_do_what_pythons_do(function: Callable[[Any], Any]) -> None:
    native = ungil.native(function)
    for n in (0, 1, 2, 9):
        assert native(n) == function(n), n


STEP = 3


@ungil.native
def over_globals(n: int) -> int:
    def plus(x: int) -> int:
        return x + STEP

    return plus(n)


def test_an_inner_function_notices_a_changed_global() -> None:
    global STEP
    assert over_globals(1) == 4
    STEP = 40
    try:
        assert over_globals(1) == 41
    finally:
        STEP = 3


def divides(n: Any) -> Any:
    unit = 7

    def ratio(k: int) -> int:
        return unit // k

    return ratio(n)


def test_a_traceback_has_the_inner_function_too() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        ungil.native(divides)(0)
    frames = traceback.extract_tb(caught.value.__traceback__)[1:]
    assert [(frame.name, frame.line) for frame in frames] == [
        ("divides", "return ratio(n)"),
        ("ratio", "return unit // k"),
    ]
    assert [(frame.colno, frame.end_colno) for frame in frames] == [(11, 19), (15, 24)]
    trace = caught.value.__traceback__
    while trace is not None:
        # Looking at the variables of these frames does no harm.
        assert trace.tb_frame.f_locals is not None
        trace = trace.tb_next


def too_early(n: Any) -> Any:
    y = later(n)  # type: ignore[used-before-def]  # noqa: F821

    def later(x: Any) -> Any:
        return x

    return y


def decorated(n: Any) -> Any:
    @ungil.native
    def inner(x: Any) -> Any:
        return x

    return inner(n)


def assigns_outside(n: Any) -> Any:
    total = 0

    def add(x: Any) -> None:
        nonlocal total
        total += x

    try:  # noqa: SIM105
        add(n)
    except ValueError:
        pass
    return total


def given_back(n: Any) -> Any:
    def inner(x: Any) -> Any:
        return x + n

    return inner


def passed(n: Any) -> Any:
    def inner(x: Any) -> Any:
        return x + n

    def apply(f: Any, x: Any) -> Any:
        return f(x)

    return apply(inner, n)


REFUSALS = [
    (too_early, "`later` has no value here", "give `later` a value before"),
    (decorated, "has no decorators", "leave it out"),
    (assigns_outside, "is not called within `try`", "return the new value"),
    (given_back, "cannot return a function", "call it here"),
    (passed, "native code passes no functions", "in this call"),
]


@pytest.mark.parametrize(("function", "title", "more"), REFUSALS)
def test_what_inner_functions_cannot_do_is_refused(
    function: Callable[[Any], Any], title: str, more: str
) -> None:
    with pytest.raises(ungil.native.Refused, match=rf"(?s){title}.*{more}"):
        ungil.native(function)(1)

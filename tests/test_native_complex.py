"""Complex numbers in native code: bit by bit as this Python has them."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import ungil

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")

FLOATS = [0.0, -0.0, 1.5, -2.0, 1e200, float("inf"), float("-inf"), float("nan")]
COMPLEX = [complex(x, y) for x in FLOATS for y in FLOATS] + [0.1 + 0.3j, -7e-300 + 1e-310j]
REALS = [*FLOATS, 0.1, 3, -1, 2**53 + 1, True]


def outcome(function: Callable[..., Any], *arguments: Any) -> tuple[Any, ...]:
    try:
        return ("returned", repr(function(*arguments)))
    except (ZeroDivisionError, OverflowError) as error:
        return ("raised", type(error), str(error))


def add(a: Any, b: Any) -> Any:
    return a + b


def subtract(a: Any, b: Any) -> Any:
    return a - b


def multiply(a: Any, b: Any) -> Any:
    return a * b


def divide(a: Any, b: Any) -> Any:
    return a / b


def equal(a: Any, b: Any) -> Any:
    return (a == b, a != b)


BINARY = [add, subtract, multiply, divide, equal]


@pytest.mark.parametrize("function", BINARY)
def test_operators_are_pythons(function: Callable[..., Any]) -> None:
    native = ungil.native(function)
    pairs = [*itertools.product(COMPLEX, COMPLEX), *itertools.product(COMPLEX, REALS)]
    for a, b in [*pairs, *itertools.product(REALS, COMPLEX)]:
        assert outcome(native, a, b) == outcome(function, a, b), (a, b)


def powers(z: Any, n: Any) -> Any:  # noqa: PLR0911
    if n == 0:
        return z**0
    if n == 1:
        return z**1
    if n == 2:
        return z**2
    if n == 3:
        return pow(z, 7)
    if n == 4:
        return z**-1
    if n == 5:
        return z**-6
    return z**100


@pytest.mark.parametrize("n", range(7))
def test_powers_are_pythons(n: int) -> None:
    native = ungil.native(powers)
    for z in COMPLEX:
        assert outcome(native, z, n) == outcome(powers, z, n), z


def pieces(z: Any) -> Any:
    truth = True if z else False  # noqa: SIM210
    return (-z, +z, z.conjugate(), z.real, z.imag, truth, bool(z), complex(z), 2j * z)


def magnitude(z: Any) -> Any:
    return abs(z)


@pytest.mark.parametrize("function", [pieces, magnitude])
def test_functions_are_pythons(function: Callable[[Any], Any]) -> None:
    native = ungil.native(function)
    for z in [*COMPLEX, complex(1.5e308, 1.5e308)]:
        assert outcome(native, z) == outcome(function, z), z


UNIT = 0.5 - 1j


@ungil.native
def rounds(re: float, im: float, limit: int) -> tuple[int, complex]:
    c = complex(re, im)
    z = 0j
    for k in range(limit):
        if abs(z) > 2:
            return k, z
        z = z * z + c
        z += UNIT - UNIT
    return limit, z


def test_the_mandelbrot_set() -> None:
    for re, im in itertools.product([-2.0, -0.75, 0.3, 1.0], [-1.0, 0.0, 0.1]):
        assert rounds(re, im, 50) == rounds.__wrapped__(re, im, 50)  # type: ignore[attr-defined]


@ungil.native
def takes(z: complex, k: int = 0) -> complex:
    if k:
        return k
    return z


def test_real_numbers_are_taken_where_complex_is_annotated() -> None:
    assert repr([takes(2), takes(-0.0), takes(1 - 0j), takes(0, 7)]) == repr(
        [2 + 0j, complex(-0.0, 0.0), 1 - 0j, 7 + 0j]
    )
    with pytest.raises(TypeError, match="'z': expected complex, got str"):
        takes("1j")  # type: ignore[arg-type]


def ordered(z: Any) -> Any:
    return z < 1


def floored(z: Any) -> Any:
    return z // 2


def to_a_fraction(z: Any) -> Any:
    return z**0.5


def as_float(z: Any) -> Any:
    return float(z)


REFUSALS = [
    (ordered, "complex numbers have no order", "compare `abs"),
    (floored, "complex numbers have no `//`", "`.real`"),
    (to_a_fraction, "complex powers are by whole numbers", "exponent as a number"),
    (as_float, "`float` takes numbers here", "a complex"),
]


@pytest.mark.parametrize(("function", "title", "more"), REFUSALS)
def test_what_complex_numbers_cannot_do_is_refused(
    function: Callable[[Any], Any], title: str, more: str
) -> None:
    with pytest.raises(ungil.native.Refused, match=rf"(?s){title}.*{more}"):
        ungil.native(function)(1j)

"""Numbers of fixed width: what does not fit is an error where it is passed, assigned, returned."""

import struct
from collections.abc import Callable
from typing import Any

import pytest
import ungil
import ungil.types as widths
from ungil.types import float32, int8, uint8, uint64

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")


@ungil.native
def takes(x: int8, y: "uint8", z: "ungil.types.uint64" = 7) -> int:
    return x * 1000 + y + z


@ungil.native
def assigns(n: int) -> int:
    x: int8 = n
    x += 1
    for x in range(n, n + 3):  # noqa: B007
        pass
    return x


@ungil.native
def returns(n: int) -> widths.uint16:
    return n * n


@ungil.native
def passes_on(n: int) -> int:
    return takes(n, 1)


CASES: list[tuple[Callable[..., Any], tuple[int, ...], int | str]] = [
    (takes, (-128, 255), -128000 + 262),
    (takes, (128, 0), "128 does not fit into an int8"),
    (takes, (0, -1), "-1 does not fit into a uint8"),
    (takes, (0, 0, -1), "-1 does not fit into a uint64"),
    (takes, (0, 0, 2**63 - 1), 2**63 - 1),
    (assigns, (125,), 127),
    (assigns, (126,), "128 does not fit into an int8"),
    (assigns, (127,), "128 does not fit into an int8"),
    (assigns, (300,), "300 does not fit into an int8"),
    (returns, (-255,), 65025),
    (returns, (256,), "65536 does not fit into a uint16"),
    (passes_on, (127,), 127008),
    (passes_on, (-129,), "-129 does not fit into an int8"),
]


@pytest.mark.parametrize(("function", "arguments", "expected"), CASES)
def test_what_fits_is_a_plain_int_and_what_does_not_is_an_error(
    function: Callable[..., Any], arguments: tuple[int, ...], expected: int | str
) -> None:
    if isinstance(expected, int):
        assert function(*arguments) == expected
        return
    with pytest.raises(OverflowError, match=expected) as caught:
        function(*arguments)
    assert str(caught.traceback[-1].path).endswith("test_native_widths.py")


@ungil.native
def rounded(x: float32, n: int) -> tuple[float, float]:
    y: float32 = 0
    for _ in range(n):
        y = y + x
    return x, y


def test_float32_rounds_where_it_is_passed_and_assigned() -> None:
    def short(x: float) -> float:
        value: float = struct.unpack("f", struct.pack("f", x))[0]
        return value

    for x in (0.1, -1e-40, 1e30, 3.0):
        y = 0.0
        for _ in range(100):
            y = short(y + short(x))
        assert rounded(x, 100) == (short(x), y)


def test_an_operation_on_them_has_64_bits() -> None:
    assert takes(1, 200, 2**40) == 2**40 + 1200


def test_every_width_can_be_named() -> None:
    assert {name for name in widths.__all__ if getattr(widths, name).__metadata__} == {
        *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
        "float32",
        "float64",
    }
    assert uint64.__metadata__[0].name == "uint64"  # type: ignore[attr-defined]

"""`@ungil.native`: the lecture's function, Python's meaning, calls, constants, Ctrl-C, threads."""

import functools
import inspect
import math
import pickle
import signal
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import ungil

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")


def integrate_python(l: float, r: float, n_steps: int) -> float:  # noqa: E741
    h = (r - l) / n_steps
    result = 0
    for i in range(n_steps):
        x = l + i * h
        result += x**2 * h  # type: ignore[assignment]
    return result


integrate_square = ungil.native(integrate_python)


def test_the_lectures_integral_is_pythons_bit_by_bit() -> None:
    assert integrate_square(0.0, 5.0, 10_000) == integrate_python(0.0, 5.0, 10_000)


def test_the_lectures_master_on_threads_gives_the_integral() -> None:
    def master(n_jobs: int) -> float:
        edges = [5 * job / n_jobs for job in range(n_jobs + 1)]
        with ungil.ThreadPoolExecutor(n_jobs) as pool:
            parts = pool.map(
                functools.partial(integrate_square, n_steps=200_000), edges[:-1], edges[1:]
            )
            return sum(parts)

    for n_jobs in range(1, 10):
        assert master(n_jobs) == pytest.approx(5**3 / 3, rel=1e-4)


def same(found: object, expected: object) -> bool:
    if type(found) is not type(expected):
        return False
    if isinstance(found, float) and isinstance(expected, float):
        return struct.pack("d", found) == struct.pack("d", expected) or (
            math.isnan(found) and math.isnan(expected)
        )
    return found == expected


def outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    try:
        return ("returned", function(*arguments))
    except Exception as error:
        return ("raised", type(error), error.args)


INTS = [
    0,
    1,
    -1,
    2,
    3,
    -7,
    10,
    63,
    2**31,
    2**53,
    2**53 + 1,
    -(2**53) - 1,
    2**62,
    2**63 - 1,
    -(2**63),
]
FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, 1e300, -1e300, 5e-324, 2.0**53, 2.0**63]
FLOATS += [float("inf"), float("-inf"), float("nan")]
NUMBERS: list[Any] = [*INTS, *FLOATS, True, False]


def divide(a: Any, b: Any) -> Any:
    return a / b


def floor_divide(a: Any, b: Any) -> Any:
    return a // b


def modulo(a: Any, b: Any) -> Any:
    return a % b


def compare(a: Any, b: Any) -> Any:
    return (a < b) + 2 * (a <= b) + 4 * (a == b) + 8 * (a != b) + 16 * (a > b) + 32 * (a >= b)


def quotient_and_rest(a: Any, b: Any) -> Any:
    q, r = divmod(a, b)
    return q if q > 1 else r


BINARY = [divide, floor_divide, modulo, compare]


@pytest.mark.parametrize("function", BINARY)
def test_arithmetic_of_all_pairs_of_numbers_is_pythons(function: Callable[..., Any]) -> None:
    native = ungil.native(function)
    for a in NUMBERS:
        for b in NUMBERS:
            expected = outcome(function, (a, b))
            if isinstance(expected[1], int) and not -(2**63) <= expected[1] < 2**63:
                expected = (
                    "raised",
                    OverflowError,
                    ("the result does not fit into an int of 64 bits",),
                )
            found = outcome(native, (a, b))
            assert found[0] == expected[0], (a, b)
            assert same(found[1], expected[1]), (a, b)
            assert found[2:] == expected[2:], (a, b)


def square(a: Any) -> Any:
    return a**2


def to_int(a: Any) -> Any:
    return int(a)


def rounded(a: Any) -> Any:
    return round(a)


@pytest.mark.parametrize("function", [square, to_int, rounded])
def test_functions_of_floats_are_pythons(function: Callable[..., Any]) -> None:
    native = ungil.native(function)
    for x in [*FLOATS, *(k / 7 for k in range(-2000, 2000)), 1e154, 1e155, -3e-170]:
        expected, found = outcome(function, (x,)), outcome(native, (x,))
        if isinstance(expected[1], int) and not -(2**63) <= expected[1] < 2**63:
            assert found[:2] == ("raised", OverflowError)
        else:
            assert found[0] == expected[0], x
            assert same(found[1], expected[1]), x


def all_of_math(x: Any, which: Any) -> Any:  # noqa: PLR0911
    if which == 0:
        return math.sqrt(x)
    if which == 1:
        return math.exp(x)
    if which == 2:
        return math.log(x)
    if which == 3:
        return math.sin(x)
    if which == 4:
        return math.acos(x)
    if which == 5:
        return math.atanh(x)
    if which == 6:
        return math.log1p(x)
    if which == 7:
        return math.erf(x)
    if which == 8:
        return math.cosh(x)
    return math.fmod(x, 3.0)


@pytest.mark.parametrize("which", range(10))
def test_math_gives_pythons_values_and_errors(which: int) -> None:
    native = ungil.native(all_of_math)
    for x in [*FLOATS, 710.0, -746.0, 0.3, -0.7, 12.9]:
        expected, found = outcome(all_of_math, (x, which)), outcome(native, (x, which))
        assert found[0] == expected[0], x
        assert same(found[1], expected[1]), x
        assert found[2:] == expected[2:], x


def last_counter(n: Any) -> Any:
    for i in range(n):
        if i == 7:
            break
        if i % 2:
            continue
    else:
        i += 100
    return i


def test_loops_else_and_unbound_variables() -> None:
    native = ungil.native(last_counter)
    assert [native(n) for n in (1, 4, 20)] == [100, 103, 7]
    with pytest.raises(UnboundLocalError, match="'i'"):
        native(0)


def steps(start: Any, stop: Any, step: Any) -> Any:
    total = 0
    for i in range(start, stop, step):
        total = total * 31 % 1000003 + i % 17
    return total


def test_ranges_are_pythons_up_to_the_ends_of_64_bits() -> None:
    native = ungil.native(steps)
    top, bottom = 2**63 - 1, -(2**63)
    for bounds in [(0, 9, 2), (9, 0, -4), (5, 5, 1), (top - 5, top, 2), (bottom + 7, bottom, -3)]:
        assert native(*bounds) == steps(*bounds)
    with pytest.raises(ValueError, match="arg 3 must not be zero"):
        native(0, 1, 0)


def signum(x: float) -> int:
    if math.isnan(x):
        raise ValueError("not a number: {}")
    return 1 if x > 0 else -1 if x < 0 else 0


def test_raise_and_assert() -> None:
    native = ungil.native(signum)
    assert [native(2.0), native(-0.5), native(0.0)] == [1, -1, 0]
    with pytest.raises(ValueError, match=r"^not a number: \{\}$"):
        native(float("nan"))


@ungil.native
def fibonacci(n: int) -> int:
    if n < 2:
        return n
    return fibonacci(n - 1) + fibonacci(n - 2)


@ungil.native
def depth(n: int) -> int:
    return 0 if n == 0 else 1 + depth(n - 1)


def test_recursion_goes_on_until_the_stack_is_full() -> None:
    assert fibonacci(20) == 6765
    assert depth(5_000) == 5_000
    with pytest.raises(RecursionError, match="stack of this thread is full"):
        depth(10**12)


SCALE = 3


@ungil.native
def scaled(x: float, by: float = 2.0, *, plus: int = 0) -> float:
    return x * by * SCALE + plus


@ungil.native
def calls_scaled(x: float) -> float:
    return scaled(x) + scaled(x, plus=1, by=10.0)


def test_a_changed_global_is_noticed_also_by_callers() -> None:
    global SCALE
    assert (scaled(1.0), calls_scaled(1.0)) == (6.0, 37.0)
    SCALE = 5
    try:
        assert (scaled(1.0), calls_scaled(1.0)) == (10.0, 61.0)
    finally:
        SCALE = 3


def test_arguments_are_matched_as_python_does() -> None:
    assert scaled(by=1.0, x=2.0, plus=True) == 7.0
    for bad in [{}, {"x": 1.0, "z": 2}]:
        with pytest.raises(TypeError):
            scaled(**bad)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
        scaled(1.0, 2.0, 3)  # type: ignore[call-arg]


def test_types_come_from_the_call_where_there_are_no_annotations() -> None:
    native = ungil.native(floor_divide)
    assert [same(native(*pair), floor_divide(*pair)) for pair in [(7, 2), (7.0, 2), (True, 2)]] == [
        True
    ] * 3
    assert len(ungil.native.report(native).specialisations) == 3


def adder(step: int) -> Callable[[int], int]:
    def add(x: Any) -> Any:
        return x + step

    return ungil.native(add)


def test_a_closure_over_a_constant() -> None:
    assert adder(5)(1) == 6
    assert adder(7)(1) == 8


def test_a_native_function_looks_like_the_function() -> None:
    assert integrate_square.__name__ == "integrate_python"
    assert list(inspect.signature(scaled).parameters) == ["x", "by", "plus"]
    assert pickle.loads(pickle.dumps(scaled)) is scaled
    assert repr(scaled) == "<native function scaled>"


def forever(n: int) -> int:
    i = 0
    while i >= 0:
        i = (i + 1) % 1000
    return i


def nested_forever(n: int) -> int:
    total = 0
    for i in range(n):
        for j in range(n):
            total = (total + i * 7 + j) % 1000003
    return total


@pytest.mark.parametrize("function", [forever, nested_forever])
def test_ctrl_c_interrupts_a_loop(function: Callable[[int], int]) -> None:
    native = ungil.native(function)
    native.compile(3_000_000_000)  # type: ignore[attr-defined]
    timer = threading.Timer(0.2, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        native(3_000_000_000)
    timer.join()
    assert caught.traceback[-1].name == function.__name__


def test_other_threads_run_while_native_code_does() -> None:
    native = ungil.native(nested_forever)
    native(10)
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            native(2_000)

    thread = threading.Thread(target=work)
    thread.start()
    # Were the GIL kept, this thread would have to wait for whole calls.
    ticks = 0
    end = time.monotonic() + 20
    while ticks < 1000 and time.monotonic() < end:
        ticks += 1
    done.set()
    thread.join()
    assert ticks == 1000


def test_many_threads_call_and_compile_at_once() -> None:
    native = ungil.native(floor_divide)
    results: list[Any] = []

    def work() -> None:
        results.append((native(9, 2), native(9.0, 2.0), native(True, 2)))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [(4, 4.0, 0)] * 8


@ungil.native(wrap=True)
def wrapping(x: int, y: int) -> int:
    return (x * y + (x << 1)) // -1


def test_wrap_calculates_modulo_two_to_the_64() -> None:
    def expected(x: int, y: int) -> int:
        def wrapped(value: int) -> int:
            return (value + 2**63) % 2**64 - 2**63

        return wrapped(wrapped(wrapped(x * y) + wrapped(x << 1)) // -1)

    for x in INTS:
        for y in INTS:
            assert wrapping(x, y) == expected(x, y)

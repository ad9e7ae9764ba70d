"""Small functions as people write them: native code gives what Python gives, or raises the same."""

# What linters would have written otherwise is part of the language, too.
# ruff: noqa: B904, C416, C419, PLR0124, PLR0133, RUF005

import math
from collections.abc import Callable
from typing import Any

import pytest
import ungil

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")

CASES: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []


def case(*calls: tuple[Any, ...]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The function is called with each of these lists of arguments."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        CASES.extend((function, arguments) for arguments in calls)
        return function

    return add


FLOATS = [0.0, -0.0, 0.5, 2.5, 1e15 + 0.5, -2.675, 1e22, 5e-324, 1.7e308, math.inf, math.nan]


@case(*[(x, n) for x in FLOATS for n in (-400, -309, -308, -2, 0, 1, 2, 15, 323, 400)])
def rounds(x: float, n: int) -> float:
    return round(x, n)


@case((2.675,), (-0.5,))
def rounds_by_name(x: float) -> float:
    return round(x, ndigits=2) + round(x, 1)


@case((15, -1), (25, -1), (-25, -1), (149, -2), (9, 3), (5 * 10**18, -19), (4, -40))
def rounds_ints(x: int, n: int) -> int:
    return round(x, n)


@case(
    (3, 4, 5), (3, -1, 7), (2, -1, 4), (5, 3, 0), (-7, 9, -13), (2**62, 2**62, 2**63 - 1), (4, 0, 1)
)
@case((-(2**63), 3, -(2**63)), (3, -(2**63), 7))
def powers_modulo(a: int, b: int, m: int) -> int:
    return pow(a, b, m)


@case((12, 18, 27), (0, 0, 0), (-4, 6, 0))
def divisors(a: int, b: int, c: int) -> tuple[int, int, int]:
    return math.gcd(a, b, c), math.lcm(a, b), math.gcd()


@case((5, 2), (5, 7), (0, 0), (-1, 2), (3, -2), (60, 30))
def choices(n: int, k: int) -> tuple[int, int]:
    return math.comb(n, k), math.perm(n, min(k, 5))


@case((0,), (20,), (-1,))
def factorials(n: int) -> tuple[int, int]:
    return math.factorial(n), math.perm(n)


@case((0,), (99,), (2**63 - 1,), (-4,))
def roots(n: int) -> int:
    return math.isqrt(n)


MORE = [
    0.0,
    -0.0,
    1.0,
    -1.5,
    3.0,
    23.0,
    25.5,
    171.7,
    -171.3,
    1e-21,
    -3.0,
    1e300,
    -1e-310,
    math.inf,
    -math.inf,
]


@case(*[(x,) for x in [*MORE, math.nan]])
def gammas(x: float) -> float:
    return math.gamma(x)


@case(*[(x,) for x in [*MORE, math.nan]])
def lgammas(x: float) -> float:
    return math.lgamma(x)


@case(*[(x,) for x in MORE])
def parts(x: float) -> tuple[float, int, float, float, float, float, float]:
    mantissa, exponent = math.frexp(x)
    fraction, whole = math.modf(x)
    return mantissa, exponent, fraction, whole, math.ulp(x), math.degrees(x), math.radians(x)


@case(
    (1.0, 3),
    (1.5, -1080),
    (-3.0, 2000),
    (5e-324, 1100),
    (1e300, -3000),
    (0.0, 99999),
    (math.inf, 2),
)
@case((1.9999999999999998, -1023), (1.5, -1075), (1.0, -1075), (0.75, 1024))
def scales(x: float, n: int) -> float:
    return math.ldexp(x, n)


@case(
    *[
        (x, y)
        for x in (5.0, -7.5, 1e300, 0.0, math.inf, math.nan)
        for y in (3.0, -0.3, 0.0, math.inf)
    ]
)
def remainders(x: float, y: float) -> tuple[float, float]:
    return math.remainder(x, y), math.nextafter(x, y)


@case(
    (3.0, 4.0, 12.0),
    (1e-310, 2e-310, 0.0),
    (1e300, 1e300, 1.0),
    (math.nan, math.inf, 1.0),
    (0.1, 0.2, 0.3),
)
@case((math.nan, 1.0, 1.0), (0.0, -0.0, 0.0), (1.1, 2.2e-9, 3.3e8), (1 / 3, 2 / 3, 1 / 7))
def lengths(x: float, y: float, z: float) -> tuple[float, float, float, float]:
    return math.hypot(x, y, z), math.hypot(x), math.hypot(x, y), math.dist((x, y), (z, 1))


@case((1.0, 1.0 + 1e-10), (1.0, 1.1), (math.inf, math.inf), (math.inf, 1.0), (0.0, 1e-12))
def close(a: float, b: float) -> tuple[bool, bool, bool]:
    return math.isclose(a, b), math.isclose(a, b, rel_tol=0.5), math.isclose(a, b, abs_tol=1e-9)


@case((-1.0,))
def no_tolerance(x: float) -> bool:
    return math.isclose(x, x, rel_tol=x)


@case((8.0, 2.0), (8.0, 1.0), (10.0, 10.0), (-1.0, 3.0))
def logarithms(x: float, base: float) -> float:
    return math.log(x, base)


@case((3,), (0,), (10,))
def sums(n: int) -> tuple[int, float, float, int, float]:
    numbers = [0.1 * i for i in range(n)]
    return (
        sum(range(n)),
        sum([x for x in numbers], 0.5),
        math.fsum(numbers),
        sum(i * i for i in range(n) if i % 2),
        math.prod(numbers, start=2.0) + math.prod(range(1, n)),
    )


@case((1e16,), (math.inf,), (math.nan,), (-1e308,), (1.7e308,))
def sums_of_floats(x: float) -> tuple[float, float]:
    return sum([x, 1.0, -x, 0.1, x]), math.fsum([x, 1e-3, -x, 0.1])


@case((1.7e308,))
def sum_too_large(x: float) -> float:
    return math.fsum([x, x])


@case((5,), (0,))
def extremes(n: int) -> tuple[int, int, int]:
    values = [(i * 7) % 5 for i in range(n)]
    return max(values, default=-1), min((v - 1 for v in values), default=3), max(values)


@case((0,), (4,), (9,))
def any_and_all(n: int) -> tuple[bool, bool, bool, bool]:
    values = [i - 3 for i in range(n)]
    return (
        any(v > 2 for v in values),
        all(10 // (v - 7) for v in values),
        any(values),
        all([v == v for v in values]),
    )


@case((5, 1, 4, 1), (0, -3, 9, -1), (9, 8, 2, -2), (12, -20, 20, 3))
def slices(n: int, a: int, b: int, c: int) -> int:
    values = list(range(n))
    part = values[a:b:c]
    values[1:2] = [70, 80]
    values[:0] = part[::-1]
    values[::2] = [x + 1 for x in values[::2]]
    del values[b:a]
    total = 0
    for at, value in enumerate(values + part * 2 + 2 * values[2:]):
        total = total * 3 % 1_000_003 + at * value
    return total


@case((0,), (3,))
def wrong_slice(n: int) -> int:
    values = list(range(6))
    values[::2] = [1] * n
    return sum(values)


@case((0,))
def slice_step(n: int) -> int:
    values = list(range(6))[::n]
    return len(values)


@case((4,), (-5,), (9,))
def deletes(n: int) -> int:
    values = list(range(6))
    del values[n]
    del values[-1], values[::3]
    return sum(value * 10**at for at, value in enumerate(values))


@case((3,), (99,))
def methods(n: int) -> tuple[int, int, int, bool, bool]:
    values = [3, 1, 2, 3, 1]
    values.extend([n, 1])
    values.extend(range(2))
    values += (7, 8)
    values.remove(1)
    values.reverse()
    other = values.copy()
    other.sort(reverse=True)
    values.sort()
    values *= 2
    at = values.index(n) + other.index(n, 0, 5)
    return at, values.count(1), sum(other[:4]), n in other, 5 not in values


@case((0.5,), (1e9,))
def missing(x: float) -> int:
    values = [0.5, 1.5]
    return values.index(x, -9, 9) + (2 in values) + values.count(0.5)


@case((1,), (2,))
def not_there(n: int) -> int:
    values = [1, 3]
    values.remove(n)
    return len(values)


@case((3,))
def sorts(n: int) -> tuple[int, float, int]:
    values = [-0.0, 0.0, 1.5, -1.0, 0.0]
    ordered = sorted(values)
    signs = 0
    for value in ordered + sorted(values, reverse=True):
        signs = signs * 2 + (math.copysign(1.0, value) < 0)
    return signs, ordered[-1], sorted((n, 2, 7))[1]


@case((2,), (3,))
def compares(n: int) -> tuple[bool, bool, bool, bool, bool]:
    one, other = [1, 2, 3], [1, n, 3]
    return one == other, one < other, one[:2] <= other, one != [1], one > []


@case((5,), (0,))
def gives_lists(n: int) -> list[int]:
    evens = [i for i in range(n) if i % 2 == 0]
    return evens


@case((True,), (False,))
def gives_either(b: bool) -> list[bool]:
    if b:
        return [b, not b]
    return []


@case((7,))
def passes_lists(n: int) -> list[float]:
    def halves(count: int) -> list[float]:
        return [i / 2 for i in range(count)]

    return halves(n)[1:3] + halves(2)


@case((5, 0, 10, 1), (5, 0, 10, 2), (4, 10, 0, -3), (4, 0, 9, 0))
def in_ranges(x: int, a: int, b: int, c: int) -> tuple[bool, bool]:
    return x in range(a, b, c), x not in range(b)


@case((1, 2), (2, 2))
def deletes_names(a: int, b: int) -> int:
    x = a
    if a == b:
        del x
    return x


@case((4,))
def deletes_in_loop(n: int) -> int:
    total, last = 0, 0
    for i in range(n):
        if i > 1:
            total += last
            del last
        last = i
    return total


@case((0,), (1,), (-3,), (7,), (40,))
def matches(n: int) -> int:
    match n:
        case 0:
            return 10
        case 1 | -3:
            return 20
        case x if x > 30:
            n += x
        case _:
            n = -1
    return n


@case((0, 0.0), (1, 2.5), (5, 0.0), (5, 1.0))
def matches_tuples(a: int, x: float) -> float:
    match (a, x):
        case (0, _):
            return 1.0
        case (1, y) if y > 2:
            return y
        case (int(), 0.0):
            return -2.0
        case (b, *rest):
            return b + rest[0]
    return 0.0


@case((True,), (False,))
def matches_bools(b: bool) -> int:
    match b:
        case True:
            return 1
        case None:
            return 2
        case False:
            return 3
    return 4


@case((1, 2, 3), (7, 7, 7))
def unpacks(a: int, b: int, c: int) -> int:
    first, *others = a, b, c
    [x, *_, y] = others + [first, 5]
    *start, last = [a, b]
    (p, q), r = (x, y), last
    return p * 1000 + q * 100 + r * 10 + len(start) + others[1]


@case((2,), (3,))
def unpacks_exactly(n: int) -> int:
    a, b = list(range(n))
    return a + b


@case((1,), (0,))
def identities(n: int) -> tuple[bool, bool, bool, bool]:
    flag = n > 0
    return flag is True, n is None, None is None, flag is not False


@case((10,), (0,))
def walrus(n: int) -> int:
    total = 0
    while (half := n // 2) > 0:
        n -= 1
        total += half
        if (rest := total % 3) and (twice := rest * 2) > 3:
            total += twice
    return total + (last := 5) + last + half


@case((3,), (12,))
def walrus_in_lists(n: int) -> int:
    squares = [y for x in range(n) if (y := x * x) % 2]
    return sum(squares) + y


@case((4,), (0,))
def conditions(n: int) -> int:
    values = [i for i in range(n)]
    if values and max(values) > 2:
        return sum(values)
    while len(values) < 5 and sum(values) < 9:
        values.append(len(values) + 1)
    return max(values) if values else min([n, 1])


@case((9,))
def evaluation_order(n: int) -> int:
    values = list(range(n))
    return (
        values.pop() * 1000 + sum(values) * 10 + len([values.pop() for _ in range(2)]) + len(values)
    )


@case((4, 3), (2, -2), (3, 0))
def steps(n: int, step: int) -> int:
    total = 0
    for i, j in zip(range(n), range(10, 0, step), strict=False):
        total = total * 10 + i + j
    for i, j in enumerate(range(0, n * step, step), start=n):
        total = total * 10 + i - j
    for i in reversed(range(n, n * 3, step)):
        total = total * 7 + i
    return total


@case((3, 3), (3, 2), (2, 3), (0, 0))
def strict(n: int, m: int) -> int:
    total = 0
    values = [i * 5 for i in range(m)]
    for i, value in zip(range(n), values, strict=True):
        total += i * value
    for i, j in zip(range(n), range(m), strict=True):
        total += i * j
    return total


@case((3,), (0,), (-1,))
def tries(n: int) -> int:
    total = 0
    values = [1, 2]
    for i in range(4):
        try:
            total += values[i] // (i - n)
        except ZeroDivisionError:
            total += 100
        except (IndexError, OverflowError):
            total += 1000
        else:
            total += 1
        finally:
            total += 7
    return total


@case((0,), (1,), (2,), (3,))
def tries_deep(n: int) -> int:
    def fails(k: int) -> int:
        if k == 1:
            raise ValueError("one")
        return 10 // k

    total = 0
    try:
        try:
            total += fails(n)
        except ValueError:
            total += 5
            if n == 1:
                raise KeyError("two")
        finally:
            total += 100
    except LookupError:
        return -total
    except ArithmeticError:
        total += 1
        raise
    return total


@case((0,), (1,), (5,))
def finally_returns(n: int) -> int:
    total = 0
    for i in range(5):
        try:
            if i == n:
                break
            if i == 3:
                continue
            total += i
        finally:
            total *= 2
    else:
        total += 1000
    try:
        return total
    finally:
        total = -1


@case((0,), (2,))
def raises_others(n: int) -> float:
    try:
        return 1 / n
    except ZeroDivisionError:
        raise ValueError("no")


@case((3,), (0,))
def nonlocals(n: int) -> int:
    count = 0
    total = 0.5

    def add(k: int) -> int:
        nonlocal count, total
        count += k
        total *= 2
        return count

    for i in range(n):
        add(i)
    return add(10) * 100 + count + int(total)


@case((5,))
def nonlocal_counter(n: int) -> int:
    steps = 0

    def visit(k: int) -> int:
        nonlocal steps
        steps += 1
        if k < 2:
            return k
        return visit(k - 1) + visit(k - 2)

    return visit(n) * 1000 + steps


def outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    try:
        return ("returned", described(function(*arguments)))
    except Exception as error:
        trace = error.__traceback__
        lines = []
        while trace is not None:
            code = trace.tb_frame.f_code
            # Comprehensions and generators have frames of their own in Python.
            own = code.co_name != "outcome" and not code.co_name.startswith("<")
            if code.co_filename == __file__ and own:
                lines.append(trace.tb_lineno)
            trace = trace.tb_next
        return ("raised", type(error).__name__, *lines)


def described(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value).__name__, [described(item) for item in value]
    return type(value).__name__, value.hex() if isinstance(value, float) else value


@pytest.mark.parametrize(
    "function", list(dict.fromkeys(f for f, _ in CASES)), ids=lambda f: f.__name__
)
def test_everyday_functions_do_what_python_does(function: Callable[..., Any]) -> None:
    native = ungil.native(function)
    for called, arguments in CASES:
        if called is function:
            assert (arguments, outcome(native, arguments)) == (
                arguments,
                outcome(function, arguments),
            )

"""Dataclasses of numbers in native functions: what CPython does with them."""

import contextlib
import copy
import dataclasses
import math
import traceback
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
import ungil
from ungil.types import float32, uint8

pytest.importorskip("llvmlite", reason="llvmlite has no wheel for this Python")


@dataclass
class Point:
    x: float
    y: float = 0.5
    n: int = 0


@dataclass(frozen=True)
class Frozen:
    x: float
    seen: bool = False


@dataclass(slots=True)
class Slotted:
    z: complex
    n: int = 3


@dataclass
class Pixel:
    red: uint8
    depth: float32 = 0.1


def python(function: Any) -> Any:
    """The function that Python runs."""
    return function.__wrapped__


def both(function: Any, *arguments: Any) -> tuple[Any, Any]:
    """What native code and what Python make of it: result or exception, and the arguments after."""

    def outcome(callee: Any) -> Any:
        given = copy.deepcopy(arguments)
        try:
            found = callee(*given)
            kind: Any = ("returned", found, type(found))
        except Exception as error:
            kind = ("raised", type(error), str(error))
        return repr((kind, given))

    return outcome(function), outcome(python(function))


@ungil.native
def walk(p: Point, steps: int) -> float:
    q = p
    for i in range(steps):
        p.x += q.y * i
        q.n = q.n + 1
    return p.x + q.n


def test_two_names_of_one_object_see_its_fields_change() -> None:
    assert walk(Point(1.0, 2.0), 5) == python(walk)(Point(1.0, 2.0), 5)
    native, expected = both(walk, Point(1.0, 2.0), 5)
    assert native == expected


@ungil.native
def halfway(p: Point, q: Point, n: int) -> int:
    p.n = 1
    q.n += 10
    p.n = p.n // n
    q.x = 7.0
    return p.n


@pytest.mark.parametrize("divisor", [0, 1])
def test_the_caller_sees_assignments_also_before_an_exception(divisor: int) -> None:
    native, expected = both(halfway, Point(1.0), Point(2.0), divisor)
    assert native == expected


@pytest.mark.parametrize("divisor", [0, 1])
def test_one_object_passed_twice_is_one(divisor: int) -> None:
    point, other = Point(1.0), Point(1.0)
    for callee, given in ((halfway, point), (python(halfway), other)):
        with contextlib.suppress(ZeroDivisionError):
            callee(given, given, divisor)
    assert point == other


def test_fields_that_are_not_assigned_to_keep_their_objects() -> None:
    point = Point(1, 2.0)  # an int that is annotated as a float
    halfway(point, Point(0.0), 1)
    assert type(point.x) is int


@ungil.native
def made(x: float, n: int) -> Point:
    p = Point(x, n=n)
    q = Point(y=x, x=p.y)
    if n > 3:
        return q
    r = p
    r.x = -r.x
    return p


@pytest.mark.parametrize("n", [1, 5])
def test_objects_are_made_with_defaults_and_keywords(n: int) -> None:
    native, expected = both(made, 2.5, n)
    assert native == expected
    assert type(made(1.0, n)) is Point


@ungil.native
def itself(p: Point, q: Point, first: bool) -> Point:
    return p if first else q


def test_an_argument_that_is_returned_is_the_same_object() -> None:
    p, q = Point(1.0), Point(2.0)
    assert itself(p, q, True) is p
    assert itself(p, q, False) is q


@ungil.native
def twice(p: Point) -> Point:
    return Point(2 * p.x, 2 * p.y, 2 * p.n)


@ungil.native
def bump(p: Point) -> int:
    p.n += 1
    return p.n


@ungil.native
def through_calls(p: Point, n: int) -> tuple[float, int]:
    total = 0.0
    for _ in range(n):
        total += twice(twice(p)).x
        p = twice(p)
    bump(p)
    return total, bump(p) + 100 * p.n


def test_objects_go_between_native_functions() -> None:
    native, expected = both(through_calls, Point(1.0, 2.0, 3), 4)
    assert native == expected


@ungil.native
def thaw(f: Frozen, x: float) -> float:
    f.x = 1 / x  # type: ignore[misc]
    return f.x


@pytest.mark.parametrize("x", [2.0, 0.0])
def test_frozen_ones_raise_as_pythons_do(x: float) -> None:
    native, expected = both(thaw, Frozen(1.0), x)
    assert native == expected
    with pytest.raises((dataclasses.FrozenInstanceError, ZeroDivisionError)) as caught:
        thaw(Frozen(1.0), x)
    line = traceback.extract_tb(caught.value.__traceback__)[-1].line
    assert line is not None
    assert line.startswith("f.x = 1 / x")


@ungil.native
def frozen_made(x: float) -> Frozen:
    return Frozen(seen=x > 1, x=x)


@ungil.native
def conjugated(s: Slotted) -> Slotted:
    s.z = s.z.conjugate() * s.n
    return Slotted(s.z + 1)


def test_frozen_and_slotted_ones_come_back() -> None:
    assert frozen_made(2.0) == Frozen(2.0, True)
    native, expected = both(conjugated, Slotted(1 + 2j))
    assert native == expected


@ungil.native
def brighter(p: Pixel, by: float) -> int:
    p.depth = p.depth + by
    p.red = p.red + 100
    return p.red


def test_widths_are_kept() -> None:
    pixel = Pixel(100, 0.1)
    assert brighter(pixel, 0.0) == 200
    assert pixel == Pixel(200, 0.10000000149011612)
    with pytest.raises(OverflowError, match="300 does not fit into a uint8"):
        brighter(pixel, 0.0)
    with pytest.raises(OverflowError, match=r"'p\.red': 256 does not fit into a uint8"):
        brighter(Pixel(256), 0.0)


@ungil.native
def compared(p: Point, q: Point) -> tuple[bool, bool, bool, bool]:
    return p == q, p != q, p is q, p == Point(1.0)


@pytest.mark.parametrize("x", [1.0, 2.0, -0.0])
def test_equality_is_that_of_dataclasses(x: float) -> None:
    native, expected = both(compared, Point(1.0), Point(x))
    assert native == expected
    point = Point(math.nan)
    assert compared(point, point) == python(compared)(point, point)


@ungil.native
def swapped(p: Point, n: int) -> float:
    p.x, p.y = p.y, p.x
    for p.n in range(n):
        p.x -= 1
    return p.x


def test_fields_are_targets() -> None:
    native, expected = both(swapped, Point(1.0, 2.0), 3)
    assert native == expected


@ungil.native
def norm(points_x: Any, p: Point) -> float:
    total = 0.0
    for i in ungil.prange(len(points_x)):
        own = Point(points_x[i])
        own.x -= p.x
        total += own.x * own.x
    return total


def test_iterations_of_parallel_loops_read_and_make_them() -> None:
    np = pytest.importorskip("numpy")
    assert norm(np.arange(10.0), Point(1.0)) == sum((i - 1.0) ** 2 for i in range(10))


@ungil.native
def race(p: Point, n: int) -> None:
    for _ in ungil.prange(n):
        p.n += 1


def test_iterations_of_parallel_loops_do_not_change_those_from_outside() -> None:
    with pytest.raises(ungil.native.Refused, match="the fields of an object, from outside"):
        race(Point(1.0), 3)


@dataclass
class Checked:
    x: float

    def __post_init__(self) -> None:
        self.x = abs(self.x)

    def double(self) -> float:
        return 2 * self.x


@dataclass
class Named:
    name: str


@dataclass
class Guarded:
    x: float

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


@dataclass
class Sub(Point):
    z: float = 1.0
    count: ClassVar[int] = 0


@dataclass
class Listed:
    x: float = field(default_factory=float)


@ungil.native
def first(p: Any) -> Any:
    return p.x


def test_classes_that_do_more_are_taken_as_far_as_that_is_sound() -> None:
    assert first(Checked(-2.0)) == 2.0
    assert first(Sub(3.0)) == 3.0
    assert first(Listed()) == 0.0


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (Named("a"), "its `name` is not annotated as bool, int, float or complex"),
        (Guarded(1.0), "it has a `__setattr__` of its own"),
        (type("Plain", (Point,), {})(1.0), "it inherits from a dataclass"),
    ],
)
def test_what_is_not_sound_is_no_argument(value: Any, reason: str) -> None:
    with pytest.raises(TypeError, match=reason):
        first(value)


def test_a_subclass_is_not_the_class() -> None:
    with pytest.raises(TypeError, match="expected a Point"):
        walk(Sub(1.0), 3)
    with pytest.raises(TypeError, match=r"'p\.x': expected float, got str"):
        walk(Point("1"), 3)  # type: ignore[arg-type]


@ungil.native
def checked(x: float) -> float:
    return Checked(x).x


@ungil.native
def method(c: Checked) -> float:
    return c.double()


@ungil.native
def new_field(p: Point) -> None:
    p.w = 1.0  # type: ignore[attr-defined]


@ungil.native
def wrong_type(p: Point, x: float) -> None:
    p.n = x  # type: ignore[assignment]


@ungil.native
def ordered(p: Point) -> bool:
    return p < p  # type: ignore[no-any-return, operator]  # noqa: PLR0124


@pytest.mark.parametrize(
    ("function", "arguments", "text"),
    [
        (checked, (1.0,), "it has a `__post_init__`"),
        (method, (Checked(1.0),), "native code cannot call methods of `Checked`"),
        (new_field, (Point(1.0),), "`Point` has no field `w`"),
        (wrong_type, (Point(1.0), 1.0), "`n` of `Point` is annotated as an int"),
        (ordered, (Point(1.0),), "only `==` and `!=` are there"),
    ],
)
def test_the_rest_is_refused(function: Any, arguments: Any, text: str) -> None:
    with pytest.raises(ungil.native.Refused, match=text):
        function(*arguments)


def test_memory_is_given_back() -> None:
    @ungil.native
    def churn(n: int) -> int:
        last = Point(0.0)
        for i in range(n):
            p = Point(1.0, n=i)
            if i % 2:
                last = p
            if p == last:
                last = twice(last)
        return last.n

    assert churn(1000) == python(churn)(1000)
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    churn(2_000_000)  # 200 MB, were it kept
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000

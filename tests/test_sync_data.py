"""`ungil.sync.Queue`'s messages, `Value` and `Array`."""

import abc
import array
import copyreg
import ctypes
import dataclasses
import enum
import pickle
import struct
import threading
from typing import Any

import pytest
import sync_support  # noqa: F401 (its first object makes the arena, which stays)
from hypothesis import given, settings
from hypothesis import strategies as st
from ungil import sync

np = pytest.importorskip("numpy")


@dataclasses.dataclass
class Pair:
    left: Any
    right: Any = None


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary(),
    st.text(alphabet="\ud800x"), st.complex_numbers(allow_nan=False), st.just(Ellipsis),
)  # fmt: skip
OBJECTS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(st.text(), st.integers()), inner),
        st.frozensets(st.integers()),
        st.sets(st.one_of(st.integers(), st.text())),
        st.builds(Pair, inner, inner),
    ),
)


def types(thing: Any) -> Any:
    """The types of everything inside, which `==` does not compare."""
    if isinstance(thing, dict):
        return (dict, [(types(key), types(value)) for key, value in thing.items()])
    if isinstance(thing, list | tuple):
        return (type(thing), [types(item) for item in thing])
    if isinstance(thing, Pair):
        return (Pair, types(thing.left), types(thing.right))
    return type(thing)


@given(OBJECTS)
@settings(max_examples=300, deadline=None)
def test_a_message_comes_out_as_it_went_in(thing: Any) -> None:
    queue = sync.Queue(max_bytes=1_000_000)
    queue.put(thing)
    out = queue.get()
    assert out == thing
    assert types(out) == types(thing)


def test_what_is_shared_inside_a_message_is_shared_outside() -> None:
    """As pickle does it: one list in two places is one list on the other side."""
    queue = sync.Queue()
    shared = [1]
    holder = (shared,)
    circle: list[Any] = []
    circle.append(circle)
    queue.put([shared, {"also": shared}])
    queue.put([holder, holder])
    queue.put(circle)
    first, second = queue.get()
    assert first is second["also"]
    one, other = queue.get()
    assert one[0] is other[0]
    out = queue.get()
    assert out[0] is out


def through(thing: Any) -> Any:
    queue = sync.Queue()
    queue.put(thing)
    return queue.get()


class Child(Pair):
    pass


class Base(abc.ABC):  # noqa: B024
    pass


@dataclasses.dataclass(slots=True)
class Slotted:
    number: int


@dataclasses.dataclass(frozen=True)
class Frozen:
    number: int


class Mapping(dict[str, int]):
    pass


class Colour(enum.Enum):
    RED = 1


def test_instances_keep_class_attributes_and_identity() -> None:
    child = Child(1, [Pair("x")])
    child.later = {2.5}  # type: ignore[attr-defined]
    out = through(child)
    assert (type(out), out.__dict__) == (Child, child.__dict__)
    out = through([child, child])
    assert out[0] is out[1]
    child.left = child
    out = through(child)
    assert out.left is out


@pytest.mark.parametrize("thing", [Slotted(1), Frozen(1), Colour.RED, ValueError("no")])
def test_classes_with_a_layout_or_a_say_of_their_own_come_out_as_from_pickle(thing: Any) -> None:
    assert repr(through(thing)) == repr(pickle.loads(pickle.dumps(thing)))


def test_a_subclass_of_a_container_keeps_its_items_and_its_attributes() -> None:
    mapping = Mapping(a=1)
    mapping.name = "it"  # type: ignore[attr-defined]
    out = through(mapping)
    assert (type(out), out, out.name) == (Mapping, {"a": 1}, "it")
    assert type(through(Base())) is Base


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("__reduce__", lambda self: (Pair, ("changed",))),
        ("__reduce_ex__", lambda self, protocol: (Pair, ("changed",))),
        ("__getstate__", lambda self: {"left": "changed"}),
        ("__setstate__", lambda self, state: self.__dict__.update(left="changed")),
    ],
)
def test_a_class_that_changes_its_mind_is_heard(
    monkeypatch: pytest.MonkeyPatch, name: str, method: Any
) -> None:
    """What is remembered of a class is forgotten when the class, or a base of it, changes."""
    assert through(Child("as it was")).left == "as it was"
    monkeypatch.setattr(Pair, name, method, raising=False)
    expected = pickle.loads(pickle.dumps(Child("as it was")))
    out = through(Child("as it was"))
    assert (type(out), out.left) == (type(expected), expected.left)
    monkeypatch.undo()
    assert through(Child("as it was")).left == "as it was"


def test_a_registered_reducer_and_an_instances_own_are_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(copyreg.dispatch_table, Pair, lambda pair: (str, ("registered",)))
    assert through(Pair(1)) == "registered"
    own = Child(1)
    own.__reduce_ex__ = lambda protocol: (str, ("own",))  # type: ignore[method-assign]
    assert through(own) == "own"


def test_a_class_that_the_other_side_could_not_find_is_refused_by_put(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Local:
        pass

    with pytest.raises((pickle.PicklingError, AttributeError)):
        through(Local())
    old = Pair(1)
    monkeypatch.setitem(globals(), "Pair", dataclasses.make_dataclass("Pair", ["left"]))
    with pytest.raises(pickle.PicklingError, match="not the same object"):
        through(old)


def test_more_classes_than_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(100):
        name = f"Class{number}"
        made = type(name, (), {"__module__": __name__})
        monkeypatch.setitem(globals(), name, made)
        thing = made()
        thing.number = number
        assert through(thing).number == number


class Number(int):
    pass


def test_subclasses_and_large_arrays_are_pickled() -> None:
    queue = sync.Queue()
    queue.put(Number(5))
    queue.put((True, Number(6)))
    queue.put(np.arange(1_000_000))
    assert type(queue.get()) is Number
    assert type(queue.get()[1]) is Number
    assert queue.get().sum() == 499_999_500_000


def test_what_cannot_be_sent_raises_in_put_and_leaves_the_queue_as_it_was() -> None:
    queue = sync.Queue(max_bytes=1000)
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        queue.put(lambda: 1)
    with pytest.raises(
        ValueError, match=r"takes 5000 bytes and this queue takes at most \d+: make it"
    ):
        queue.put(b"x" * 5000)
    assert queue.qsize() == 0
    with pytest.raises(OverflowError, match="too many"):
        sync.Queue(max_bytes=1 << 40)


def test_the_ring_wraps_with_records_of_every_length() -> None:
    queue = sync.Queue(max_bytes=1000)
    for length in range(1000):
        queue.put(b"a" * length)
        if length % 3 == 2:
            assert [len(queue.get()) for _ in range(3)] == [length - 2, length - 1, length]
    assert queue.qsize() == 1


def test_a_full_ring_makes_put_wait() -> None:
    queue = sync.Queue(max_bytes=2000)

    def fill() -> None:
        for _ in range(100):
            queue.put(b"x" * 1000, timeout=0.01)

    with pytest.raises(sync.Full):
        fill()
    assert queue.qsize() > 1
    putting = threading.Thread(target=queue.put, args=(b"y",))
    putting.start()
    while len(queue.get()) > 1:
        pass
    putting.join()


def test_a_value_keeps_its_type_and_refuses_what_does_not_fit() -> None:
    value = sync.Value("h", 5)
    assert (value.value, value.typecode) == (5, "h")
    value.value = -32768
    with pytest.raises(OverflowError, match="of type h holds -32768 to 32767"):
        value.value = 32768
    with pytest.raises(OverflowError):
        value.add(-1)
    assert value.value == -32768
    assert value.add(8) == -32760
    with pytest.raises(TypeError):
        value.value = "text"
    with pytest.raises(TypeError, match="must be one of the characters"):
        sync.Value("u")


@pytest.mark.parametrize("code", "bBhHiIlLqQ")
def test_integer_limits_are_those_of_struct(code: str) -> None:
    bits = 8 * struct.calcsize(code)
    low, high = (0, 2**bits - 1) if code.isupper() else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    value = sync.Value(code, low)
    assert memoryview(value).format == code
    assert struct.unpack(code, bytes(memoryview(value))) == (low,)
    value.value = high
    assert value.value == high
    with pytest.raises(OverflowError):
        value.value = high + 1


@pytest.mark.parametrize(
    ("kind", "code"),
    [(ctypes.c_int, "i"), (ctypes.c_double, "d"), (ctypes.c_bool, "?"), (ctypes.c_ubyte, "B")],
)
def test_ctypes_name_types_too(kind: Any, code: str) -> None:
    assert sync.Value(kind).typecode == code


def test_add_is_one_step() -> None:
    number, real = sync.Value("q", lock=False), sync.Value("d", 0.5, lock=False)

    def run() -> None:
        for _ in range(2000):
            number.add(1)
            real.add(0.5)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (number.value, real.value) == (8000, 4000.5)


def test_value_and_array_have_the_lock_that_was_asked_for() -> None:
    mine = sync.Lock()
    assert sync.Value("i", lock=mine).get_lock() is mine
    assert isinstance(sync.Array("i", 1).get_lock(), sync.RLock)
    bare = sync.Array("i", 1, lock=False)
    with pytest.raises(TypeError, match="lock=False"):
        bare.get_lock()
    value = sync.Value("i")
    with value, value.get_lock():
        value.value += 1
    with pytest.raises(TypeError, match="lock must be"):
        sync.Value("i", lock="yes")  # type: ignore[arg-type]


def test_an_array_is_a_sequence() -> None:
    numbers = sync.Array("i", [1, 2, 3, 4])
    assert (len(numbers), numbers[-1], numbers[1:3], numbers[::-2]) == (4, 4, [2, 3], [4, 2])
    numbers[0] = 10
    numbers[1:3] = (20, 30)
    assert list(numbers) == [10, 20, 30, 4]
    assert numbers.add(-1, 6) == 10
    with pytest.raises(IndexError):
        numbers[4]
    with pytest.raises(ValueError, match="fixed size"):
        numbers[:2] = [1]
    assert list(sync.Array("d", 3)) == [0.0, 0.0, 0.0]
    assert b"".join(sync.Array("c", b"abc")) == b"abc"
    assert len(sync.Array("i", 0)) == 0
    with pytest.raises(ValueError, match="negative"):
        sync.Array("i", -1)


def test_an_array_is_a_buffer_and_a_view_keeps_it_alive() -> None:
    numbers = sync.Array("d", 100_000)
    view = np.frombuffer(numbers)
    view[:] = np.arange(100_000)
    assert numbers[99_999] == 99_999.0
    assert np.asarray(numbers).dtype == np.float64
    assert memoryview(numbers).shape == (100_000,)
    del numbers
    assert view.sum() == 4_999_950_000.0
    assert array.array("i", sync.Array("i", [1, 2])).tolist() == [1, 2]

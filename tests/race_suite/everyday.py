"""What Python programs do every day: caches, lazy values, numbers, registers of listeners."""

import itertools
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from race_suite.registry import bug, correct
from race_suite.threads import Box, together


def numbers(guard: AbstractContextManager[object]) -> None:
    last, drawn = Box(), list[int]()

    def draw() -> None:
        with guard:
            last.value += 1
            number = last.value
        drawn.append(number)

    together(draw, draw)
    assert len(set(drawn)) == 2


@bug("exception")
def numbers_drawn_twice() -> None:
    numbers(nullcontext())


@correct()
def numbers_drawn_under_a_lock() -> None:
    numbers(threading.Lock())


@correct()
def numbers_of_a_counter() -> None:
    counter, drawn = itertools.count(), list[int]()
    together(*[lambda: drawn.append(next(counter))] * 2)
    assert sorted(drawn) == [0, 1]


class Lazy:
    """Makes its value when it is wanted."""

    made = 0
    value: object = None

    def __init__(self, guard: AbstractContextManager[object]) -> None:
        self.guard = guard

    def get(self) -> object:
        with self.guard:
            if self.value is None:
                self.made += 1
                self.value = object()
            return self.value


def lazily(guard: AbstractContextManager[object]) -> None:
    lazy = Lazy(guard)
    got: list[object] = []
    together(*[lambda: got.append(lazy.get())] * 2)
    assert got[0] is got[1]


@bug("atomicity violation")
def lazy_value_made_twice() -> None:
    lazily(nullcontext())


@correct()
def lazy_value_made_under_a_lock() -> None:
    lazily(threading.Lock())


class Least:
    """Keeps the two keys that were used last."""

    def __init__(self) -> None:
        self.kept: OrderedDict[str, int] = OrderedDict(a=1, b=2)

    def get(self, key: str) -> int | None:
        if key in self.kept:
            self.kept.move_to_end(key)
            return self.kept[key]
        return None

    def put(self, key: str, value: int) -> None:
        self.kept[key] = value
        if len(self.kept) > 2:
            self.kept.popitem(last=False)


def cache(guard: AbstractContextManager[object]) -> None:
    least = Least()

    def get() -> None:
        with guard:
            least.get("a")

    def put() -> None:
        with guard:
            least.put("c", 3)

    together(get, put)


@bug("atomicity violation")
def cache_that_drops_what_is_looked_up() -> None:
    cache(nullcontext())


@correct()
def cache_under_a_lock() -> None:
    cache(threading.Lock())


@bug("atomicity violation")
def words_counted_in_a_dictionary() -> None:
    counts: dict[str, int] = {}

    def count() -> None:
        counts["word"] = counts.get("word", 0) + 1

    together(count, count)
    assert counts["word"] == 2


@bug("atomicity violation")
def text_shortened_while_it_is_copied() -> None:
    """`StringBuffer.append`: the length is asked for, then so many characters are copied."""
    text = ["a", "b"]

    def copy() -> list[str]:
        length = len(text)
        return [text[at] for at in range(length)]

    together(copy, text.clear)


@bug("atomicity violation")
def listeners_called_while_one_leaves() -> None:
    listeners: dict[str, Callable[[], None]] = {"one": print, "other": print}

    def tell() -> None:
        for name in listeners:
            assert name

    together(tell, lambda: listeners.pop("one"))


@correct()
def listeners_copied_before_they_are_called() -> None:
    listeners: dict[str, Callable[[], None]] = {"one": print, "other": print}

    def tell() -> None:
        for name in list(listeners):
            assert name

    together(tell, lambda: listeners.pop("one"))


@bug("atomicity violation")
def ring_buffer_of_two_writers() -> None:
    places, end = [0, 0], Box()

    def put(number: int) -> None:
        places[end.value] = number
        end.value += 1

    together(lambda: put(1), lambda: put(2))
    assert sorted(places) == [1, 2]


@correct()
def deque_of_two_writers() -> None:
    places: deque[int] = deque()
    together(lambda: places.append(1), lambda: places.append(2))
    assert sorted(places) == [1, 2]


@bug("atomicity violation")
def seats_sold_twice() -> None:
    """`airline`: the last seat is sold by both counters."""
    sold, closed = Box(), Box()

    def sell() -> None:
        if not closed.value:
            sold.value += 1
            if sold.value >= 1:
                closed.value = 1

    together(sell, sell)
    assert sold.value <= 1


@bug("atomicity violation")
def permits_for_two_around_a_place_for_one() -> None:
    box, room = Box(), threading.Semaphore(2)

    def enter() -> None:
        with room:
            box.value += 1
            assert box.value == 1
            box.value -= 1

    together(enter, enter)

"""`mode="free-threaded"`: what holds with a GIL and would break without one."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence

import pytest
import ungil.race
from race_suite.threads import together

Work = Callable[[], object]


@pytest.fixture(autouse=True)
def _as_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Findings are not made small, which takes most of the time."""
    monkeypatch.setattr("ungil.race._explore._MINIMISE_RUNS", 1)


def racing(*works: Callable[..., object], on: Callable[[], object]) -> Work:
    """A model of threads that share what `on` makes."""

    def model() -> None:
        shared = on()

        def bound(work: Callable[..., object]) -> Work:
            def run() -> None:
                work(shared)

            return run

        together(*map(bound, works))

    return model


def seen(look: Callable[..., object], *allowed: object) -> Callable[..., None]:
    """A thread that looks once and may see nothing but these."""

    def check(shared: object) -> None:
        found = look(shared)
        assert found in allowed, f"nobody has ever made it {found!r}"

    return check


def check(condition: bool) -> None:
    assert condition


def turn(items: list[object]) -> None:
    items.reverse()


def unite(mine: set[int]) -> None:
    mine |= {2, 3}


def take_away(mine: set[int]) -> None:
    mine -= {1, 2}


def drop(items: list[int]) -> None:
    del items[0]


def drop_some(items: list[int]) -> None:
    del items[:2]


def drop_every_other(items: list[int]) -> None:
    del items[::2]


def replace_all(items: list[int]) -> None:
    items[:] = [7, 8]


def replace_every_other(items: list[int]) -> None:
    items[::2] = [7, 8]


def shorten(items: list[int]) -> None:
    items[:3] = [7]


def lengthen(items: list[int]) -> None:
    items[1:1] = [7, 8]


def unpacked(items: Sequence[int]) -> tuple[int, int]:
    first, second = items
    return first, second


def gathered(items: Iterable[int]) -> set[int]:
    return {*items}


def last_of(items: list[int]) -> int:
    return items[-1]


def fill_from(items: list[int], more: deque[int]) -> None:
    items += more


def replace_from(items: list[int], more: deque[int]) -> None:
    items[:] = more


def grow_and_shrink(items: list[int]) -> None:
    items.pop()
    items.append(9)


numbers = {"one": 1, "two": 2}

BREAKS: dict[str, Work] = {
    # Read item by item.
    "in": racing(turn, seen(lambda items: 7 in items, True), on=lambda: [0, 7]),
    "index": racing(turn, lambda items: items.index(7), on=lambda: [0, 7]),
    "count": racing(
        lambda items: items.pop(0), seen(lambda items: items.count(3), 1), on=lambda: [1, 2, 3]
    ),
    "sum": racing(
        lambda prices: prices.update(two=2),
        seen(lambda prices: sum(prices.values()), 1, 3),
        on=lambda: {"one": 1},
    ),
    "max": racing(turn, seen(max, 7), on=lambda: [0, 7]),
    "any": racing(turn, seen(any, True), on=lambda: [0, 7]),
    "in values": racing(
        lambda prices: prices.update(two=2),
        seen(lambda prices: 3 in prices.values(), False),
        on=lambda: {"one": 1},
    ),
    "unpacking": racing(turn, seen(unpacked, (1, 2), (2, 1)), on=lambda: [1, 2]),
    "a set of a list": racing(turn, seen(gathered, {1, 2}), on=lambda: [1, 2]),
    "set()": racing(turn, seen(set, {1, 2}), on=lambda: [1, 2]),
    "list(deque)": racing(lambda items: items.append(3), list, on=lambda: deque([1, 2])),
    "list += deque": racing(
        lambda shared: shared[1].append(3),
        lambda shared: fill_from(*shared),
        on=lambda: ([], deque([1, 2])),
    ),
    "list[:] = deque": racing(
        lambda shared: shared[1].append(3),
        lambda shared: replace_from(*shared),
        on=lambda: ([], deque([1, 2])),
    ),
    "dict(list)": racing(
        turn,
        seen(dict, {1: 1, 2: 2}),
        on=lambda: [(1, 1), (2, 2)],
    ),
    "deque.extend(list)": racing(
        turn,
        seen(lambda items: sorted(deque(items)), [1, 2]),
        on=lambda: [1, 2],
    ),
    "tuple(dict)": racing(lambda prices: prices.update(two=2), tuple, on=lambda: {"one": 1}),
    "enumerate": racing(
        turn,
        seen(lambda items: [it for _, it in list(enumerate(items))], [1, 2], [2, 1]),
        on=lambda: [1, 2],
    ),
    "zip": racing(
        turn,
        seen(
            lambda items: list(zip(items, items, strict=True)), [(1, 1), (2, 2)], [(2, 2), (1, 1)]
        ),
        on=lambda: [1, 2],
    ),
    "map": racing(turn, seen(lambda items: sum(map(abs, items)), 3), on=lambda: [1, 2]),
    # Counted from the end.
    "the last one": racing(grow_and_shrink, seen(last_of, 1, 2, 9), on=lambda: [1, 2]),
    # Half done.
    "sort": racing(lambda items: items.sort(), seen(bool, True), on=lambda: [2, 1]),
    "pop": racing(
        lambda items: items.pop(0),
        lambda items: check(items[0] == 1 or len(items) == 2),
        on=lambda: [1, 2, 3],
    ),
    "del": racing(
        drop, lambda items: check(items[0] == 1 or len(items) == 2), on=lambda: [1, 2, 3]
    ),
    "remove": racing(
        lambda items: items.remove(1),
        lambda items: check(items[0] == 1 or len(items) == 2),
        on=lambda: [1, 2, 3],
    ),
    "insert": racing(
        lambda items: items.insert(0, 0),
        lambda items: check(len(items) == 2 or items[0] == 0),
        on=lambda: [1, 2],
    ),
    "del of a slice": racing(
        drop_some, lambda items: check(items[0] == 1 or len(items) == 1), on=lambda: [1, 2, 3]
    ),
    "del of every other": racing(
        drop_every_other,
        lambda items: check(items[0] == 1 or len(items) == 1),
        on=lambda: [1, 2, 3],
    ),
    "a slice that stays as long": racing(
        replace_all, lambda items: check(items[0] == 1 or items[1] == 8), on=lambda: [1, 2]
    ),
    "every other item": racing(
        replace_every_other,
        lambda items: check(items[0] == 1 or items[2] == 8),
        on=lambda: [1, 2, 3],
    ),
    "a slice that becomes shorter": racing(
        shorten, lambda items: check(len(items) == 4 or items[0] == 7), on=lambda: [1, 2, 3, 4]
    ),
    "a slice that becomes longer": racing(
        lengthen, lambda items: check(len(items) == 2 or items[1] == 7), on=lambda: [1, 2]
    ),
    "dict.update(dict)": racing(
        lambda prices: prices.update(numbers),
        lambda prices: check("one" not in prices or "two" in prices),
        on=lambda: {"no": 0},
    ),
    "set |= set": racing(unite, seen(len, 1, 3), on=lambda: {1}),
    "set -= set": racing(take_away, seen(len, 3, 1), on=lambda: {1, 2, 3}),
}


@pytest.mark.parametrize("model", BREAKS.values(), ids=BREAKS)
def test_what_holds_only_with_a_gil_is_found(model: Work) -> None:
    assert ungil.race.explore(model, data_races=False).proved
    assert not ungil.race.explore(model, data_races=False, mode="free-threaded").ok


def repeat(items: list[int]) -> None:
    items *= 2


def fill(shared: tuple[list[int], list[int]]) -> None:
    fill_from(*shared)  # type: ignore[arg-type]


def replace(shared: tuple[list[int], list[int]]) -> None:
    replace_from(*shared)  # type: ignore[arg-type]


def turn_second(shared: tuple[list[int], list[int]]) -> None:
    shared[1].reverse()


class Text:
    def __init__(self, value: str) -> None:
        self.value = value


def add_to_text(box: Text) -> None:
    box.value += "b"


HOLDS: dict[str, Work] = {
    "copy": racing(turn, seen(lambda items: 7 in items.copy(), True), on=lambda: [0, 7]),
    "a slice": racing(turn, seen(lambda items: items[:], [1, 2], [2, 1]), on=lambda: [1, 2]),
    "list + list": racing(
        turn, seen(lambda items: items + items, [1, 2, 1, 2], [2, 1, 2, 1]), on=lambda: [1, 2]
    ),
    "==": racing(turn, seen(lambda items: items == [1, 2], True, False), on=lambda: [1, 2]),
    "repr": racing(turn, seen(lambda items: f"{items}", "[1, 2]", "[2, 1]"), on=lambda: [1, 2]),
    "list(list)": racing(turn, seen(list, [1, 2], [2, 1]), on=lambda: [1, 2]),
    "sorted": racing(turn, seen(sorted, [1, 2]), on=lambda: [1, 2]),
    "list *= 2": racing(repeat, seen(len, 2, 4), on=lambda: [1, 2]),
    "list += list": racing(
        fill,
        turn_second,
        lambda shared: check(sum(shared[0].copy()) in (0, 3)),
        on=lambda: ([], [1, 2]),
    ),
    "list[:] = list": racing(
        replace,
        turn_second,
        lambda shared: check(sum(shared[0].copy()) in (0, 3)),
        on=lambda: ([], [1, 2]),
    ),
    "clear": racing(lambda items: items.clear(), seen(len, 2, 0), on=lambda: [1, 2]),
    "pop of the last": racing(
        lambda items: items.pop(), lambda items: items.pop(), seen(len, 0, 1, 2), on=lambda: [1, 2]
    ),
    "dict.copy": racing(
        lambda prices: prices.update(numbers),
        seen(lambda prices: len(prices.copy()), 1, 3),
        on=lambda: {"no": 0},
    ),
    "update of an empty dict": racing(
        lambda prices: prices.update(numbers), seen(len, 0, 2), on=dict
    ),
    "dict.setdefault": racing(
        *[lambda prices: prices.setdefault("one", []).append(1)] * 2, on=dict
    ),
    "popitem": racing(*[lambda prices: prices.popitem()] * 2, on=lambda: {1: 1, 2: 2}),
    "deque": racing(
        lambda items: items.rotate(1),
        seen(lambda items: 2 in items, True),
        on=lambda: deque([1, 2]),
    ),
    "str +=": racing(add_to_text, seen(lambda box: box.value, "a", "ab"), on=lambda: Text("a")),
}


@pytest.mark.parametrize("model", HOLDS.values(), ids=HOLDS)
def test_what_holds_without_a_gil_is_proved(model: Work) -> None:
    assert ungil.race.explore(model, data_races=False, mode="free-threaded").proved


def test_an_operation_with_the_list_s_lock_waits_for_another_one() -> None:
    def model() -> None:
        items = [3, 1, 2]

        def sort() -> None:
            items.sort()

        def append() -> None:
            items.append(9)

        def insert() -> None:
            items.insert(0, 0)

        together(sort, append, insert)
        assert sorted(items) == [0, 1, 2, 3, 9]

    assert ungil.race.explore(model, mode="free-threaded").proved


def test_what_unites_two_sets_waits_for_the_locks_of_both() -> None:
    def model() -> None:
        one, other = {1}, {2, 3}

        def forth() -> None:
            one.update(other)

        def back() -> None:
            other.update(one)

        together(forth, back)
        assert one | other == {1, 2, 3}
        assert one == {1, 2, 3} or other == {1, 2, 3}

    assert ungil.race.explore(model, mode="free-threaded").proved


def test_a_finding_is_replayed_in_its_mode() -> None:
    model = BREAKS["sort"]
    [finding] = ungil.race.explore(model, mode="free-threaded").findings
    again = ungil.race.Finding.from_json(finding.to_json())
    assert ungil.race.replay(again, model).steps == finding.steps


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="mode is one of 'gil', 'free-threaded'"):
        ungil.race.explore(BREAKS["sort"], mode="nogil")

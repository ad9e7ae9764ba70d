"""`mode="free-threaded"`: what holds with a GIL and would break without one."""

from collections.abc import Callable

import pytest
import ungil.race
from race_suite.threads import together


def membership() -> None:
    items = [0, 7]
    together(calling(items.reverse), lambda: check(7 in items))


def sorting() -> None:
    items = [2, 1]
    together(calling(items.sort), lambda: check(bool(items)))


def summing() -> None:
    prices = {"one": 1}
    together(lambda: prices.update(two=2), lambda: check(sum(prices.values()) in (1, 3)))


def counting() -> None:
    items = [1, 2, 3]
    together(lambda: items.pop(0), lambda: check(items.count(3) == 1))


def calling(method: Callable[[], object]) -> Callable[[], object]:
    """A thread's target that is code under test, and not a method in C."""

    def call() -> None:
        method()

    return call


def check(condition: bool) -> None:
    assert condition


@pytest.mark.parametrize("model", [membership, sorting, summing, counting])
def test_what_holds_only_with_a_gil_is_found(model: Callable[[], None]) -> None:
    assert ungil.race.explore(model).proved
    assert not ungil.race.explore(model, mode="free-threaded").ok


def test_an_operation_with_the_list_s_lock_waits_for_another_one() -> None:
    def model() -> None:
        items = [3, 1, 2]
        together(calling(items.sort), lambda: items.append(9), lambda: items.insert(0, 0))
        assert sorted(items) == [0, 1, 2, 3, 9]

    assert ungil.race.explore(model, mode="free-threaded").proved


def test_a_copy_is_one_step() -> None:
    def model() -> None:
        items = [0, 7]
        together(calling(items.reverse), lambda: check(7 in items.copy()))

    assert ungil.race.explore(model, mode="free-threaded").proved


def test_a_finding_is_replayed_in_its_mode() -> None:
    [finding] = ungil.race.explore(sorting, mode="free-threaded").findings
    again = ungil.race.Finding.from_json(finding.to_json())
    assert ungil.race.replay(again, sorting).steps == finding.steps


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="mode is one of 'gil', 'free-threaded'"):
        ungil.race.explore(sorting, mode="nogil")

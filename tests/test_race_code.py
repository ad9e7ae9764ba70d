"""How `ungil.race` follows code: by copies, so that what it explores is left as it is."""

import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import ungil
import ungil.race
from race_suite.threads import Box, together

monitoring: Any = getattr(sys, "monitoring", None)
box = Box()
runs = 0
is_steady = True


def add() -> None:
    box.value += 1


def model() -> None:
    box.value = 0
    together(add, add)
    assert box.value == 2


def adds_forever() -> Iterator[None]:
    while True:
        yield
        box.value += 1


def locked() -> None:
    global runs
    runs += 1
    lock = threading.Lock()

    def work() -> None:
        with lock:
            pass

    together(work, work)


def wavering() -> None:
    locked()
    if not is_steady and runs % 2:
        locked()
        locked()


def test_a_model_that_is_known_runs_once_for_each_schedule() -> None:
    for _ in range(3):
        ungil.race.explore(locked)
    before = runs
    result = ungil.race.explore(locked)
    assert (result.schedules, runs - before) == (2, 2)


def test_a_known_model_that_does_not_do_the_same_any_longer_is_refused() -> None:
    global is_steady
    is_steady = True
    for _ in range(4):
        assert ungil.race.explore(wavering).proved
    is_steady = False
    with pytest.raises(RuntimeError, match="does not do the same when the same schedule"):
        ungil.race.explore(wavering)


def test_a_generator_that_began_before_the_model_is_followed() -> None:
    generator = adds_forever()
    next(generator)

    def resumed() -> None:
        box.value = 0
        together(lambda: next(generator), add)
        assert box.value == 2

    [finding] = ungil.race.explore(resumed).findings
    assert finding.kind == "atomicity violation"


def test_a_generator_that_a_model_has_made_goes_on_after_it() -> None:
    kept: list[Iterator[None]] = []

    def makes() -> None:
        kept[:] = [adds_forever()]
        next(kept[0])

    assert ungil.race.explore(makes).proved
    box.value = 0
    next(kept[0])
    assert box.value == 1


def test_methods_stay_in_their_classes_while_a_model_runs() -> None:
    before = threading.Thread.start
    seen: list[bool] = []

    def looks() -> None:
        together(lambda: None)
        seen[:] = [threading.Thread.start is before]

    ungil.race.explore(looks)
    assert seen == [sys.version_info >= (3, 12)]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11 has no sys.monitoring")
def test_no_event_is_left_on_the_code_under_test() -> None:
    assert not ungil.race.explore(model).ok
    free = [tool for tool in range(6) if monitoring.get_tool(tool) is None]
    for tool in free:
        monitoring.use_tool_id(tool, "test")
    try:
        assert not any(monitoring.get_local_events(tool, add.__code__) for tool in free)
        assert not any(monitoring.get_events(tool) for tool in free)
    finally:
        for tool in free:
            monitoring.free_tool_id(tool)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11 has no sys.monitoring")
def test_another_tool_of_the_interpreter_will_do() -> None:
    assert not ungil.race.explore(model).ok
    free = [tool for tool in (4, 3) if monitoring.get_tool(tool) is None]
    monitoring.use_tool_id(free[0], "somebody else")
    try:
        assert not ungil.race.explore(model).ok
    finally:
        monitoring.free_tool_id(free[0])
    assert not ungil.race.explore(model).ok

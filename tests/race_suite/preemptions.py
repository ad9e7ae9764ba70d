"""Bugs of a known depth: as many preemptions as it says are needed, and fewer never suffice."""

import threading
from collections.abc import Callable

from race_suite.registry import Model, bug
from race_suite.threads import Box, together

NEEDED: list[tuple[Model, int]] = []


def needs(preemptions: int, kind: str = "atomicity violation") -> Callable[[Model], Model]:
    def note(model: Model) -> Model:
        NEEDED.append((model, preemptions))
        return bug(kind)(model)

    return note


@needs(1)
def one_preemption() -> None:
    box = Box()

    def write() -> None:
        box.value = 1

    def read() -> None:
        assert (box.value, box.value) != (0, 1)

    together(write, read)


@needs(2)
def two_preemptions() -> None:
    """Who sees 1 and then 2 came between the two writes, and was put aside between its looks."""
    box = Box()

    def write() -> None:
        box.value = 1
        box.value = 2

    def read() -> None:
        assert (box.value, box.value) != (1, 2)

    together(write, read)


@needs(3)
def three_preemptions() -> None:
    box = Box()

    def write() -> None:
        box.value = 1
        box.value = 2

    def read() -> None:
        assert (box.value, box.value, box.value) != (0, 1, 2)

    together(write, read)


@needs(4)
def four_preemptions() -> None:
    box = Box()

    def write() -> None:
        box.value = 1
        box.value = 2
        box.value = 3

    def read() -> None:
        assert (box.value, box.value, box.value) != (1, 2, 3)

    together(write, read)


@needs(1)
def bluetooth_driver() -> None:
    """The driver is asked to stop between a request's look at `stopping` and its entry."""
    lock = threading.Lock()

    class Driver:
        stopping = False
        stopped = False
        pending = 1  # the driver itself

    def leave() -> None:
        with lock:
            Driver.pending -= 1
            if Driver.pending == 0:
                Driver.stopped = True

    def request() -> None:
        if not Driver.stopping:
            with lock:
                Driver.pending += 1
            assert not Driver.stopped
            leave()

    def stop() -> None:
        Driver.stopping = True
        leave()

    together(request, stop)


@needs(1, "exception")
def values_in_another_order() -> None:
    """`reorder`: the second value is seen without the first."""
    box = Box()

    def write() -> None:
        box.value = 1
        box.other = -1

    def read() -> None:
        assert box.value + box.other == 0

    together(write, read)


@needs(1)
def both_writes_of_another_are_lost() -> None:
    """`stateful`: one turn of the other at the wrong place."""
    box = Box()

    def twice() -> None:
        box.value += 1
        box.value += 1

    together(twice, twice)
    assert box.value >= 3

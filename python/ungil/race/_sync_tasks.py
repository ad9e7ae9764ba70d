"""Tasks that wait for something of `ungil.sync` in a model, without blocking their event loop.

Each one tries at once, and again in its loop after every change by anybody. What it tries is no
code under test, and takes effect in one step.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from ungil._ungil import race as _native

# What an attempt gives that came to nothing.
NOT_YET = object()


class Tasks:
    """Those that wait for one thing, which is told as `what`."""

    def __init__(self, thing: object, what: str) -> None:
        self._thing = thing
        self._what = what
        self._waiting: dict[asyncio.Future[Any], Callable[[], None]] = {}

    def wait(
        self, attempt: Callable[[], Any], timeout: float | None, late: Callable[[], Any]
    ) -> "asyncio.Future[Any]":
        """A future for what `attempt` gives once it does not give `NOT_YET`.

        `late` gives the result, or raises the error, after `timeout` seconds.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def again() -> None:
            if not future.done() and not _settle(future, attempt):
                self._note()

        def give_up() -> None:
            if not future.done():
                _settle(future, late)

        if (got := attempt()) is not NOT_YET:
            future.set_result(got)
            return future
        self._note()
        self._waiting[future] = again
        future.add_done_callback(lambda done: self._waiting.pop(done, None))
        if timeout is not None:
            timer = loop.call_later(max(timeout, 0.0), give_up)
            future.add_done_callback(lambda _: timer.cancel())
        return future

    def _note(self) -> None:
        _native.note(self._thing, "waits for", self._what, None)

    def wake(self) -> None:
        """Something has changed."""
        for future, again in list(self._waiting.items()):
            loop = future.get_loop()
            if loop.is_closed():
                del self._waiting[future]
            elif loop is asyncio._get_running_loop():
                loop.call_soon(again)
            else:
                loop.call_soon_threadsafe(again)


def _settle(future: "asyncio.Future[Any]", make: Callable[[], Any]) -> bool:
    """Gives the future what `make` makes; whether it made something."""
    try:
        made = make()
    except BaseException as error:  # as a task's own exception, whatever it is
        future.set_exception(error)
        return True
    if made is NOT_YET:
        return False
    future.set_result(made)
    return True


def ready(value: object) -> "asyncio.Future[Any]":
    """A future that has this result already."""
    future = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future


def current() -> object | None:
    """The task that runs in this thread."""
    return None if asyncio._get_running_loop() is None else asyncio.current_task()

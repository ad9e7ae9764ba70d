"""How pools and their threads end: at exit, on Ctrl-C, after a fork."""

from __future__ import annotations

import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from ungil import _ungil
from ungil._future import Future

# How long an interrupted thread gets to notice, in seconds.
_GRACE = 0.5


class PoolThread(threading.Thread):
    """A thread of a pool, which tells its end itself.

    Before Python 3.13 a Ctrl-C within `join` has `threading` take a running thread for an ended
    one: what `is_alive` and `join` say is then wrong.
    """

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        super().__init__(name=name, daemon=True)
        self._work: Callable[[], object] | None = work
        self._end: Future[None] = Future()
        self._process = os.getpid()  # a fork's child has the object, and not the thread
        _threads.add(self)

    def run(self) -> None:
        assert self._work is not None
        try:
            self._work()
        finally:
            self._work = None
            self._end.set_result(None)

    def has_begun(self, patience: float = 1.0) -> bool:
        """Whether an interrupted `start` has got as far as to start the thread."""
        until = time.monotonic() + patience
        while self.ident is None and time.monotonic() < until:
            time.sleep(0.001)
        return self.ident is not None

    def runs(self) -> bool:
        """Whether it has started and not ended."""
        return self.ident is not None and not self._end.done() and os.getpid() == self._process

    def join(self, timeout: float | None = None) -> None:
        """As `Thread.join`; a thread that an interrupted `start` has not started has no end."""
        if self.ident is None:
            return
        if self.runs():
            try:
                self._end.exception(timeout)
            except TimeoutError:
                return
        super().join(timeout)


class _Stoppable(Protocol):
    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None: ...
    def _interrupt(self) -> None: ...


_executors: weakref.WeakSet[_Stoppable] = weakref.WeakSet()
# The threads of all pools: an executor may be gone before its tasks are done.
_threads: weakref.WeakSet[PoolThread] = weakref.WeakSet()


def register(executor: _Stoppable) -> None:
    """Has the executor shut down at exit, as `concurrent.futures` does."""
    _executors.add(executor)


def _at_exit() -> None:
    # After an unhandled KeyboardInterrupt the user wants the program to end, not to finish. (At
    # a prompt it was only the last line that was interrupted.)
    interrupted = getattr(sys, "last_type", None) is KeyboardInterrupt
    if not interrupted or hasattr(sys, "ps1"):
        try:
            _finish_all()
        except KeyboardInterrupt:  # whoever waits for us to finish may have enough of it
            pass
        else:
            return
    _interrupt_all()


def _finish_all() -> None:
    for executor in list(_executors):
        executor.shutdown(wait=True)
    for thread in list(_threads):
        thread.join()
    _ungil.wait_for_orphans()


def _interrupt_all() -> None:
    for executor in list(_executors):
        with suppress(KeyboardInterrupt):  # one more does not change what we do
            executor._interrupt()
    with suppress(KeyboardInterrupt):
        _ungil.kill_orphans()
        interrupt_threads(list(_threads))


def interrupt_threads(threads: list[PoolThread]) -> None:
    """Has those that run get a `KeyboardInterrupt`, and waits a moment for them."""
    running = [thread for thread in threads if thread.runs()]
    for thread in running:
        if thread.ident is not None:
            _ungil.interrupt_thread(thread.ident)
    for thread in running:
        thread.join(_GRACE / len(running))


def _after_fork_in_child() -> None:
    _executors.clear()
    _threads.clear()


# Before the interpreter joins its threads: the same hook as concurrent.futures uses.
threading._register_atexit(_at_exit)  # type: ignore[attr-defined]
os.register_at_fork(after_in_child=_after_fork_in_child)

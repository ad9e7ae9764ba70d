"""A worker's context: what its pool's initializer returned in it.

Loaded by its path in worker interpreters, where the package cannot be imported; so it imports
nothing of it.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager

TYPE_CHECKING = False  # `typing` takes a quarter of a worker's start
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

# In place of a context: not in a worker; in one whose pool has no initializer.
_NOWHERE = object()
NOTHING = object()


class _Here(threading.local):
    """The context of the worker that the calling thread is, if it is one by itself."""

    context: Any


_here = _Here()
# Of the worker that this process, or this interpreter, is.
_common: Any = _NOWHERE


def worker_context() -> Any:
    """What the pool's `initializer` returned in the worker that runs the calling task.

    Each worker has its own: each thread of a thread pool, each process of a process pool (for all
    threads that its tasks start), each interpreter; a worker that replaces another one has a new
    one. Of nested pools it is the innermost one's.

    Raises `LookupError` outside of a worker, and where the pool has no initializer.
    """
    context = getattr(_here, "context", _common)
    if context is _NOWHERE:
        raise LookupError(
            "worker_context() was called outside of a worker: it is for tasks that a pool of "
            "ungil runs"
        )
    if context is NOTHING:
        raise LookupError(
            "this worker has no context: give its pool an initializer=, whose return value will "
            "be the context"
        )
    return context


def enter(context: Any) -> None:
    """Makes it the context of the calling thread, which is a worker."""
    _here.context = context


def enter_all(context: Any) -> None:
    """Makes it the context of this whole process or interpreter, which is a worker."""
    global _common
    _common = context


@contextmanager
def entered(context: Any) -> Iterator[None]:
    """Makes it the calling thread's context for a while."""
    before = vars(_here).copy()
    _here.context = context
    try:
        yield
    finally:
        vars(_here).clear()
        vars(_here).update(before)


class WithContext:
    """Calls a function with the worker's context as its first argument."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.__module__ = getattr(function, "__module__", __name__)
        self.__qualname__ = getattr(function, "__qualname__", type(function).__name__)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(worker_context(), *args, **kwargs)

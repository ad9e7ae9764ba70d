"""`threading`'s Python classes while a model runs.

Locks are replaced in `_ungil.race`; conditions, barriers and queues are the standard library's own,
on those locks. Events, semaphores and threads are one step each here, so that they cost few
schedules.
"""

import contextvars
import functools
import importlib
import itertools
import logging
import queue
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures._base import _AcquireFutures
from typing import Any

from ungil._ungil import race as _native
from ungil.race import _caches
from ungil.race._patches import Method, Patches, followed


class Abandoned(BaseException):
    """Ends a thread of a model whose run is over. Never seen by whoever explores."""


def start(self: Any) -> None:
    if not self._initialized:
        raise RuntimeError("thread.__init__() not called")
    if self._started._flag:
        raise RuntimeError("threads can only be started once")
    self._started._flag = True
    _going[id(self)] = self
    run = self.run
    if sys.version_info >= (3, 14):
        context = self._context
        if context is None and sys.flags.thread_inherit_context:
            context = contextvars.copy_context()
        if context is not None:
            run = functools.partial(context.run, run)
    # Not by way of properties, which are functions of Python: this is done in each run.
    _native.spawn(self, self._name, self._daemonic, functools.partial(_bootstrap, self, run))


def _bootstrap(thread: Any, run: Callable[[], object]) -> None:
    ident = threading.get_ident()
    thread._ident = thread._native_id = ident
    active: dict[int, Any] = threading._active  # type: ignore[attr-defined]
    active[ident] = thread
    try:
        # `run` is the standard library's, and what it calls may be written in C.
        target = thread._target
        if type(thread).run is threading.Thread.run and target is not None:
            _native.note(thread, "runs", getattr(target, "__qualname__", "?"), None)
            _native.calls(target, thread._args)
        run()
    except (Abandoned, SystemExit):
        pass
    except KeyboardInterrupt:  # in a call that blocks, say: whoever explores wants to end
        raise
    except BaseException as error:
        _report(error, thread)
    finally:
        active.pop(ident, None)
        _going.pop(id(thread), None)
        setattr(thread, _END, _ENDED)  # for those who look at the thread after the run


def _report(error: BaseException, thread: Any) -> None:
    """A thread ends with this, which is a failure unless the model has a hook of its own for it."""
    hook = threading.excepthook
    if hook is not _excepthook:
        try:
            hook(threading.ExceptHookArgs((type(error), error, error.__traceback__, thread)))
        except (Abandoned, KeyboardInterrupt):
            raise
        except BaseException as again:
            error = again
        else:
            return
    _native.fail(failure_key(error), error)


class _Ended:
    """The handle of a thread of a model that has ended."""

    def is_done(self) -> bool:
        return True

    def join(self, timeout: float | None = None) -> None:
        pass


# Where a thread keeps its handle: from 3.13 on, later by another name; before, that it has ended.
_HANDLES = ("_handle", "_os_thread_handle")
_END = next((name for name in _HANDLES if hasattr(threading.main_thread(), name)), "_is_stopped")
_ENDED = True if _END == "_is_stopped" else _Ended()


def futures_to_lock(self: Any, futures: Any) -> None:
    """Several futures' locks are taken in an order that is the same in each run."""
    self.futures = sorted(futures, key=hash)


def failure_key(error: BaseException) -> str:
    """The same for the same mistake: the exception's type and where it was raised."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    where = (
        ""
        if traceback is None
        else f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
    )
    return f"{type(error).__qualname__} at {where}"


def join(self: Any, timeout: float | None = None) -> Any:
    if not self._started._flag:
        raise RuntimeError("cannot join thread before it is started")
    if self._ident == threading.get_ident():
        raise RuntimeError("cannot join current thread")
    if timeout is not None:
        timeout = max(timeout, 0.0)
    if not _native.knows(self):  # started before the model, and not by it
        return NotImplemented
    _native.wait(self, "joins", self._name, available=None, takes=False, timeout=timeout)
    return None


def is_alive(self: Any) -> Any:
    if not self._started._flag:
        return False
    if not _native.knows(self):
        return NotImplemented
    return not _native.look(self, self.name, None)


def event_is_set(self: Any) -> bool:
    _native.look(self, "Event", self._flag)
    return bool(self._flag)


def event_set(self: Any) -> None:
    _native.sync_point(self, "sets", "Event", self._flag)
    self._flag = True
    _native.change(self, True)


def event_clear(self: Any) -> None:
    _native.sync_point(self, "clears", "Event", self._flag)
    self._flag = False
    _native.change(self, False)


def event_wait(self: Any, timeout: float | None = None) -> bool:
    if timeout is not None:
        timeout = max(timeout, 0.0)
    _native.wait(self, "waits for", "Event", available=self._flag, takes=False, timeout=timeout)
    return bool(self._flag)


def condition_wait(self: Any, timeout: float | None = None) -> Any:
    _native.note(self, "waits for", "Condition", None)
    return NotImplemented


def condition_notify(self: Any, n: int = 1) -> Any:
    _native.note(self, "notifies" if self._waiters else "notifies nobody of", "Condition", None)
    return NotImplemented


def semaphore_init(self: Any, value: int = 1) -> Any:
    self._ungil_most = value
    return NotImplemented


def semaphore_acquire(self: Any, blocking: bool = True, timeout: float | None = None) -> bool:
    if not blocking and timeout is not None:
        raise ValueError("can't specify timeout for non-blocking acquire")
    if timeout is not None:
        timeout = max(timeout, 0.0)
    _know(self)
    name = type(self).__name__
    if not _native.wait(
        self,
        "acquires",
        name,
        available=self._value > 0,
        takes=True,
        blocking=blocking,
        timeout=timeout,
    ):
        return False
    self._value -= 1
    _native.change(self, self._value > 0)
    _native.note(self, "has", name, None)
    return True


def semaphore_release(self: Any, n: int = 1) -> None:
    if n < 1:
        raise ValueError("n must be one or more")
    _know(self)
    _native.sync_point(self, "releases", type(self).__name__, self._value > 0)
    self._value += n
    _native.change(self, True)
    # One that begins at 0 is a signal: releasing it first is what it is for.
    if 0 < self._ungil_most < self._value:
        text = f"a semaphore of {self._ungil_most} was released to {self._value}"
        _native.fail("over-release", text)


def bounded_release(self: Any, n: int = 1) -> None:
    if n < 1:
        raise ValueError("n must be one or more")
    _native.sync_point(self, "releases", "BoundedSemaphore", self._value > 0)
    if self._value + n > self._initial_value:
        raise ValueError("Semaphore released too many times")
    self._value += n
    _native.change(self, True)


def _know(semaphore: Any) -> None:
    """What a semaphore made before the run began with: what it has when it is met."""
    if not hasattr(semaphore, "_ungil_most"):
        semaphore._ungil_most = semaphore._value


# What threads of a model do in the place of these methods; NotImplemented: the method itself, then.
_METHODS: list[Method] = [
    (threading.Thread, "__init__", _native.number),
    (threading.Thread, "start", start),
    (threading.Thread, "join", join),
    (threading.Thread, "is_alive", is_alive),
    (threading.Event, "is_set", event_is_set),
    (threading.Event, "set", event_set),
    (threading.Event, "clear", event_clear),
    (threading.Event, "wait", event_wait),
    (threading.Condition, "wait", condition_wait),
    (threading.Condition, "notify", condition_notify),
    (threading.Semaphore, "__init__", semaphore_init),
    (threading.Semaphore, "acquire", semaphore_acquire),
    (threading.Semaphore, "__enter__", semaphore_acquire),
    (threading.Semaphore, "release", semaphore_release),
    (threading.BoundedSemaphore, "release", bounded_release),
    (Future, "__init__", _native.number),
    (_AcquireFutures, "__init__", futures_to_lock),
]
_simple_queue = queue.SimpleQueue
_LOGGER = logging.getLogger("concurrent.futures")
_excepthook: Any = None
_counter = threading._counter  # type: ignore[attr-defined]


def _is_no_unwinding(record: logging.LogRecord) -> bool:
    """Executors' workers log whatever ends them."""
    return not (record.exc_info and record.exc_info[0] is Abandoned)


_PATCHES = followed(_METHODS)
# Followed where they are used, and so far only loaded then.
_ALSO = {
    "asyncio.selector_events": "ungil.race._asyncio",
    "ungil._thread_pool": "ungil.race._pools",
}


def _others() -> Iterator[Patches]:
    """Of modules that are not always loaded."""
    for loaded, follower in _ALSO.items():
        if loaded in sys.modules:
            module = sys.modules.get(follower) or importlib.import_module(follower)
            yield module.PATCHES


def follow_sync() -> None:
    """The code under test uses `ungil.sync`."""
    importlib.import_module("ungil.race._sync").PATCHES.apply()


def start_new_thread(
    function: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any] | None = None
) -> int:
    """`_thread.start_new_thread` by a thread of a model; nobody waits for such a thread's end."""

    def body() -> None:
        try:
            function(*args, **(kwargs or {}))
        except (Abandoned, SystemExit):
            pass
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            _native.fail(failure_key(error), error)

    name = getattr(function, "__name__", "function")
    number: int = _native.spawn(body, f"_thread ({name})", True, body)
    return number


def install() -> None:
    global _excepthook
    _excepthook = threading.excepthook
    _PATCHES.apply()
    for patches in _others():
        patches.apply()
    queue.SimpleQueue = queue._PySimpleQueue  # type: ignore[attr-defined,misc]
    _LOGGER.addFilter(_is_no_unwinding)


def undo() -> None:
    _PATCHES.undo()
    threading.excepthook = _excepthook
    for patches in _others():
        patches.undo()
    if (followed := sys.modules.get("ungil.race._sync")) is not None:
        followed.PATCHES.undo()
        followed.forget()
    _end_those_left()
    _caches.forget()
    queue.SimpleQueue = _simple_queue  # type: ignore[misc]
    _LOGGER.removeFilter(_is_no_unwinding)
    threading._counter = _counter  # type: ignore[attr-defined]


# Started in this run, and not ended: by address.
_going: dict[int, Any] = {}
_not_waited_for: dict[str, None] = {}


def _end_those_left() -> None:
    """The run of threads that have not ended is over, and so are they."""
    for thread in _going.values():
        setattr(thread, _END, _ENDED)
    _going.clear()


def at_the_end_of_the_model() -> None:
    """Notes who goes on when the model has returned."""
    for thread in _going.values():
        if not thread.daemon:
            _not_waited_for[thread.name] = None


def tell_of_leaks(all_is_well: bool) -> None:
    """Warns of threads that a model has started and does not wait for, where no finding does."""
    if not _not_waited_for:
        return
    names = ", ".join(_not_waited_for)
    _not_waited_for.clear()
    if all_is_well:
        text = f"the model returns before {names}, which it has started: join what it starts"
        warnings.warn(text, RuntimeWarning, stacklevel=3)


def prepare() -> None:
    """Before each run: threads are named the same in all of them."""
    threading._counter = itertools.count(1).__next__  # type: ignore[attr-defined]
    threading.excepthook = _excepthook
    if _going:
        _end_those_left()
    _caches.forget()
    if (followed := sys.modules.get("ungil.race._sync")) is not None:
        followed.forget()

"""`ungil.sync` in a model: each of its locks has a twin in each run (`_sync_twins`)."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from ungil import sync
from ungil._ungil import race as _native
from ungil.race import _sync_tasks as tasks
from ungil.race import _sync_twins as twins
from ungil.race._patches import Method, Patches

T = TypeVar("T")
Methods = dict[str, Callable[..., Any]]

_running = _native.running
# By the address of each lock, which is kept alive.
_twins: dict[int, tuple[object, Any]] = {}


def forget() -> None:
    """A new run begins."""
    _twins.clear()


def _twin(real: object, make: Callable[[Any], T]) -> T:
    found = _twins.get(id(real))
    if found is None:
        found = _twins[id(real)] = (real, make(real))
    twin: T = found[1]
    return twin


def _state(real: Any, name: str) -> Any:
    """What the lock itself is like, which was made before the run."""
    return PATCHES.original(type(real).__name__, name)(real)


def _lock(real: Any) -> twins.Lock:
    return _twin(real, lambda real: twins.Lock(real, _state(real, "locked")))


def _semaphore(real: Any) -> twins.Semaphore:
    permits = _PERMITS.__get__
    return _twin(real, lambda real: twins.Semaphore(permits(real), real.bound))


def _event(real: Any) -> twins.Event:
    return _twin(real, lambda real: twins.Event(_state(real, "is_set")))


def _condition(real: Any) -> threading.Condition:
    lock: Any = _lock(real._lock)
    return _twin(real, lambda _: threading.Condition(lock))


def _barrier(real: Any) -> threading.Barrier:
    return _twin(real, lambda real: threading.Barrier(real.parties, *real._options))


def _queue(real: Any) -> twins.Queue:
    return _twin(real, lambda real: twins.Queue(real, _state(real, "qsize") > 0))


def _with(twin_of: Callable[[Any], Any]) -> Methods:
    """`with`, of what is acquired and released."""
    return {
        "__enter__": lambda real: twin_of(real).acquire(),
        "__exit__": lambda real, *_: twin_of(real).release(),
    }


def _acquired(twin_of: Callable[[Any], Any]) -> Methods:
    """The methods of what is acquired and released, by threads and by tasks."""

    def leave(real: Any, *_: Any) -> Any:
        twin_of(real).release()
        return tasks.ready(None)

    methods: Methods = {
        "acquire": lambda real, *args, **options: twin_of(real).acquire(*args, **options),
        "release": lambda real, *args, **options: twin_of(real).release(*args, **options),
        "acquire_async": lambda real, timeout=None: twin_of(real).acquire_async(timeout),
        "__aenter__": lambda real: twin_of(real).acquire_async(),
        "__aexit__": leave,
    }
    return _with(twin_of) | methods


def _owned(lock_of: Callable[[Any], Any]) -> Methods:
    """The methods of everything that has a lock."""
    return _acquired(lambda real: _lock(lock_of(real))) | {
        "locked": lambda real: _lock(lock_of(real)).locked(),
    }


_OF_VALUES = _with(lambda real: _lock(real.get_lock()))
_CLASSES: dict[type, Methods] = {
    sync.Lock: _owned(lambda real: real),
    sync.RLock: _owned(lambda real: real),
    sync.Condition: _owned(lambda real: real._lock)
    | {
        "wait": lambda real, timeout=None: _condition(real).wait(twins.limit(timeout)),
        "wait_for": lambda real, predicate, timeout=None: _condition(real).wait_for(
            predicate, twins.limit(timeout)
        ),
        "notify": lambda real, n=1: _condition(real).notify(n),
        "notify_all": lambda real: _condition(real).notify_all(),
    },
    sync.Semaphore: _acquired(_semaphore),
    sync.Event: {
        "is_set": lambda real: _event(real).twin.is_set(),
        "set": lambda real: _event(real).set(),
        "clear": lambda real: _event(real).twin.clear(),
        "wait": lambda real, timeout=None: _event(real).twin.wait(twins.limit(timeout)),
        "wait_async": lambda real, timeout=None: _event(real).wait_async(timeout),
    },
    sync.Barrier: {
        "wait": lambda real, timeout=None: _barrier(real).wait(timeout),
        "reset": lambda real: _barrier(real).reset(),
        "abort": lambda real: _barrier(real).abort(),
    },
    sync.Queue: {
        "put": lambda real, *args, **options: _queue(real).put(*args, **options),
        "get": lambda real, *args, **options: _queue(real).get(*args, **options),
        "put_nowait": lambda real, item: _queue(real).put(item, False),
        "get_nowait": lambda real: _queue(real).get(False),
        "put_async": lambda real, item, timeout=None: _queue(real).put_async(item, timeout),
        "get_async": lambda real, timeout=None: _queue(real).get_async(timeout),
        "qsize": lambda real: _queue(real).twin.qsize(),
        "empty": lambda real: _queue(real).twin.empty(),
        "full": lambda real: _queue(real).twin.full(),
        "task_done": lambda real: _queue(real).twin.task_done(),
        "join": lambda real: _queue(real).twin.join(),
        "shutdown": lambda real, immediate=False: _queue(real).shutdown(immediate),
    },
    sync.Value: _OF_VALUES,
    sync.Array: _OF_VALUES,
}
_PROPERTIES: dict[type, Methods] = {
    sync.Semaphore: {"value": lambda real: _semaphore(real).twin._value},
    sync.Barrier: {
        "n_waiting": lambda real: _barrier(real).n_waiting,
        "broken": lambda real: _barrier(real).broken,
    },
    sync.Queue: {
        "is_shutdown": lambda real: _queue(real).twin.is_shutdown,
        "unfinished_tasks": lambda real: _queue(real).twin.unfinished_tasks,
    },
}
_PERMITS: Any = sync.Semaphore.__dict__["value"]


def _asking(owner: str, name: str, followed: Callable[..., Any]) -> Callable[..., Any]:
    """A method that asks who calls."""

    def method(self: Any, /, *args: Any, **options: Any) -> Any:
        if _running() is None:
            return PATCHES.original(owner, name)(self, *args, **options)
        return followed(self, *args, **options)

    return method


def _property(owner: str, name: str, followed: Callable[..., Any]) -> property:
    def value(self: Any) -> Any:
        if _running() is None:
            return PATCHES.original(owner, name).__get__(self)
        return followed(self)

    return property(value)


def _methods() -> list[Method]:
    return [
        (owner, name, make(owner.__name__, name, followed))
        for table, make in ((_CLASSES, _asking), (_PROPERTIES, _property))
        for owner, followers in table.items()
        for name, followed in followers.items()
    ]


PATCHES = Patches(_methods())

"""`ungil.sync` in a model: each of its locks has a twin of `threading`'s in each run.

A twin begins with the state that the lock has, and the lock itself is left as it is. What makes
`ungil.sync` another thing than `threading` is done here: owners, bounds, copies of queues' items.
"""

import pickle
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from ungil import sync
from ungil._ungil import race as _native
from ungil.race._patches import Method, Patches

T = TypeVar("T")

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


def _limit(timeout: float | None) -> float | None:
    return None if timeout is None else max(0.0, timeout)


class _Lock:
    """A lock that knows who has it."""

    def __init__(self, real: Any) -> None:
        self.reentrant = isinstance(real, sync.RLock)
        self.lock = threading.RLock() if self.reentrant else threading.Lock()
        self.owner: int | None = None
        self.depth = 0
        if PATCHES.original(type(real).__name__, "locked")(real):
            raise RuntimeError(
                "a lock of ungil.sync was taken before the model began: release it first"
            )

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        limit = _limit(timeout)
        if not self.lock.acquire(blocking, -1 if limit is None else limit):
            return False
        self.took()
        return True

    def took(self) -> None:
        self.owner = threading.get_ident()
        self.depth += 1

    def release(self) -> None:
        if self.owner != threading.get_ident():
            _native.look(self, "Lock", None)
            raise sync.NotOwner("this lock was released by a thread that does not own it")
        self.depth -= 1
        if self.depth == 0:
            self.owner = None
        self.lock.release()


def _lock(real: Any) -> _Lock:
    return _twin(real, _Lock)


def _semaphore(real: Any) -> threading.Semaphore:
    return _twin(real, lambda real: threading.Semaphore(_value_of.__get__(real)))


def _event(real: Any) -> threading.Event:
    def make(real: Any) -> threading.Event:
        twin = threading.Event()
        twin._flag = PATCHES.original("Event", "is_set")(real)  # type: ignore[attr-defined]
        return twin

    return _twin(real, make)


def _condition(real: Any) -> threading.Condition:
    return _twin(real, lambda real: threading.Condition(_lock(real._lock).lock))


def _barrier(real: Any) -> threading.Barrier:
    return _twin(real, lambda real: threading.Barrier(real.parties, *real._options))


def _queue(real: Any) -> "queue.Queue[Any]":
    def make(real: Any) -> "queue.Queue[Any]":
        if PATCHES.original("Queue", "qsize")(real):
            raise RuntimeError("a queue of ungil.sync was filled before the model began")
        return queue.Queue(real.maxsize)

    return _twin(real, make)


def _release_permits(real: Any, n: int = 1) -> None:
    twin: Any = _semaphore(real)
    _native.sync_point(twin, "releases", "Semaphore", twin._value > 0)
    if real.bound is not None and twin._value + n > real.bound:
        raise sync.OverRelease(
            f"a semaphore of {real.bound} would be released to {twin._value + n}"
        )
    twin._value += n
    _native.change(twin, True)


def _wait_for(real: Any, predicate: Any, timeout: float | None = None) -> Any:
    lock = _lock(real._lock)
    return _away(lock, lambda: _condition(real).wait_for(predicate, _limit(timeout)))


def _wait(real: Any, timeout: float | None = None) -> bool:
    lock = _lock(real._lock)
    return _away(lock, lambda: _condition(real).wait(_limit(timeout)))


def _away(lock: _Lock, wait: Callable[[], T]) -> T:
    """Waits, while others may have the lock."""
    me, depth = threading.get_ident(), lock.depth
    if lock.owner != me:
        raise RuntimeError("cannot wait on un-acquired lock")
    lock.owner, lock.depth = None, 0
    try:
        return wait()
    finally:
        lock.owner, lock.depth = me, depth


def _put(real: Any, item: Any, block: bool = True, timeout: float | None = None) -> None:
    # Another process would get a copy, and so does another thread.
    _queue(real).put(pickle.loads(pickle.dumps(item)), block, _limit(timeout))


def _get(real: Any, block: bool = True, timeout: float | None = None) -> Any:
    return _queue(real).get(block, _limit(timeout))


def _shut(real: Any, immediate: bool = False) -> None:
    twin: Any = _queue(real)
    if not hasattr(twin, "shutdown"):
        raise RuntimeError("ungil.race follows shutdown() of queues on Python 3.13 and later")
    twin.shutdown(immediate)


def _refuse(real: Any, *_: Any, **__: Any) -> Any:
    raise RuntimeError("ungil.race cannot follow the asynchronous methods of ungil.sync")


def _of_lock(lock_of: Callable[[Any], Any]) -> dict[str, Callable[..., Any]]:
    """The methods of everything that has a lock."""
    return {
        "acquire": lambda real, blocking=True, timeout=None: _lock(lock_of(real)).acquire(
            blocking, timeout
        ),
        "release": lambda real: _lock(lock_of(real)).release(),
        "__enter__": lambda real: _lock(lock_of(real)).acquire(),
        "__exit__": lambda real, *_: _lock(lock_of(real)).release(),
        "locked": lambda real: _lock(lock_of(real)).owner is not None,
        "acquire_async": _refuse,
        "__aenter__": _refuse,
        "__aexit__": _refuse,
    }


def _itself(real: Any) -> Any:
    return real


_CLASSES: dict[type, dict[str, Callable[..., Any]]] = {
    sync.Lock: _of_lock(_itself),
    sync.RLock: _of_lock(_itself),
    sync.Condition: _of_lock(lambda real: real._lock)
    | {
        "wait": _wait,
        "wait_for": _wait_for,
        "notify": lambda real, n=1: _condition(real).notify(n),
        "notify_all": lambda real: _condition(real).notify_all(),
    },
    sync.Semaphore: {
        "acquire": lambda real, blocking=True, timeout=None: _semaphore(real).acquire(
            blocking, timeout
        ),
        "release": _release_permits,
        "__enter__": lambda real: _semaphore(real).acquire(),
        "__exit__": lambda real, *_: _release_permits(real),
        "acquire_async": _refuse,
    },
    sync.Event: {
        "is_set": lambda real: _event(real).is_set(),
        "set": lambda real: _event(real).set(),
        "clear": lambda real: _event(real).clear(),
        "wait": lambda real, timeout=None: _event(real).wait(_limit(timeout)),
        "wait_async": _refuse,
    },
    sync.Barrier: {
        "wait": lambda real, timeout=None: _barrier(real).wait(timeout),
        "reset": lambda real: _barrier(real).reset(),
        "abort": lambda real: _barrier(real).abort(),
    },
    sync.Queue: {
        "put": _put,
        "get": _get,
        "put_nowait": lambda real, item: _put(real, item, False),
        "get_nowait": lambda real: _get(real, False),
        "put_async": _refuse,
        "get_async": _refuse,
        "qsize": lambda real: _queue(real).qsize(),
        "empty": lambda real: _queue(real).empty(),
        "full": lambda real: _queue(real).full(),
        "task_done": lambda real: _queue(real).task_done(),
        "join": lambda real: _queue(real).join(),
        "shutdown": _shut,
    },
    sync.Value: {
        "__enter__": lambda real: _lock(real.get_lock()).acquire(),
        "__exit__": lambda real, *_: _lock(real.get_lock()).release(),
    },
    sync.Array: {
        "__enter__": lambda real: _lock(real.get_lock()).acquire(),
        "__exit__": lambda real, *_: _lock(real.get_lock()).release(),
    },
}
_value_of: Any = sync.Semaphore.__dict__["value"]


def _asking(owner: str, name: str, followed: Callable[..., Any]) -> Callable[..., Any]:
    """A method that asks who calls."""

    def method(self: Any, /, *args: Any, **options: Any) -> Any:
        if _running() is None:
            return PATCHES.original(owner, name)(self, *args, **options)
        return followed(self, *args, **options)

    return method


def _methods() -> list[Method]:
    found: list[Method] = [
        (owner, name, _asking(owner.__name__, name, followed))
        for owner, methods in _CLASSES.items()
        for name, followed in methods.items()
    ]
    permits = property(
        lambda real: _value_of.__get__(real) if _running() is None else _semaphore(real)._value
    )
    return [*found, (sync.Semaphore, "value", permits)]


PATCHES = Patches(_methods())

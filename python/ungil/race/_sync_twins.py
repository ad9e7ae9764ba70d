"""What stands for the locks of `ungil.sync` in a run: `threading`'s, which models are made of.

A twin begins with the state that the lock has, and the lock itself is left as it is. What makes
`ungil.sync` another thing than `threading` is done here: owners (threads, and tasks among those of
one thread), bounds, copies of queues' items, and tasks that wait.
"""

import asyncio
import math
import pickle
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any

from ungil import sync
from ungil._ungil import race as _native
from ungil.race import _sync_tasks as tasks


def limit(timeout: float | None) -> float | None:
    return None if timeout is None else max(0.0, timeout)


class Lock:
    """A lock that knows which thread has it, and which task, if one has awaited it.

    Also what conditions need of a lock.
    """

    def __init__(self, real: Any, is_taken: bool) -> None:
        self._name = type(real).__name__
        self._reentrant = isinstance(real, sync.RLock)
        self._lock = threading.RLock() if self._reentrant else threading.Lock()
        self._owner: int | None = None
        self._task: object = None
        self._depth = 0
        self._tasks = tasks.Tasks(self._lock, self._name)
        if is_taken:
            raise RuntimeError(
                "a lock of ungil.sync was taken before the model began: release it first"
            )

    def locked(self) -> bool:
        return self._owner is not None

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        return self._acquire(blocking, timeout, None)

    def acquire_async(self, timeout: float | None = None) -> "asyncio.Future[bool]":
        task = tasks.current()
        return self._tasks.wait(
            lambda: self._acquire(False, None, task) or tasks.NOT_YET, timeout, lambda: False
        )

    def _acquire(self, blocking: bool, timeout: float | None, task: object) -> bool:
        if self._reentrant and self._owner == threading.get_ident():
            if self._is_owned(task):
                self._depth += 1
                return True
            # Another task of this thread has it: the inner lock would let it in.
            return bool(
                _native.wait(
                    self,
                    "acquires",
                    self._name,
                    available=False,
                    takes=True,
                    blocking=blocking,
                    timeout=limit(timeout),
                )
            )
        wait = -1 if timeout is None else max(0.0, timeout)
        if not self._lock.acquire(blocking, wait if blocking else -1):
            return False
        self._took(1, task)
        return True

    def _took(self, depth: int, task: object) -> None:
        self._owner, self._task, self._depth = threading.get_ident(), task, depth
        _native.note(self._lock, "has", self._name, None)

    def release(self) -> None:
        if not self._is_owned():
            _native.look(self, "Lock", None)
            raise sync.NotOwner("this lock was released by a thread that does not own it")
        self._depth -= 1
        if self._depth == 0:
            self._leave()

    def _leave(self) -> None:
        self._owner = self._task = None
        self._lock.release()
        self._tasks.wake()

    def _is_owned(self, task: object = None) -> bool:
        mine = self._owner == threading.get_ident()
        return mine and (self._task is None or self._task is (task or tasks.current()))

    def _release_save(self) -> tuple[int, object]:
        state = self._depth, self._task
        self._leave()
        return state

    def _acquire_restore(self, state: tuple[int, object]) -> None:
        self._lock.acquire()
        self._took(*state)


class Semaphore:
    def __init__(self, permits: int, bound: int | None) -> None:
        self.twin: Any = threading.Semaphore(permits)
        self.bound = bound
        self._tasks = tasks.Tasks(self.twin, "Semaphore")

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        return bool(self.twin.acquire(blocking, timeout))

    def acquire_async(self, timeout: float | None = None) -> "asyncio.Future[bool]":
        return self._tasks.wait(
            lambda: self.acquire(False) or tasks.NOT_YET, timeout, lambda: False
        )

    def release(self, n: int = 1) -> None:
        if n < 1:
            raise ValueError("n must be one or more")
        twin = self.twin
        _native.sync_point(twin, "releases", "Semaphore", twin._value > 0)
        if self.bound is not None and twin._value + n > self.bound:
            raise sync.OverRelease(
                f"a semaphore of {self.bound} would be released to {twin._value + n}"
            )
        twin._value += n
        _native.change(twin, True)
        self._tasks.wake()


class Event:
    def __init__(self, is_set: bool) -> None:
        event: Any = threading.Event()
        event._flag = is_set
        self.twin: threading.Event = event
        self._tasks = tasks.Tasks(self.twin, "Event")

    def set(self) -> None:
        self.twin.set()
        self._tasks.wake()

    def wait_async(self, timeout: float | None = None) -> "asyncio.Future[bool]":
        return self._tasks.wait(lambda: self.twin.is_set() or tasks.NOT_YET, timeout, lambda: False)


class _Shut(queue.Queue[Any]):
    """Before 3.13 queues cannot be shut down."""

    is_shutdown = False

    def _qsize(self) -> int:
        """Asked by those who wait: where it is over for them, this ends it."""
        if self.is_shutdown and not self.queue:
            raise sync.ShutDown
        return len(self.queue)

    def _put(self, item: Any) -> None:
        if self.is_shutdown:
            raise sync.ShutDown
        self.queue.append(item)

    def qsize(self) -> int:
        with self.mutex:
            return len(self.queue)

    def empty(self) -> bool:
        return self.qsize() == 0

    def shutdown(self, immediate: bool = False) -> None:
        with self.mutex:
            self.is_shutdown = True
            self.maxsize: Any = math.inf  # whoever waits for room does so no longer
            if immediate:
                self.unfinished_tasks = max(0, self.unfinished_tasks - len(self.queue))
                self.queue.clear()
                self.all_tasks_done.notify_all()
            self.not_empty.notify_all()
            self.not_full.notify_all()


class Queue:
    def __init__(self, real: Any, is_filled: bool) -> None:
        if is_filled:
            raise RuntimeError("a queue of ungil.sync was filled before the model began")
        kind: Any = queue.Queue if sys.version_info >= (3, 13) else _Shut
        self.twin = kind(real.maxsize)
        self._most = real.max_bytes
        self._tasks = tasks.Tasks(self.twin, "Queue")

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        self._put(self._copy(item), block, timeout)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        item = self.twin.get(block, limit(timeout))
        self._tasks.wake()
        return item

    def put_async(self, item: Any, timeout: float | None = None) -> "asyncio.Future[None]":
        copy = self._copy(item)
        return self._tasks.wait(
            _or_not_yet(queue.Full, lambda: self._put(copy, False)), timeout, _raising(queue.Full)
        )

    def get_async(self, timeout: float | None = None) -> "asyncio.Future[Any]":
        return self._tasks.wait(
            _or_not_yet(queue.Empty, lambda: self.get(False)), timeout, _raising(queue.Empty)
        )

    def shutdown(self, immediate: bool = False) -> None:
        self.twin.shutdown(immediate)
        self._tasks.wake()

    def _copy(self, item: Any) -> Any:
        """Another process would get a copy, and so does another thread."""
        text = pickle.dumps(item, 5)
        if len(text) > self._most:
            raise ValueError(
                f"the object takes {len(text)} bytes and this queue takes at most {self._most}:"
                f" make it with Queue(max_bytes={len(text)})"
            )
        return pickle.loads(text)

    def _put(self, item: Any, block: bool, timeout: float | None = None) -> None:
        self.twin.put(item, block, limit(timeout))
        self._tasks.wake()


def _or_not_yet(error: type[Exception], attempt: Callable[[], Any]) -> Callable[[], Any]:
    def made() -> Any:
        try:
            return attempt()
        except error:
            return tasks.NOT_YET

    return made


def _raising(error: type[Exception]) -> Callable[[], Any]:
    def late() -> Any:
        raise error

    return late

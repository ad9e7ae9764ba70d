"""`ungil.ThreadPoolExecutor` in a model: the standard library's executor, which is followed, runs
its tasks.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import ThreadPoolExecutor as Standard
from typing import Any

from ungil import _context
from ungil._thread_pool import ThreadPoolExecutor
from ungil._ungil import race as _native
from ungil.race._patches import Patches

_TWIN = "_ungil_twin"


def _original(name: str) -> Any:
    own = PATCHES.original("ThreadPoolExecutor", name)
    return own or getattr(super(ThreadPoolExecutor, ThreadPoolExecutor), name)


def _twin(pool: Any) -> Standard | None:
    """What runs a pool's tasks, where the caller is a thread of a model."""
    if _native.running() is None:
        return None
    twin: Standard | None = pool.__dict__.get(_TWIN)
    if twin is None:
        raise RuntimeError("a model makes its executors itself: this one was made before")
    return twin


def init(self: Any, *args: Any, **options: Any) -> None:
    _original("__init__")(self, *args, **options)
    if _native.running() is None:
        return
    initializer = self._initializer
    begin = None if initializer is None else lambda: _context.enter(initializer(*self._initargs))
    self.__dict__[_TWIN] = Standard(self._max_workers, self._prefix, begin)


def submit(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
    twin = _twin(self)
    if twin is None:
        future: Future[Any] = _original("submit")(self, fn, *args, **kwargs)
        return future
    return twin.submit(fn, *args, **kwargs)


def submit_with(
    self: Any, options: Any, fn: Callable[..., Any], args: Any, kwargs: Any
) -> Future[Any]:
    twin = _twin(self)
    if twin is None:
        future: Future[Any] = _original("_submit_with")(self, options, fn, args, kwargs)
        return future
    return twin.submit(fn, *args, **kwargs)


def mapped(self: Any, fn: Callable[..., Any], *iterables: Any, **options: Any) -> Iterator[Any]:
    twin = _twin(self)
    if twin is None:
        results: Iterator[Any] = _original("map")(self, fn, *iterables, **options)
        return results
    return twin.map(fn, *iterables, timeout=options.get("timeout"))


def shutdown(self: Any, wait: bool = True, *, cancel_futures: bool = False) -> None:
    if (twin := _twin(self)) is not None:
        twin.shutdown(wait, cancel_futures=cancel_futures)
    _original("shutdown")(self, wait, cancel_futures=cancel_futures)


PATCHES = Patches(
    [
        (ThreadPoolExecutor, "__init__", init),
        (ThreadPoolExecutor, "submit", submit),
        (ThreadPoolExecutor, "_submit_with", submit_with),
        (ThreadPoolExecutor, "map", mapped),
        (ThreadPoolExecutor, "shutdown", shutdown),
    ]
)

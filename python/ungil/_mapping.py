"""`Executor.map`: what it was called with, and results in order, on every Python."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from ungil._progress import Progress

T = TypeVar("T")


class MapCall(NamedTuple):
    """What `map` was called with, beside the function."""

    iterables: tuple[Iterable[Any], ...]
    timeout: float | None
    chunksize: int
    buffersize: int | None
    progress: bool | str

    def arguments(self) -> Iterator[tuple[Any, ...]]:
        """The arguments of one call after the other."""
        return zip(*self.iterables, strict=False)


class Submitter(Protocol):
    """What `map` submits through: an executor, or a view of one."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]: ...

    def _weakly(self) -> Callable[[], Submitter | None]:
        """Gives it as long as its owner has it."""

    def _may_wait(self) -> bool:
        """Whether `submit` may wait for room."""


def map_buffered(
    executor: Submitter,
    fn: Callable[..., T],
    arguments: Iterator[tuple[Any, ...]],
    timeout: float | None,
    buffersize: int | None,
    *,
    bar: Progress | None,
    items: Callable[[tuple[Any, ...]], int] = lambda _: 1,
) -> Iterator[T]:
    """`Executor.map` as Python 3.14 has it, on every version.

    bar: counts `items(args)` when the call of these arguments has ended.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    futures: deque[Future[T]] = deque()

    def submit(pool: Submitter, args: tuple[Any, ...]) -> None:
        future = pool.submit(fn, *args)
        futures.append(future)
        if bar is not None:
            bar.watch(future, items(args))

    try:
        for args in arguments if buffersize is None else itertools.islice(arguments, buffersize):
            submit(executor, args)
    except BaseException:
        if bar is not None:
            bar.close()
        raise
    # Where submitting may wait for room, it must not do so before the time limit is heeded.
    waits = executor._may_wait()
    # As in 3.14: an executor that its owner has dropped is not kept alive.
    weak = executor._weakly()

    def results() -> Iterator[T]:
        try:
            while futures:
                left = None if deadline is None else deadline - time.monotonic()
                # No name for the future or its result: the consumer alone shall keep it.
                yield _result_or_cancel(futures, left, submit_next, waits)
            if bar is not None:
                bar.all_ended()
        finally:
            for future in futures:
                future.cancel()
            if bar is not None:
                bar.close()

    def submit_next() -> None:
        if buffersize is not None and (alive := weak()) is not None:
            for args in itertools.islice(arguments, 1):
                submit(alive, args)

    return results()


def _result_or_cancel(
    futures: deque[Future[T]],
    timeout: float | None,
    submit_next: Callable[[], None],
    waits: bool,
) -> T:
    future = futures.popleft()
    try:
        if waits and future.exception(timeout) is not None:
            return future.result()
        # Before the wait: the workers shall not run dry meanwhile.
        submit_next()
        return future.result(timeout)
    finally:
        future.cancel()
        # The exception's traceback would keep it, and it the exception.
        del future


def check_buffersize(buffersize: int | None) -> None:
    """A `TypeError` or `ValueError` as Python 3.14's `Executor.map` raises it."""
    if buffersize is None:
        return
    if not isinstance(buffersize, int):
        raise TypeError("buffersize must be an integer or None")
    if buffersize < 1:
        raise ValueError("buffersize must be None or > 0")


def bounded(buffersize: int | None, max_pending: int | None) -> int | None:
    """How many calls `map` submits ahead of the results taken."""
    if buffersize is None or max_pending is None:
        return buffersize or max_pending
    return min(buffersize, max_pending)

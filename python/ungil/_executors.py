"""The executors' Python door: the standard interface on the native engine."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from concurrent.futures import Future as _StandardFuture
from contextlib import suppress
from types import TracebackType
from typing import Any, Literal, NoReturn, Protocol, TypeVar

from ungil import _ungil

T = TypeVar("T")

# How long an interrupted thread gets to notice, in seconds.
_GRACE = 0.5


class Future(_ungil.FutureBase, _StandardFuture[T]):
    """A call's future result; a `concurrent.futures.Future` in every respect."""

    def __init__(self) -> None:  # the native half has no more to set up
        pass

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle a future: send its result() instead")


class _Stoppable(Protocol):
    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None: ...
    def _interrupt(self) -> None: ...


_executors: weakref.WeakSet[_Stoppable] = weakref.WeakSet()
# The threads of all pools: an executor may be gone before its tasks are done.
_threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


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
        _interrupt_threads(list(_threads))


def _interrupt_threads(threads: list[threading.Thread]) -> None:
    running = [thread for thread in threads if thread.is_alive()]
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


def without_shared(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call's arguments as a task that is not pickled gets them: the values of what is shared."""
    share = sys.modules.get("ungil._share")
    return (args, kwargs) if share is None else share.unwrapped(args, kwargs)


class InterruptibleExecutor(Executor):
    """An executor whose `with` block ends at once on Ctrl-C."""

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[T]:
        """Like `map(fn, *iterables)`, but the calls run in the pool; results come in order.

        timeout: seconds from now until the last result must be there, else `TimeoutError`.
        chunksize: for pools of threads without meaning.
        buffersize: at most so many calls are submitted ahead of the results taken; default:
            all at once. With it the iterables may be endless.
        """
        del chunksize
        return map_buffered(self, fn, zip(*iterables, strict=False), timeout, buffersize)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> Literal[False]:
        """Waits for the tasks; Ctrl-C, before or meanwhile, ends them."""
        if exc_type is not None and issubclass(exc_type, KeyboardInterrupt):
            self._interrupt()
            return False
        try:
            self.shutdown(wait=True)
        except BaseException:
            self._interrupt()
            raise
        return False

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"cannot pickle a {type(self).__name__}: make one where it is needed")

    def _interrupt(self) -> None:
        raise NotImplementedError


def map_buffered(
    executor: Executor,
    fn: Callable[..., T],
    arguments: Iterator[tuple[Any, ...]],
    timeout: float | None,
    buffersize: int | None,
) -> Iterator[T]:
    """`Executor.map` as Python 3.14 has it, on every version."""
    check_buffersize(buffersize)
    deadline = None if timeout is None else time.monotonic() + timeout
    ahead = arguments if buffersize is None else itertools.islice(arguments, buffersize)
    futures = deque(executor.submit(fn, *args) for args in ahead)
    # Like 3.14, not to keep an executor alive that its owner has dropped.
    weak = weakref.ref(executor)

    def results() -> Iterator[T]:
        try:
            while futures:
                left = None if deadline is None else deadline - time.monotonic()
                # No name for the future or its result: the consumer alone shall keep it.
                yield _result_or_cancel(futures, left, submit_next)
        finally:
            for future in futures:
                future.cancel()

    def submit_next() -> None:
        if buffersize is not None and (alive := weak()) is not None:
            for args in itertools.islice(arguments, 1):
                futures.append(alive.submit(fn, *args))

    return results()


def _result_or_cancel(
    futures: deque[_StandardFuture[T]], timeout: float | None, submit_next: Callable[[], None]
) -> T:
    future = futures.popleft()
    try:
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


def check_max_workers(max_workers: int | None, default: int) -> int:
    """The number of workers to use, or a `ValueError` as `concurrent.futures` raises it."""
    if max_workers is None:
        return default
    if max_workers <= 0:
        raise ValueError(f"max_workers must be greater than 0, not {max_workers}")
    return max_workers


def usable_cores() -> int:
    """The cores this process may use."""
    if sys.version_info >= (3, 13):
        return os.process_cpu_count() or 1
    return len(os.sched_getaffinity(0))


def check_initializer(initializer: Callable[..., object] | None) -> None:
    """A `TypeError` unless it is a callable or None."""
    if initializer is not None and not callable(initializer):
        raise TypeError("initializer must be a callable")


# For the names of executors that were given none.
_numbers = itertools.count()


class ThreadPoolExecutor(_ungil.ThreadPool, InterruptibleExecutor):
    """Runs calls in a pool of threads; a drop-in for `concurrent.futures.ThreadPoolExecutor`.

    max_workers: threads at most; default: the usable cores + 4, 32 at most.
    thread_name_prefix: names the threads `PREFIX_0`, `PREFIX_1` ...
    initializer, initargs: called in each thread before its first task; if it raises, the pool
        is broken (`concurrent.futures.thread.BrokenThreadPool`).

    On Ctrl-C inside the `with` block waiting tasks are cancelled and running ones get a
    `KeyboardInterrupt`; one that sits in a long call of native code cannot be stopped.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        count = check_max_workers(max_workers, min(32, usable_cores() + 4))
        check_initializer(initializer)
        self._initializer = initializer
        self._initargs = initargs
        self._prefix = thread_name_prefix or f"{type(self).__name__}-{next(_numbers)}"
        self._max_workers = count
        self._threads: list[threading.Thread] = []
        self._open(count)
        register(self)

    def _start_thread(self) -> None:
        # The thread must not keep the executor alive: its end is what ends the thread.
        thread = threading.Thread(
            target=_run_thread,
            args=(self._core(), self._initializer, without_shared(self._initargs, {})[0]),
            name=f"{self._prefix}_{len(self._threads)}",
            daemon=True,
        )
        thread.start()
        self._threads.append(thread)
        _threads.add(thread)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Takes no more tasks; waits for those taken, or drops those not yet begun."""
        for future in self._close(cancel_futures):
            future.cancel()
            future.set_running_or_notify_cancel()
        if wait:
            for thread in self._threads:
                thread.join()

    def _interrupt(self) -> None:
        self.shutdown(wait=False, cancel_futures=True)
        _interrupt_threads(self._threads)


def _run_thread(
    core: _ungil.ThreadPoolCore,
    initializer: Callable[..., object] | None,
    initargs: tuple[Any, ...],
) -> None:
    if initializer is not None:
        try:
            initializer(*initargs)
        except BaseException:
            import logging  # noqa: PLC0415 (only on the way to failure)

            logging.getLogger("concurrent.futures").critical(
                "Exception in initializer:", exc_info=True
            )
            core.fail()
            return
    with suppress(KeyboardInterrupt):  # it came between two tasks
        core.work(pause)


def pause() -> None:
    """Does nothing, in Python code; for `ThreadPoolCore.work`."""

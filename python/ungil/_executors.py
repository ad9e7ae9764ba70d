"""The executors' Python door: the standard interface on the native engine."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from concurrent.futures import Future as _StandardFuture
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar

from ungil import _context, _ungil
from ungil._affinity import Affinity, check_affinity, pin
from ungil._options import Options, OptionsView, check_options, refuse_timeout
from ungil._progress import Progress, length, show

if TYPE_CHECKING:
    from ungil._stats import PoolStats

T = TypeVar("T")

# How long an interrupted thread gets to notice, in seconds.
_GRACE = 0.5


class Future(_ungil.FutureBase, _StandardFuture[T]):
    """A call's future result; a `concurrent.futures.Future` in every respect."""

    def __init__(self) -> None:  # the native half has no more to set up
        pass

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle a future: send its result() instead")


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
        _interrupt_threads(list(_threads))


def _interrupt_threads(threads: list[PoolThread]) -> None:
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


def without_shared(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call's arguments as a task that is not pickled gets them: the values of what is shared."""
    share = sys.modules.get("ungil._share")
    return (args, kwargs) if share is None else share.unwrapped(args, kwargs)


class InterruptibleExecutor(_ungil.WithBlock, Executor):
    """An executor whose `with` block ends at once on Ctrl-C."""

    # The bound on accepted, unfinished tasks.
    _max_pending: int | None = None
    # Whether the workers have a context.
    _has_initializer = False
    # The bars of its maps.
    _bars: Sequence[weakref.ref[Progress]] = ()

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
        progress: bool | str = False,
    ) -> Iterator[T]:
        """Like `map(fn, *iterables)`, but the calls run in the pool; results come in order.

        timeout: seconds from now until the last result must be there, else `TimeoutError`.
        chunksize: for pools of threads without meaning.
        buffersize: at most so many calls are submitted ahead of the results taken; default:
            the pool's `max_pending`, else all at once. With it the iterables may be endless.
        progress: True, or a label: shows a bar of the calls that have ended, on stderr if that is
            a terminal, or in a notebook (with tqdm).
        """
        return self._map(self, fn, iterables, timeout, chunksize, buffersize, progress)

    def options(
        self, *, timeout: float | None = None, priority: int = 0, pass_context: bool = False
    ) -> OptionsView:
        """This executor with options for the tasks submitted through what it gives.

        timeout: seconds that a task may run, counted from its start in a worker; then it is
            stopped and fails with `ungil.TaskTimeout`. In process pools only (`ValueError`
            elsewhere): nothing but a process can be stopped from outside. Default: the
            executor's `task_timeout`; `math.inf` lifts that.
        priority: of the tasks that wait, those with the highest start first, equal ones in the
            order in which they were submitted.
        pass_context: calls are `fn(context, *args)` with what the pool's initializer returned in
            the worker, as `ungil.worker_context()` gives it. `ValueError` without initializer.
        """
        options = check_options(timeout, priority, pass_context)
        self._check_options(options)
        if pass_context and not self._has_initializer:
            raise ValueError(
                "pass_context=True passes what the initializer returns, and this executor was "
                "given no initializer="
            )
        return OptionsView(self, options)

    def _check_options(self, options: Options) -> None:
        """A `ValueError` for options that this kind of executor cannot heed."""

    def _submit_with(
        self,
        options: Options,
        fn: Callable[..., T],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Future[T]:
        raise NotImplementedError

    def _map(
        self,
        through: Executor,
        fn: Callable[..., T],
        iterables: tuple[Iterable[Any], ...],
        timeout: float | None,
        chunksize: int,
        buffersize: int | None,
        progress: bool | str,
    ) -> Iterator[T]:
        """`map`, submitting through this executor or a view of it."""
        del chunksize
        check_buffersize(buffersize)
        buffersize = bounded(buffersize, self._max_pending)
        arguments = zip(*iterables, strict=False)
        bar = self._show(progress, iterables)
        return map_buffered(through, fn, arguments, timeout, buffersize, bar=bar)

    def _show(self, progress: bool | str, iterables: tuple[Iterable[Any], ...]) -> Progress | None:
        """The bar of a `map`; it is closed with the `with` block at the latest."""
        bar = show(progress, length(iterables))
        if bar is not None:
            self._bars = [bar for bar in self._bars if bar() is not None] + [weakref.ref(bar)]
        return bar

    def _close_bars(self) -> None:
        for reference in self._bars:
            if (bar := reference()) is not None:
                bar.close()

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
    *,
    bar: Progress | None,
    items: Callable[[tuple[Any, ...]], int] = lambda _: 1,
) -> Iterator[T]:
    """`Executor.map` as Python 3.14 has it, on every version.

    bar: counts `items(args)` when the call of these arguments has ended.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    futures: deque[_StandardFuture[T]] = deque()

    def submit(pool: Executor, args: tuple[Any, ...]) -> None:
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
    waits = _is_bounded(executor)
    weak = _weakly(executor)

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


def _is_bounded(executor: Executor) -> bool:
    pool = executor._executor if isinstance(executor, OptionsView) else executor
    return getattr(pool, "_max_pending", None) is not None


def _weakly(executor: Executor) -> Callable[[], Executor | None]:
    """Like 3.14, not to keep an executor alive that its owner has dropped."""
    if not isinstance(executor, OptionsView):
        return weakref.ref(executor)
    weak, options = weakref.ref(executor._executor), executor._options
    return lambda: None if (alive := weak()) is None else OptionsView(alive, options)


def _result_or_cancel(
    futures: deque[_StandardFuture[T]],
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


def check_max_pending(max_pending: int | None) -> int | None:
    """The bound on accepted, unfinished tasks, or a `TypeError` or `ValueError`."""
    if max_pending is None:
        return None
    if not isinstance(max_pending, int):
        raise TypeError(f"max_pending must be an integer or None, not {max_pending!r}")
    if max_pending < 1:
        raise ValueError(f"max_pending must be at least 1, not {max_pending}")
    return min(max_pending, sys.maxsize)


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
    initializer, initargs: called in each thread before its first task; what it returns is that
        thread's `ungil.worker_context()`. If it raises, the pool is broken
        (`concurrent.futures.thread.BrokenThreadPool`).
    affinity: the cores that the threads may run on: "spread" for one each, in turn, or a sequence
        with a core or a set of cores per thread, from the start again when it ends; default: all
        that the process may use. Raises `ValueError` for a core that it may not use.
    max_pending: so many accepted tasks may be unfinished; `submit` waits for room, except in
        the pool's own threads, which others may be waiting for. Default: no bound.
    stats: whether the pool keeps the figures that `stats()` gives; that costs each task about a
        tenth of a microsecond.

    A task that waits for another one of its own pool (`result()`, `exception()`, the results of
    `map`) runs that one itself if no thread has begun it: pools may be used recursively.

    On Ctrl-C inside the `with` block waiting tasks are cancelled and running ones get a
    `KeyboardInterrupt`; one that sits in a long call of native code cannot be stopped.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        affinity: Affinity | None = None,
        max_pending: int | None = None,
        stats: bool = False,
    ) -> None:
        count = check_max_workers(max_workers, min(32, usable_cores() + 4))
        check_initializer(initializer)
        cores = check_affinity(affinity)
        self._initializer = initializer
        self._has_initializer = initializer is not None
        self._initargs = initargs
        self._cores = cores
        self._prefix = thread_name_prefix or f"{type(self).__name__}-{next(_numbers)}"
        self._max_workers = count
        self._max_pending = check_max_pending(max_pending)
        self._threads: list[PoolThread] = []
        self._open(count, self._max_pending, bool(stats))
        register(self)

    def _start_thread(self) -> None:
        index = len(self._threads)
        thread = PoolThread(f"{self._prefix}_{index}", self._work(index))
        # Known before it starts: a Ctrl-C within `start` does not keep it from running.
        self._threads.append(thread)
        _threads.add(thread)
        try:
            thread.start()
        except (
            RuntimeError
        ):  # there are too many; if any is alive, the work will be done, only later
            self._threads.remove(thread)
            if self._core().thread_refused() == 0:
                raise
        except BaseException:  # of a signal's handler
            if not thread.has_begun():
                self._threads.remove(thread)
                self._core().thread_refused()
            raise

    def _work(self, index: int) -> Callable[[], object]:
        """What a thread does; it must not keep the executor alive, whose end is what ends it."""
        place = None if self._cores is None else partial(pin, self._cores, index)
        initargs = without_shared(self._initargs, {})[0]
        return partial(_run_thread, self._core(), place, self._initializer, initargs)

    def _check_options(self, options: Options) -> None:
        refuse_timeout(options, "a thread cannot be stopped from outside")

    def _submit_with(
        self,
        options: Options,
        fn: Callable[..., T],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Future[T]:
        return self._submit(options.priority, fn, args, kwargs)

    def stats(self) -> PoolStats:
        """What the pool has done so far: tasks, latencies, workers; also after its end.

        Raises `RuntimeError` unless the pool was made with `stats=True`.
        """
        from ungil._stats import pool_stats  # noqa: PLC0415 (only for those who ask)

        return pool_stats(self._figures())

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
    place: Callable[[], object] | None,
    initializer: Callable[..., object] | None,
    initargs: tuple[Any, ...],
) -> None:
    try:
        if place is not None:
            place()
        _context.enter(_context.NOTHING if initializer is None else initializer(*initargs))
    except BaseException:
        import logging  # noqa: PLC0415 (only on the way to failure)

        logging.getLogger("concurrent.futures").critical("Exception in initializer:", exc_info=True)
        core.fail()
        return
    with suppress(KeyboardInterrupt):  # it came between two tasks
        core.work(pause)


def pause() -> None:
    """Does nothing, in Python code; for `ThreadPoolCore.work`."""

"""`ThreadPoolExecutor`."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ungil import _context, _ungil
from ungil._affinity import Affinity, check_affinity, pin
from ungil._executors import (
    InterruptibleExecutor,
    check_initializer,
    check_max_pending,
    check_max_workers,
    usable_cores,
    without_shared,
)
from ungil._future import Future
from ungil._lifetime import PoolThread, interrupt_threads, register
from ungil._options import Call, Options, refuse_timeout

if TYPE_CHECKING:
    from ungil._stats import PoolStats

T = TypeVar("T")

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

    def _submit_with(self, options: Options, call: Call[T]) -> Future[T]:
        return self._submit(options.priority, *call)

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
        interrupt_threads(self._threads)


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

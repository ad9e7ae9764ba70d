"""`ProcessPoolExecutor`, its errors, and how its workers are started."""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from itertools import islice
from multiprocessing import get_context
from multiprocessing import process as _mp_process
from multiprocessing.context import BaseContext
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from ungil import _ungil
from ungil._affinity import Affinity, check_affinity
from ungil._executors import (
    InterruptibleExecutor,
    check_initializer,
    check_max_pending,
    check_max_workers,
    usable_cores,
    without_shared,
)
from ungil._future import Future
from ungil._inheritance import Descriptors, ForkOnly
from ungil._lifetime import register
from ungil._mapping import MapCall, Submitter, bounded, check_buffersize, map_buffered
from ungil._options import Call, Options, check_timeout
from ungil._set_up import fresh_set_up
from ungil._worker import run_chunk

if TYPE_CHECKING:
    from ungil._stats import PoolStats

T = TypeVar("T")

START_METHODS = ("fork", "forkserver", "spawn")
CRASH_POLICIES = ("isolate", "retry", "break")
_RETRIES = 3
# As good as without end, and a number of 32 bits.
_MANY = 2**31
_MAX_WORKERS = 1024

__all__ = [
    "BrokenProcessPool",
    "ProcessPoolExecutor",
    "RemoteError",
    "RemoteTraceback",
    "TaskTimeout",
    "WorkerCrashed",
]


class WorkerCrashed(BrokenProcessPool):
    """The worker that was running a task died; the message names the task, the pid and the end.

    Only that task is lost: the worker is replaced and the pool goes on. It is a subclass of
    `concurrent.futures.process.BrokenProcessPool`, so code that expects that keeps working.
    """


class TaskTimeout(TimeoutError):
    """A task ran longer than its timeout and was stopped; the message names it, the pid, the limit.

    Its worker was killed and is replaced; nothing else is lost, whatever `on_crash` says.
    """


class RemoteError(RuntimeError):
    """A task failed in a way that cannot be rebuilt in this process; the message says how."""


class RemoteTraceback(Exception):
    """The traceback of a task in its worker, as the `__cause__` of its exception."""

    @property
    def tb(self) -> str:
        """The traceback's text."""
        return str(self.args[0])

    def __str__(self) -> str:
        return f'\n"""\n{self.tb}"""'


class PoolPlan(TypedDict):
    """What the native half opens a pool with; `Plan` in pool/process.rs has the meanings."""

    max_workers: int
    start_method: str
    setup: bytes
    initializer: Callable[[], object] | None
    descriptors: list[int]
    on_crash: str
    retries: int
    task_timeout: float | None
    max_pending: int | None
    stats: bool
    readonly_buffers: bool


class ProcessPoolExecutor(_ungil.ProcessPool, InterruptibleExecutor):
    """Runs calls in a pool of processes; a drop-in for `concurrent.futures.ProcessPoolExecutor`.

    max_workers: processes at most (1 to 1024), each started when there is work for it;
        default: the usable cores.
    mp_context: only its start method is used; `start_method` says the same more simply.
    initializer, initargs: called in each worker before its first task; what it returns is that
        worker's `ungil.worker_context()`. If it raises, the pool is broken (`BrokenProcessPool`,
        with the worker's traceback as the cause). The arguments may be multiprocessing's locks,
        queues, pipes and shared values.
    max_tasks_per_child: a worker that has run so many tasks is replaced by a fresh one; not
        with the fork start method.
    start_method: "forkserver" (default), "spawn" or "fork". Where it is not given and an
        argument of the initializer is a primitive of multiprocessing's fork context, which
        only forked workers can have, it is "fork".
    on_crash: what the death of a worker means.
        "isolate" (default): its task fails with `ungil.WorkerCrashed`; the worker is replaced
        and nothing else is lost.
        "retry": its task is run again, `retries` times at most, then fails as above. A task is
        run at least once and its result arrives once: what it did outside before its worker
        died, it does again.
        "break": as `concurrent.futures` does it: everything unfinished fails with
        `BrokenProcessPool`, and the pool takes no more tasks.
    retries: for `on_crash="retry"`, how often one task is run again (default 3).
    task_timeout: seconds that a task may run, counted from its start in a worker; then its worker
        is killed and it fails with `ungil.TaskTimeout`. `options(timeout=...)` sets it for
        single tasks. Programs that the task has started are not ended.
    affinity: the cores that the workers may run on: "spread" for one each, in turn, or a sequence
        with a core or a set of cores per worker, from the start again when it ends; default: all
        that this process may use. A worker's successor gets the same. Raises `ValueError` for a
        core that this process may not use.
    max_pending: so many accepted tasks may be unfinished; `submit` waits for room, except in
        the pool's own callbacks. Default: no bound.
    stats: whether the pool keeps the figures that `stats()` gives; that costs each task about a
        tenth of a microsecond.
    readonly_buffers: arrays, memoryviews and the like arrive, in workers and as results, as views
        of shared memory that belong to the receiver alone, and can be written to. With True they
        are read-only. What was read-only where it came from always is.

    Workers ignore Ctrl-C and end with this process, however it ends. On Ctrl-C inside the
    `with` block they are killed.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        mp_context: BaseContext | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        max_tasks_per_child: int | None = None,
        start_method: str | None = None,
        on_crash: str = "isolate",
        retries: int | None = None,
        task_timeout: float | None = None,
        affinity: Affinity | None = None,
        max_pending: int | None = None,
        stats: bool = False,
        readonly_buffers: bool = False,
    ) -> None:
        count = check_max_workers(max_workers, usable_cores())
        if count > _MAX_WORKERS:
            raise ValueError(f"max_workers must be at most {_MAX_WORKERS}, not {count}")
        check_initializer(initializer)
        method = _check_start_method(mp_context, start_method)
        _check_max_tasks(max_tasks_per_child, method)
        retries = _check_crash_policy(on_crash, retries)
        task_timeout = check_timeout(task_timeout, "task_timeout")
        self._has_initializer = initializer is not None
        self._max_pending = check_max_pending(max_pending)
        if getattr(_mp_process.current_process(), "_inheriting", False):
            raise RuntimeError(
                "A process pool was asked for while a worker process imports the main module. "
                "Put the code that starts the program under `if __name__ == '__main__':`"
            )
        set_up: dict[str, object] = {
            "parent": os.getpid(),
            "max_tasks": max_tasks_per_child,
            "breaks": on_crash == "break",
            "readonly": bool(readonly_buffers),
            "cores": check_affinity(affinity),
            "blocked_signals": [*map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))],
        }
        descriptors = Descriptors()
        try:
            if method != "fork":
                try:
                    set_up |= fresh_set_up(initializer, initargs, descriptors)
                except ForkOnly:
                    chosen = mp_context is not None or start_method is not None
                    if chosen or max_tasks_per_child is not None:
                        raise
                    method = "fork"
                    descriptors.close()
            inherited = None
            if method == "fork" and initializer is not None:
                inherited = partial(initializer, *without_shared(initargs, {})[0])
            self._open(
                {
                    "max_workers": count,
                    "start_method": method,
                    "setup": pickle.dumps(set_up, protocol=5),
                    "initializer": inherited,
                    "descriptors": descriptors.duplicates,
                    "on_crash": on_crash,
                    "retries": retries,
                    "task_timeout": task_timeout,
                    "max_pending": self._max_pending,
                    "stats": bool(stats),
                    "readonly_buffers": bool(readonly_buffers),
                }
            )
        finally:
            descriptors.close()
        # Named semaphores among them go with their last object, and later workers need them.
        self._initargs = initargs
        self._max_workers = count
        self._mp_context = mp_context or get_context(method)
        register(self)

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
        progress: bool | str = False,
    ) -> Iterator[T]:
        """Like `map(fn, *iterables)`, but the calls run in the workers; results come in order.

        timeout: seconds from now until the last result must be there, else `TimeoutError`.
        chunksize: so many calls travel to a worker together.
        buffersize: at most so many chunks are submitted ahead of the results taken; default:
            the pool's `max_pending`, in chunks, else all at once. With it the iterables may be
            endless.
        progress: True, or a label: shows a bar of the items of calls that have ended, on stderr
            if that is a terminal, or in a notebook (with tqdm).
        """
        request = MapCall(iterables, timeout, chunksize, buffersize, progress)
        return self._map(self, fn, request)

    def _map(self, through: Submitter, fn: Callable[..., T], request: MapCall) -> Iterator[T]:
        size = request.chunksize
        if size < 1:
            raise ValueError("chunksize must be >= 1.")
        if size == 1:
            return super()._map(through, fn, request)
        check_buffersize(request.buffersize)
        ahead = bounded(request.buffersize, self._max_pending and max(1, self._max_pending // size))
        bar = self._show(request)
        chunks = ((chunk,) for chunk in _chunks(request.arguments(), size))
        lists = map_buffered(
            through,
            _Chunk(fn),
            chunks,
            request.timeout,
            ahead,
            bar=bar,
            items=lambda args: len(args[0]),
        )
        return _one_by_one(lists)

    def _submit_with(self, options: Options, call: Call[T]) -> Future[T]:
        return self._submit((options.timeout, options.priority), *call)

    @property
    def _processes(self) -> dict[int, WorkerProcess]:
        """The workers by pid, for code that reaches into `concurrent.futures`' executor."""
        while self._starting():
            time.sleep(0.001)
        return {pid: WorkerProcess(self, pid) for pid in self.worker_pids()}

    def stats(self) -> PoolStats:
        """What the pool has done so far: tasks, latencies, bytes, workers; also after its end.

        Raises `RuntimeError` unless the pool was made with `stats=True`.
        """
        from ungil._stats import pool_stats  # noqa: PLC0415 (only for those who ask)

        return pool_stats(self._figures())

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Takes no more tasks; waits for those taken, or drops those not yet begun."""
        self._shutdown(wait, cancel_futures)

    def _interrupt(self) -> None:
        self.kill_workers()


def _check_start_method(mp_context: BaseContext | None, start_method: str | None) -> str:
    if start_method is None:
        if mp_context is None:
            return "forkserver"
        start_method = mp_context.get_start_method()
    if start_method not in START_METHODS:
        raise ValueError(f"start_method must be one of {START_METHODS}, not {start_method!r}")
    return start_method


def _check_max_tasks(max_tasks: int | None, method: str) -> None:
    if max_tasks is None:
        return
    if not isinstance(max_tasks, int):
        raise TypeError("max_tasks_per_child must be an integer")
    if max_tasks <= 0:
        raise ValueError("max_tasks_per_child must be >= 1")
    if method == "fork":
        # As concurrent.futures has it: workers forked late copy whatever the parent has become.
        raise ValueError(
            "max_tasks_per_child is incompatible with the fork start method; "
            'use start_method="forkserver" or "spawn"'
        )


def _check_crash_policy(on_crash: str, retries: int | None) -> int:
    """The number of retries."""
    if on_crash not in CRASH_POLICIES:
        raise ValueError(f"on_crash must be one of {CRASH_POLICIES}, not {on_crash!r}")
    if retries is None:
        return _RETRIES
    if on_crash != "retry":
        raise ValueError(f'retries={retries} needs on_crash="retry"')
    if not isinstance(retries, int):
        raise TypeError("retries must be an integer")
    if retries < 0:
        raise ValueError(f"retries must not be negative, but is {retries}")
    return min(retries, _MANY)


class WorkerProcess:
    """A worker, with the methods of `multiprocessing.Process` that make sense for one."""

    def __init__(self, pool: _ungil.ProcessPool, pid: int) -> None:
        self._pool = pool
        self.pid = pid

    def is_alive(self) -> bool:
        return self.pid in self._pool.worker_pids()

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def join(self, timeout: float | None = None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.is_alive() and (deadline is None or time.monotonic() < deadline):
            time.sleep(0.002)

    def _signal(self, number: int) -> None:
        if self.is_alive():
            with suppress(ProcessLookupError):  # just gone
                os.kill(self.pid, number)


class _Chunk:
    """Calls a function for each of a chunk's argument tuples, in the worker."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.__module__ = getattr(function, "__module__", __name__)
        self.__qualname__ = getattr(function, "__qualname__", type(function).__name__)

    def __call__(self, chunk: tuple[tuple[Any, ...], ...]) -> list[Any]:
        return run_chunk(self._function, chunk)


def _one_by_one(lists: Iterator[list[T]]) -> Iterator[T]:
    for results in lists:
        results.reverse()
        while results:
            # Not through a name: the consumer alone shall keep a result.
            yield results.pop()


def _chunks(items: Iterator[T], size: int) -> Iterator[tuple[T, ...]]:
    while chunk := tuple(islice(items, size)):
        yield chunk

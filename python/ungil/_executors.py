"""The executors' Python door: the standard interface on the native engine."""

from __future__ import annotations

import operator
import os
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from typing import Any, NoReturn, TypeVar

from ungil import _ungil
from ungil._future import Future
from ungil._mapping import MapCall, Submitter, bounded, check_buffersize, map_buffered
from ungil._options import Call, Options, OptionsView, check_options
from ungil._progress import Progress, length, show

T = TypeVar("T")


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

    # Not with a ParamSpec: some executors pass a context before the arguments.
    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Schedules `fn(*args, **kwargs)` and gives its future."""
        return self._submit_with(Options(), Call(fn, args, kwargs))

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
        request = MapCall(iterables, timeout, chunksize, buffersize, progress)
        return self._map(self, fn, request)

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

    def _submit_with(self, options: Options, call: Call[T]) -> Future[T]:
        raise NotImplementedError

    def _map(self, through: Submitter, fn: Callable[..., T], request: MapCall) -> Iterator[T]:
        """`map`, submitting through this executor or a view of it."""
        check_buffersize(request.buffersize)
        ahead = bounded(request.buffersize, self._max_pending)
        bar = self._show(request)
        return map_buffered(through, fn, request.arguments(), request.timeout, ahead, bar=bar)

    def _weakly(self) -> Callable[[], InterruptibleExecutor | None]:
        return weakref.ref(self)

    def _may_wait(self) -> bool:
        return self._max_pending is not None

    def _show(self, request: MapCall) -> Progress | None:
        """The bar of a `map`; it is closed with the `with` block at the latest."""
        bar = show(request.progress, length(request.iterables))
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
    try:
        count = operator.index(max_workers)
    except TypeError:
        raise TypeError(f"max_workers must be an integer, not {max_workers!r}") from None
    if count <= 0:
        raise ValueError(f"max_workers must be greater than 0, not {max_workers}")
    return count


def usable_cores() -> int:
    """The cores this process may use."""
    if sys.version_info >= (3, 13):
        return os.process_cpu_count() or 1
    return len(os.sched_getaffinity(0))


def check_initializer(initializer: Callable[..., object] | None) -> None:
    """A `TypeError` unless it is a callable or None."""
    if initializer is not None and not callable(initializer):
        raise TypeError("initializer must be a callable")

"""`SerialExecutor`: no workers at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor
from typing import Any, TypeVar

from ungil import _context
from ungil._executors import (
    InterruptibleExecutor,
    check_initializer,
    check_max_workers,
    without_shared,
)
from ungil._future import Future
from ungil._mapping import MapCall, Submitter, check_buffersize
from ungil._options import Call, Options, refuse_timeout
from ungil._progress import Progress

T = TypeVar("T")


class SerialExecutor(InterruptibleExecutor):
    """Runs each call in the calling thread, when it is submitted.

    The executor for debugging (breakpoints, profilers and tracebacks are where one expects them)
    and for comparisons. max_workers is checked and otherwise not used, so that a program can
    change the kind alone. initializer, initargs: called before the first call; what it returns is
    `ungil.worker_context()` in the calls.

    Ctrl-C during a call comes out of `submit`, as it would out of the call.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        check_max_workers(max_workers, 1)
        check_initializer(initializer)
        self._initializer = initializer
        self._has_initializer = initializer is not None
        self._initargs = initargs
        self._context: object = _context.NOTHING
        self._broken: BaseException | None = None
        self._closed = False

    def _submit_with(self, options: Options, call: Call[T]) -> Future[T]:
        del options  # nothing waits, so nothing can go first
        if self._closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        self._initialize()
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        try:
            args, kwargs = without_shared(call.args, call.kwargs)
            with _context.entered(self._context):
                value = call.fn(*args, **kwargs)
        except BaseException as error:
            future.set_exception(_without_our_frame(error))
            if isinstance(error, KeyboardInterrupt):
                raise
        else:
            future.set_result(value)
        return future

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
        progress: bool | str = False,
    ) -> Iterator[T]:
        """Like `map(fn, *iterables)`: each call runs when its result is asked for.

        Raises `TimeoutError` if a call has not ended `timeout` seconds after this one; as nothing
        else runs meanwhile, that is noticed only when the call has ended.
        """
        request = MapCall(iterables, timeout, chunksize, buffersize, progress)
        return self._map(self, fn, request)

    def _map(self, through: Submitter, fn: Callable[..., T], request: MapCall) -> Iterator[T]:
        if request.chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        check_buffersize(request.buffersize)
        deadline = None if request.timeout is None else time.monotonic() + request.timeout
        return self._results(through, fn, request.arguments(), deadline, self._show(request))

    def _results(
        self,
        through: Submitter,
        fn: Callable[..., T],
        calls: Iterable[tuple[Any, ...]],
        deadline: float | None,
        bar: Progress | None,
    ) -> Iterator[T]:
        try:
            for args in calls:
                future = through.submit(fn, *args)
                if bar is not None:
                    bar.watch(future)
                if deadline is not None and time.monotonic() > deadline:
                    raise TimeoutError
                yield future.result()
        finally:
            if bar is not None:
                bar.close()

    def _check_options(self, options: Options) -> None:
        refuse_timeout(options, "a call in the calling thread cannot be stopped from outside")

    def _initialize(self) -> None:
        if self._initializer is not None:
            initializer, self._initializer = self._initializer, None
            try:
                self._context = initializer(*without_shared(self._initargs, {})[0])
            except Exception as error:
                self._broken = error
        if self._broken is not None:
            raise BrokenExecutor("the initializer has failed") from self._broken

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Takes no more calls; there are none to wait for."""
        self._closed = True

    def _interrupt(self) -> None:
        self._closed = True


def _without_our_frame(error: BaseException) -> BaseException:
    traceback = error.__traceback__
    return error.with_traceback(traceback.tb_next if traceback is not None else None)

"""What the executors of other people's clusters share: our futures, settled from theirs."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from functools import partial
from importlib import import_module
from types import TracebackType
from typing import Any, TypeVar

from ungil._executors import InterruptibleExecutor
from ungil._future import Future
from ungil._kinds.unpicklable import unpicklable
from ungil._options import Call, Options
from ungil._process import RemoteTraceback

T = TypeVar("T")
# A cluster's handle of a call, and what takes a callback for its end.
Sent = tuple[Any, Callable[[Callable[[Any], None]], object]]


def require(package: str, extra: str) -> Any:
    """The package, or an `ImportError` that tells how to get it."""
    try:
        return import_module(package)
    except ImportError as error:
        raise ImportError(
            f'the kind "{extra}" needs the package {package}, which cannot be imported '
            f"({error}): pip install 'ungil[{extra}]'",
            name=package,
        ) from error


def check_address(address: str | None, max_workers: int | None) -> None:
    """A `ValueError` unless at most one of them is given."""
    if address is not None and max_workers is not None:
        raise ValueError(
            "either max_workers or address: the cluster at an address has its own workers"
        )


def run(fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    """What runs in a cluster's worker."""
    return fn(*args, **kwargs)


class ClusterExecutor(InterruptibleExecutor):
    """The calls on their way, each with the cluster's own handle of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Whoever takes a future out of here is the one to settle it.
        self._calls: dict[Future[Any], Any] = {}
        self._unsettled = 0
        self._idle = threading.Event()
        self._idle.set()
        self._closed = False
        self._end = threading.Lock()
        self._ended = False

    def _submit_with(self, options: Options, call: Call[T]) -> Future[T]:
        future: Future[T] = Future()
        self._begin(future)
        try:
            theirs, when_done = self._send(options, call)
        except Exception as error:
            self._sent(future, None)
            dumps = self._dumps()
            made = unpicklable(*call, where="the cluster", error=error, dumps=dumps)
            self._settle(future, None, made)
            return future
        self._sent(future, theirs)
        when_done(partial(self._relay, future))
        return future

    def _begin(self, future: Future[Any]) -> None:
        """Registers a call; before it goes to the cluster, so that none gets lost."""
        with self._lock:
            if self._closed:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._calls[future] = None
            self._unsettled += 1
            self._idle.clear()

    def _sent(self, future: Future[Any], theirs: Any) -> None:
        with self._lock:
            if future in self._calls:
                self._calls[future] = theirs
        future.add_done_callback(self._when_done)

    def _when_done(self, future: Future[Any]) -> None:
        if not future.cancelled():
            return
        with self._lock:
            theirs = self._calls.get(future)
        if theirs is not None:
            self._cancel(theirs)
        self._settle(future, None, None)

    def _relay(self, future: Future[Any], theirs: Any) -> None:
        """Settles our future from their done one."""
        if future.cancelled():
            return
        try:
            value = self._outcome(theirs)
        except BaseException as error:
            # Our frames are of no use to who reads it.
            self._settle(future, None, error.with_traceback(None))
        else:
            self._settle(future, value, None)

    def _settle(self, future: Future[Any], value: object, error: BaseException | None) -> None:
        """Gives the outcome, once; a future that was cancelled meanwhile keeps that."""
        with self._lock:
            if future not in self._calls:
                return
            del self._calls[future]
        if future.set_running_or_notify_cancel():
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)
        with self._lock:
            self._unsettled -= 1
            if self._unsettled == 0:
                self._idle.set()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Takes no more tasks; waits for those taken, or drops those that are not done."""
        with self._lock:
            self._closed = True
            calls = list(self._calls)
        if cancel_futures:
            for future in calls:
                future.cancel()
        if wait:
            self._idle.wait()
            self._end_once()
        elif not self._ended:
            threading.Thread(target=self._end_when_idle, daemon=True).start()

    def _end_when_idle(self) -> None:
        self._idle.wait()
        self._end_once()

    def _end_once(self) -> None:
        with self._end:
            if not self._ended:
                self._ended = True
                self._disconnect()

    def _interrupt(self) -> None:
        self.shutdown(wait=False, cancel_futures=True)
        self._end_once()

    def _stop(self, seconds: float) -> bool:
        """Begins to end everything now; whether that was done within so many seconds."""
        ending = threading.Thread(target=self._interrupt, daemon=True)
        ending.start()
        ending.join(seconds)
        return not ending.is_alive()

    def _send(self, options: Options, call: Call[Any]) -> Sent:
        """Gives a call to the cluster."""
        raise NotImplementedError

    def _dumps(self) -> Callable[[object], bytes]:
        """How the cluster pickles."""
        raise NotImplementedError

    def _outcome(self, theirs: Any) -> Any:
        """The value of a done call, or its exception raised."""
        raise NotImplementedError

    def _cancel(self, theirs: Any) -> None:
        """Has the cluster forget a call."""
        raise NotImplementedError

    def _disconnect(self) -> None:
        """Leaves the cluster; ends it if it was started for this executor."""
        raise NotImplementedError


def with_cause(error: BaseException, trace: TracebackType | str | None) -> BaseException:
    """The error of a task with its traceback in the cluster as the cause."""
    if not isinstance(trace, str):
        trace = "".join(traceback.format_exception(type(error), error, trace))
    error.__cause__ = RemoteTraceback(trace)
    return error

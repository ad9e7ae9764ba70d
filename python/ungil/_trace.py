"""`ungil.trace`: who holds the GIL of this process, and who waits for it."""

from __future__ import annotations

import atexit
import json
import os
import threading
from types import TracebackType
from typing import Any, Self

from ungil import _ungil
from ungil._family import Family


class _Process:
    """What holds for this process."""

    active: Trace | None = None
    """The trace that is on."""
    registered = False
    """Whether forks and exits know of traces."""


class Trace:
    """A trace of the GIL, as a context manager.

        with ungil.trace() as t:
            work()
        print(t.summary())

    Exact: each take, wait and drop of every thread, with the function that held the GIL. One trace
    can be on at a time (`RuntimeError` otherwise, and on a Python whose GIL cannot be traced).

    With `children` the processes that the program forks meanwhile or starts by multiprocessing
    are traced, too, each on its own until it ends; without, a child runs untraced.

    `slices` bounds the memory of the timeline (40 bytes each); beyond that, short slices are drawn
    as one. The figures do not depend on it.
    """

    def __init__(self, *, slices: int = 1_000_000, children: bool = False) -> None:
        self._slices = slices
        self._children = children
        self._family: Family | None = None
        self._pid: int | None = None
        self._report: _ungil.TraceReport | None = None
        self._names: dict[int, str] = {}

    def start(self) -> None:
        """Begins the trace."""
        if self._pid is not None:
            raise RuntimeError("this trace has been started before: make a new one.")
        _survive_forks_and_exits()
        _ungil.trace_start(self._slices)
        self._pid = os.getpid()
        self._names = _names()
        _Process.active = self
        _name_new_threads()
        if self._children:
            self._family = Family.found(self._slices)

    def stop(self) -> None:
        """Ends the trace; a second call does nothing."""
        if _Process.active is not self:
            return
        _name_no_more_threads()
        _Process.active = None
        self._report = _ungil.trace_stop(self._names | _names())
        if self._family is not None:
            self._report = self._report.with_children(*self._family.disband())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def is_ours(self) -> bool:
        """Whether it is of this process, and not of the one that forked it."""
        return self._pid == os.getpid()

    def summary(self) -> str:
        """Sums, threads, functions, who made whom wait, and what follows, as text."""
        return self._done().summary()

    def to_dict(self) -> dict[str, Any]:
        """All figures; times in seconds, shares of the trace's duration."""
        figures: dict[str, Any] = json.loads(self.to_json())
        return figures

    def to_json(self) -> str:
        """The same as a JSON document."""
        return self._done().to_json()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the timeline: `x.html`, a page that any browser shows offline, or `x.json`, for
        https://ui.perfetto.dev or chrome://tracing. `ValueError` for another ending, `OSError` if
        it cannot be written; no half of a file is left behind."""
        self._done().save(os.fspath(path))

    def __repr__(self) -> str:
        if self._report is not None:
            return self._report.summary()
        return f"<ungil.trace, {'not started' if self._pid is None else 'on'}>"

    def _done(self) -> _ungil.TraceReport:
        if self._report is not None:
            return self._report
        if self._pid is None:
            raise RuntimeError("this trace has not been started: use `with ungil.trace() as t:`.")
        if not self.is_ours:
            raise RuntimeError(
                f"this trace belongs to process {self._pid}, which forked this one; a child is "
                "not traced."
            )
        raise RuntimeError("this trace is still on: its figures are there after the with block.")


def trace(*, slices: int = 1_000_000, children: bool = False) -> Trace:
    """A trace of the GIL, to be used in a `with` statement; see `Trace`."""
    return Trace(slices=slices, children=children)


def _names() -> dict[int, str]:
    return {t.native_id: t.name for t in threading.enumerate() if t.native_id is not None}


# A thread that has ended by the time the trace does has taken its name along, so each one tells it
# when it starts: where it stores its native id.
_store_native_id: Any = getattr(threading.Thread, "_set_native_id", None)


def _store_native_id_and_tell_name(thread: threading.Thread) -> None:
    _store_native_id(thread)
    _ungil.name_thread(thread.name)


def _name_new_threads() -> None:
    if _store_native_id is not None:
        threading.Thread._set_native_id = _store_native_id_and_tell_name  # type: ignore[attr-defined]


def _name_no_more_threads() -> None:
    if threading.Thread.__dict__.get("_set_native_id") is _store_native_id_and_tell_name:
        threading.Thread._set_native_id = _store_native_id  # type: ignore[attr-defined]


def _survive_forks_and_exits() -> None:
    if _Process.registered:
        return
    _Process.registered = True
    os.register_at_fork(
        before=_ungil.trace_pause,
        after_in_parent=_ungil.trace_resume_soon,
        after_in_child=_forget,
    )
    # The interpreter takes itself apart after this.
    atexit.register(_stop_at_exit)


def _forget() -> None:
    if _Process.active is not None:
        _name_no_more_threads()
        _Process.active = None
    _ungil.trace_forget()
    if Family.current is not None:
        Family.current.trace_this_process()


def _stop_at_exit() -> None:
    if _Process.active is not None:
        _Process.active.stop()

"""Traces of the processes that a traced program starts: forks, and multiprocessing's."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any, NoReturn

from ungil import _ungil

# What is there while a process is traced, and what it leaves in its place.
BEGUN, DONE = ".part", ".trace"


class Family:
    """A program and what it starts: each process leaves its own trace in a private folder."""

    current: Family | None = None
    """The one that this process belongs to."""

    def __init__(self, folder: str, slices: int) -> None:
        self.folder = folder
        self.slices = slices

    @property
    def invitation(self) -> tuple[str, int]:
        """What a new process needs to `follow`."""
        return self.folder, self.slices

    @classmethod
    def found(cls, slices: int) -> Family:
        """A new one, of this process."""
        cls.current = cls(tempfile.mkdtemp(prefix="ungil-trace-"), slices)
        _take_along()
        return cls.current

    def disband(self) -> tuple[list[_ungil.TraceReport], int]:
        """What the children left, and how many of them left nothing. Those that are still there go
        on without."""
        Family.current = None
        _leave_behind()
        names = sorted(os.listdir(self.folder))
        reports, lost = [], 0
        for name in names:
            if name.endswith(DONE):
                try:
                    reports.append(_ungil.TraceReport.load(os.path.join(self.folder, name)))
                except (OSError, ValueError):
                    lost += 1
            else:
                lost += 1
        shutil.rmtree(self.folder, ignore_errors=True)
        return reports, lost

    def trace_this_process(self) -> None:
        """In a child: traces it until its end. A child that cannot be traced runs as it is."""
        from ungil._trace import Trace  # noqa: PLC0415 (which imports this module)

        base = os.path.join(self.folder, f"{os.getpid()}-{time.monotonic_ns()}")
        trace = Trace(slices=self.slices)
        try:
            with open(base + BEGUN, "xb"):
                pass
            trace.start()
        except (OSError, RuntimeError):
            return
        Family.current = self
        _take_along()
        _at_the_end(lambda: _leave(trace, base))


def _leave(trace: Any, base: str) -> None:
    with contextlib.suppress(OSError, RuntimeError):
        trace.stop()
        # Whoever collects has either all of it or nothing.
        trace._done().dump(base + BEGUN)
        os.replace(base + BEGUN, base + DONE)


class _Exit:
    """What a process does at its end, however Python code ends it."""

    original: Callable[[int], NoReturn] | None = None
    tasks: list[tuple[int, Callable[[], None]]] = []  # noqa: RUF012  (of the process)

    @classmethod
    def run(cls) -> None:
        tasks, cls.tasks = cls.tasks, []
        for pid, task in tasks:
            if pid == os.getpid():
                task()

    @classmethod
    def now(cls, status: int) -> NoReturn:
        cls.run()
        assert cls.original is not None
        cls.original(status)


def _at_the_end(task: Callable[[], None]) -> None:
    _Exit.tasks.append((os.getpid(), task))
    atexit.unregister(_Exit.run)
    atexit.register(_Exit.run)
    if _Exit.original is None:
        # Forked children of multiprocessing, and most others, end by this.
        _Exit.original = os._exit
        os._exit = _Exit.now


def tell_of_os_exit(tell: Callable[[int], None]) -> None:
    """Calls this with the exit code when this process ends by `os._exit`."""
    end, pid = os._exit, os.getpid()

    def tell_and_end(status: int) -> NoReturn:
        if os.getpid() == pid:
            tell(status)
        end(status)

    os._exit = tell_and_end


def leave() -> None:
    """Ends the trace of a child that has no other way to learn that it ends."""
    _Exit.run()


class _Invitation:
    """Travels with what multiprocessing tells a new process; to unpickle it is to follow it."""

    def __init__(self, folder: str, slices: int) -> None:
        self.folder, self.slices = folder, slices

    def __reduce__(self) -> tuple[Any, ...]:
        return follow, (self.folder, self.slices)


def follow(folder: str, slices: int) -> None:
    """Traces this process as one of the family, if that is still there."""
    if Family.current is None and os.path.isdir(folder):
        Family(folder, slices).trace_this_process()


_prepare: Callable[[str], dict[str, Any]] | None = None


def _take_along() -> None:
    """Has multiprocessing's new interpreters (spawn, forkserver) invited, too."""
    global _prepare
    if _prepare is None:
        from multiprocessing import spawn  # noqa: PLC0415 (only where it is needed)

        _prepare = spawn.get_preparation_data
        spawn.get_preparation_data = _prepare_and_invite


def _leave_behind() -> None:
    global _prepare
    spawn: Any = sys.modules.get("multiprocessing.spawn")
    if _prepare is not None and spawn.get_preparation_data is _prepare_and_invite:
        spawn.get_preparation_data = _prepare
        _prepare = None


def _prepare_and_invite(name: str) -> dict[str, Any]:
    assert _prepare is not None
    data = _prepare(name)
    if Family.current is not None:
        data["ungil_trace"] = _Invitation(*Family.current.invitation)
    return data

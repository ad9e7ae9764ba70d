"""A thread that starts a cluster, keeps it, and ends it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing import util
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Keeper(Generic[T]):
    """What it starts never hears a Ctrl-C, while whoever waits for it does at once.

    A terminal sends SIGINT to the whole group, and a cluster's processes would each print what
    they were doing; they inherit the signals that this thread has blocked. It lives as long as
    the cluster, because Ray's processes are killed when the thread that started them ends.
    """

    def __init__(self, start: Callable[[], T], stop: Callable[[T], object]) -> None:
        self._kept: Future[T] = Future()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(start, stop), daemon=True)
        self._thread.start()

    def wait(self) -> T:
        """What was started, or what starting it raised; after a Ctrl-C it ends once it is there."""
        try:
            return self._kept.result()
        except BaseException:
            self._end.set()
            raise

    def end(self) -> None:
        """Ends it, and waits for that."""
        self._end.set()
        self._thread.join()

    def _run(self, start: Callable[[], T], stop: Callable[[T], object]) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            kept = start()
        except BaseException as error:
            self._kept.set_exception(error)
            return
        self._kept.set_result(kept)
        self._end.wait()
        stop(kept)


def unlink_semaphores() -> None:
    """Removes multiprocessing's named semaphores, of which Dask has a dozen.

    For a program that ends without clearing up: the resource tracker would do it otherwise, and
    complain.
    """
    synchronize = sys.modules.get("multiprocessing.synchronize")
    if synchronize is None:
        return
    finalizers: dict[Any, Any] = util._finalizer_registry  # type: ignore[attr-defined]
    for finalizer in list(finalizers.values()):
        if finalizer._callback is synchronize.SemLock._cleanup:
            finalizer()


def kill_descendants() -> None:
    """Kills all processes below this one: a program that ends at once leaves no cluster behind."""
    for _ in range(3):  # one that was just starting another is gone the next time
        below = _descendants()
        if not below:
            return
        for pid in below:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _descendants() -> list[int]:
    """Parents before their children, so that none is started behind our back.

    Without the standard library's resource tracker, which clears up when we are gone.
    """
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with suppress(OSError, ValueError):
            state, parent = _read(name, "stat").rpartition(b")")[2].split()[:2]
            if state != b"Z" and b"multiprocessing.resource_tracker" not in _read(name, "cmdline"):
                children.setdefault(int(parent), []).append(int(name))
    found: list[int] = []
    generation = children.get(os.getpid(), [])
    while generation:
        found += generation
        generation = [child for pid in generation for child in children.get(pid, [])]
    return found


def _read(pid: str, what: str) -> bytes:
    with open(f"/proc/{pid}/{what}", "rb") as file:
        return file.read()

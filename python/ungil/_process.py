"""`ProcessPoolExecutor`, its errors, and how its workers are started."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from importlib import import_module
from itertools import islice
from multiprocessing import process as _mp_process
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any, TypeVar

from ungil import _ungil
from ungil._executors import (
    InterruptibleExecutor,
    check_initializer,
    check_max_workers,
    register,
    usable_cores,
)
from ungil._worker import run_chunk

T = TypeVar("T")

START_METHODS = ("fork", "forkserver", "spawn")
_MAX_WORKERS = 1024

__all__ = [
    "BrokenProcessPool",
    "ProcessPoolExecutor",
    "RemoteError",
    "RemoteTraceback",
    "WorkerCrashed",
]


class WorkerCrashed(BrokenProcessPool):
    """The worker that was running a task died; the message names the task, the pid and the end.

    Only that task is lost: the worker is replaced and the pool goes on. It is a subclass of
    `concurrent.futures.process.BrokenProcessPool`, so code that expects that keeps working.
    """


class RemoteError(RuntimeError):
    """A task failed in a way that cannot be rebuilt in this process; the message says how."""


class RemoteTraceback(Exception):
    """The traceback of a task in its worker, as the `__cause__` of its exception."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


def child_command(entry: str) -> tuple[str, list[str]]:
    """The command of a process that calls `_ungil.ENTRY(our pid)`."""
    if not sys.executable:
        raise RuntimeError(
            "this Python does not know its own program (sys.executable is empty), so it cannot "
            'start workers: set sys.executable, or use start_method="fork"'
        )
    package = str(Path(__file__).resolve().parent.parent)
    code = (
        f"import sys; sys.path.append({package!r}); "
        f"from ungil._ungil import {entry}; {entry}({os.getpid()})"
    )
    # The flags of this interpreter; and -P: no directory of ours before the standard library.
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return sys.executable, [*flags, "-P", "-c", code]


def main_module() -> dict[str, str]:
    """How a worker finds this program's main module; empty where it cannot (a prompt)."""
    main = sys.modules.get("__main__")
    name = getattr(getattr(main, "__spec__", None), "name", None)
    if name is not None:
        return {"init_main_from_name": name}
    path = getattr(main, "__file__", None)
    if path is None or not Path(path).exists():
        return {}
    return {"init_main_from_path": os.path.abspath(path)}


def _set_up_pickle(
    forked: bool, initializer: Callable[..., object] | None, initargs: tuple[Any, ...]
) -> bytes:
    """What a worker reads first; see `ungil._worker.set_up`."""
    set_up: dict[str, object] = {"parent": os.getpid()}
    if not forked:
        directory = ""
        with suppress(OSError):  # deleted under us: the workers stay where they are
            directory = set_up["directory"] = os.getcwd()
        set_up["sys_path"] = [entry or directory for entry in sys.path]
        set_up["argv"] = sys.argv
        set_up["environ"] = dict(os.environ)
        set_up["main"] = main_module()
        set_up["authkey"] = bytes(_mp_process.current_process().authkey)
        if initializer is not None:
            set_up["initializer"] = _pickle_initializer(initializer, initargs)
    return pickle.dumps(set_up, protocol=5)


def _pickle_initializer(initializer: Callable[..., object], initargs: tuple[Any, ...]) -> bytes:
    try:
        return pickle.dumps((initializer, initargs), protocol=5)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        try:
            cloudpickle: Any = import_module("cloudpickle")
        except ImportError:
            raise pickle.PicklingError(
                f"the initializer or its arguments cannot be pickled for a worker: {error}. "
                "Move the function to the top level of a module, install cloudpickle, or use "
                'start_method="fork"'
            ) from error
        pickled: bytes = cloudpickle.dumps((initializer, initargs), protocol=5)
        return pickled


class ProcessPoolExecutor(_ungil.ProcessPool, InterruptibleExecutor):
    """Runs calls in a pool of processes; a drop-in for `concurrent.futures.ProcessPoolExecutor`.

    max_workers: processes at most (1 to 1024), each started when there is work for it;
        default: the usable cores.
    mp_context: only its start method is used; `start_method` says the same more simply.
    initializer, initargs: called in each worker before its first task; if it raises, the pool
        is broken (`BrokenProcessPool`, with the worker's traceback as the cause).
    start_method: "forkserver" (default), "spawn" or "fork".

    A task whose worker dies fails with `ungil.WorkerCrashed`; the worker is replaced and
    nothing else is lost. Workers ignore Ctrl-C and end with this process, however it ends.
    On Ctrl-C inside the `with` block they are killed.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        mp_context: BaseContext | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        start_method: str | None = None,
    ) -> None:
        count = check_max_workers(max_workers, usable_cores())
        if count > _MAX_WORKERS:
            raise ValueError(f"max_workers must be at most {_MAX_WORKERS}, not {count}")
        check_initializer(initializer)
        method = _check_start_method(mp_context, start_method)
        if getattr(_mp_process.current_process(), "_inheriting", False):
            raise RuntimeError(
                "A process pool was asked for while a worker process imports the main module. "
                "Put the code that starts the program under `if __name__ == '__main__':`"
            )
        forked = method == "fork"
        inherited = None
        if forked and initializer is not None:
            inherited = _Initializer(initializer, initargs)
        set_up = _set_up_pickle(forked, initializer, initargs)
        self._open(count, method, set_up, inherited)
        register(self)

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
    ) -> Iterator[T]:
        """Like `map(fn, *iterables)`; `chunksize` calls travel to a worker together.

        Raises `TimeoutError` if the next result is not there `timeout` seconds after this call.
        """
        if chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        if chunksize == 1:
            return super().map(fn, *iterables, timeout=timeout)
        chunks = _chunks(zip(*iterables, strict=False), chunksize)
        lists = super().map(_Chunk(fn), chunks, timeout=timeout)
        return (result for results in lists for result in results)

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


class _Initializer:
    """An initializer with its arguments, as a forked worker inherits it."""

    def __init__(self, function: Callable[..., object], args: tuple[Any, ...]) -> None:
        self._function = function
        self._args = args

    def __call__(self) -> None:
        self._function(*self._args)


class _Chunk:
    """Calls a function for each of a chunk's argument tuples, in the worker."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.__module__ = getattr(function, "__module__", __name__)
        self.__qualname__ = getattr(function, "__qualname__", type(function).__name__)

    def __call__(self, chunk: tuple[tuple[Any, ...], ...]) -> list[Any]:
        return run_chunk(self._function, chunk)


def _chunks(items: Iterator[T], size: int) -> Iterator[tuple[T, ...]]:
    while chunk := tuple(islice(items, size)):
        yield chunk

"""What a worker process does in Python: set itself up, import the main module, finish.

Imported by every worker, so it imports little itself.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from contextlib import suppress
from functools import partial

from ungil import _shared_memory

TYPE_CHECKING = False  # `typing` takes a quarter of a worker's start
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_main: dict[str, str] = {}


def preload() -> None:
    """Imports in the fork server what its workers need, and keeps the pages shared."""
    import atexit  # noqa: F401, PLC0415
    import gc  # noqa: PLC0415
    import threading  # noqa: F401, PLC0415
    from multiprocessing import process  # noqa: F401, PLC0415

    from ungil import _context, _pickling  # noqa: F401, PLC0415

    # Ignored SIGCHLD, which a parent may hand down, hides from the server how its workers ended.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    gc.collect()
    # A collection in a worker would write to every object's header, and so copy its page.
    gc.freeze()


def set_up(
    pickled: bytes,
    index: int,
    initializer: Callable[[], object] | None,
    descriptors: list[int],
    forked: bool,
) -> tuple[int | None, bool, bool]:
    """Makes this process worker number `index`, with the set-up that its pool's maker pickled.

    Gives after how many tasks the worker ends, whether it ends with one it cannot read, and
    whether the buffers that it receives are read-only.
    """
    what: dict[str, Any] = pickle.loads(pickled)
    _shared_memory.keep()
    # Ctrl-C reaches the whole process group: the parent decides, the worker goes on. Not
    # SIG_IGN, which programs started by a task would inherit.
    signal.signal(signal.SIGINT, _heed_not)
    # Blocked until now, by the thread that started this process or its server.
    signal.pthread_sigmask(signal.SIG_SETMASK, what["blocked_signals"])
    if what["cores"] is not None:
        from ungil._affinity import pin  # noqa: PLC0415 (few pools have any)

        pin(what["cores"], index)
    if forked:
        _leave_parent_behind()
    else:
        _move_in(what)
    _take_identity(what, index)
    if descriptors:
        from ungil import _inheritance  # noqa: PLC0415 (few pools have any)

        _inheritance.receive(descriptors, what.get("tracker"))
    if initializer is None and "initializer" in what:
        if b"__main__" in what["initializer"]:
            prepare_main()
        function, args = pickle.loads(what["initializer"])
        initializer = partial(function, *args)
    if descriptors:
        _inheritance.close_unused()
    from ungil import _context  # noqa: PLC0415 (the fork server has it loaded)

    _context.enter_all(_context.NOTHING if initializer is None else _initialize(initializer))
    return what["max_tasks"], what["breaks"], what["readonly"]


def _initialize(initializer: Callable[[], object]) -> object:
    """What the initializer returns, for the worker's context."""
    try:
        return initializer()
    except BaseException:
        # The parent is told; a log that was set up here is told as concurrent.futures does.
        logging = sys.modules.get("logging")
        if logging is not None and logging.getLogger("concurrent.futures").hasHandlers():
            logging.getLogger("concurrent.futures").critical(
                "Exception in initializer:", exc_info=True
            )
        raise


def _heed_not(_signal: int, _frame: object) -> None:
    pass


def _leave_parent_behind() -> None:
    """Undoes what a fork copied and a worker must not have."""
    import atexit  # noqa: PLC0415 (a forked worker has it already)

    atexit._clear()
    signal.set_wakeup_fd(-1)
    null = os.open(os.devnull, os.O_RDONLY)
    if null != 0:  # it is, where the standard input was closed
        os.dup2(null, 0)
        os.close(null)
    # What the parent has read ahead is not for us.
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 (for the whole life)
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        # What multiprocessing's own child does first: queues forget the parent's threads.
        util._finalizer_registry.clear()
        util._run_after_forkers()


def _move_in(what: dict[str, Any]) -> None:
    """Takes over the parent's paths, directory and environment."""
    sys.path[:] = what["sys_path"]
    sys.argv[:] = what["argv"]
    if what["environ"] != dict(os.environ):
        os.environ.clear()
        os.environ.update(what["environ"])
    if "directory" in what:
        with suppress(OSError):  # gone meanwhile: nothing that a task could rely on
            os.chdir(what["directory"])
    _main.update(what["main"])
    if "trace" in what:
        from ungil import _family  # noqa: PLC0415 (few parents are traced)

        _family.follow(*what["trace"])


def _take_identity(what: dict[str, Any], index: int) -> None:
    """Lets `multiprocessing.current_process()` and `parent_process()` tell the truth."""
    from multiprocessing import process  # noqa: PLC0415 (the fork server has it loaded)

    module: Any = process
    me = module.BaseProcess(name=f"UngilWorker-{index + 1}")
    me._parent_pid = what["parent"]
    if "authkey" in what:
        me.authkey = what["authkey"]
    module._parent_process = _parent(module, what["parent"])
    module._current_process = me
    # A forked worker's list has the parent's children, which are not its to end.
    module._children = set()


def _parent(module: Any, pid: int) -> object:
    """The parent as `multiprocessing.parent_process()` gives it; watched once somebody asks."""

    class ParentProcess(module._ParentProcess):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__("MainProcess", pid, None)

        @property
        def _sentinel(self) -> int:
            descriptor: int | None = self.__dict__.get("descriptor")
            if descriptor is None:
                descriptor = self.__dict__["descriptor"] = os.pidfd_open(pid)
            return descriptor

        @_sentinel.setter
        def _sentinel(self, _: None) -> None:
            pass

    return ParentProcess()


def prepare_main() -> None:
    """Imports the parent's main module as `__mp_main__`, as multiprocessing does."""
    if not _main:
        return
    from multiprocessing import process, spawn  # noqa: PLC0415 (only where it is needed)

    me: Any = process.current_process()
    me._inheriting = True
    try:
        spawn.prepare(dict(_main))
    finally:
        del me._inheriting


def run_chunk(function: Callable[..., Any], chunk: tuple[tuple[Any, ...], ...]) -> list[Any]:
    """Calls `function` once for each tuple of arguments."""
    return [function(*args) for args in chunk]


def in_frame(function: Callable[[], object]) -> None:
    """Calls it from a frame of Python code, which `eval` and others look for."""
    function()


def finish() -> None:
    """Ends what the tasks have left: threads, exit handlers, buffered output."""
    import atexit  # noqa: PLC0415 (at the end only)
    import threading  # noqa: PLC0415

    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    family: Any = sys.modules.get("ungil._family")
    if family is not None:
        family.leave()  # a forked worker has no exit handler for this
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util._exit_function()  # a forked worker has no exit handler that flushes its queues
    flush()


def flush() -> None:
    """Writes what the standard streams have buffered."""
    for stream in (sys.stdout, sys.stderr):
        # None, closed, or a pipe whose reader has gone.
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()

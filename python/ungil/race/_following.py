"""What is put in place while a model is explored, and taken away whatever happens."""

import gc
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from signal import SIGURG
from types import CodeType
from typing import Any

from ungil._ungil import race as _native
from ungil.race import _caches, _threads
from ungil.race._code import Row, Scope, analyse

_TOOL = "ungil.race"
# What the native half calls where a model meets these.
_FOLLOWERS = (_threads.start_new_thread, _threads.follow_sync, _caches.follow)
_ON_INSTRUCTION = _native.instructions()
# The module `signal` makes numbers of its enumerations and back, which takes longer.
_signal: Any = import_module("_signal")
_lock = threading.Lock()


class Following:
    """Follows what threads of a model do, and replaces what they use to wait for each other.

    Entering raises RuntimeError where nothing can be explored: on another Python, or inside of
    another exploration.
    """

    def __init__(self, scope: Scope, benign: frozenset[str], mode: str) -> None:
        self._scope, self._benign = scope, benign
        self._without_gil = mode == "free-threaded"

    def __enter__(self) -> None:
        if not _is_supported:
            _require_python()
        if not _lock.acquire(blocking=False):
            raise RuntimeError(
                "this process explores already: an exploration inside another one, or in another"
                " thread"
            )
        try:
            self._begin()
        except BaseException:
            self.__exit__()
            raise

    def _begin(self) -> None:
        self._collects = gc.isenabled()
        self._monitoring = monitoring = _Monitoring()
        monitoring.begin()
        told_of = (self._scope, self._benign, monitoring.tool)
        _native.begin(
            self._rows, monitoring.watch, _FOLLOWERS, told_of, self._without_gil, monitoring.disable
        )
        _threads.install()
        gc.disable()  # collections would come at other places in each run

    def __exit__(self, *_: object) -> None:
        if self._collects:
            gc.enable()
        _threads.undo()
        _native.end()
        self._monitoring.end()
        _lock.release()

    def _rows(self, code: CodeType) -> list[Row] | None:
        if not self._scope.has(code.co_filename):
            return None
        return analyse(code, self._benign)


_is_supported = False


def _require_python() -> None:
    global _is_supported
    if not (3, 11) <= sys.version_info[:2] <= (3, 15) or sys.implementation.name != "cpython":
        raise RuntimeError(
            f"ungil.race explores on CPython 3.11 to 3.15; this is {sys.version.split()[0]}"
        )
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        raise RuntimeError("ungil.race needs a Python with a GIL; run the model on such a build")
    _is_supported = True


class _Monitoring:
    """Lets `sys.monitoring` tell of instructions; 3.11 has none, and is traced instead."""

    tool: int | None = None
    watch: Callable[[CodeType], None] | None = None
    disable: object = None

    def begin(self) -> None:
        if sys.version_info < (3, 12):
            return
        monitoring: Any = sys.monitoring
        for tool in (4, 3, 5, 0):
            if monitoring.get_tool(tool) is None:
                break
        else:
            raise RuntimeError(
                "all tools of sys.monitoring are taken; end the debugger or profiler first"
            )
        event = monitoring.events.INSTRUCTION
        monitoring.use_tool_id(tool, _TOOL)
        monitoring.register_callback(tool, event, _ON_INSTRUCTION)
        self.tool, self.disable = tool, monitoring.DISABLE
        self.watch = lambda code: monitoring.set_local_events(tool, code, event)

    def end(self) -> None:
        if self.tool is not None:
            monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
            monitoring.register_callback(self.tool, monitoring.events.INSTRUCTION, None)
            monitoring.free_tool_id(self.tool)
            self.tool = None


class Watchdog:
    """Ends the exploration where a thread blocks for longer, outside of what is followed."""

    def __init__(self, patience: float) -> None:
        self._patience = patience

    def __enter__(self) -> None:
        # Else somebody else uses it.
        self._watches = _signal.getsignal(SIGURG) == _signal.SIG_DFL
        self._can_raise = threading.current_thread() is threading.main_thread()
        if self._watches:
            if self._can_raise:
                _signal.signal(SIGURG, _native.on_blocked)
            _native.watch(self._patience, self._can_raise)

    def __exit__(self, *_: object) -> None:
        if self._watches:
            _native.unwatch()
            if self._can_raise:
                _signal.signal(SIGURG, _signal.SIG_DFL)

"""The probes of `ungil compare` for worker interpreters, which cannot load the native ones.

Pure Python, and loaded inside too; the answers are those of `ungil._ungil.Probe` and `Visit`.
"""

from __future__ import annotations

import os
import pickle
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from ungil._kinds.refusals import refused_module

# Begin and end (CLOCK_MONOTONIC, nanoseconds), CPU time of the thread (nanoseconds), the value,
# and how it failed.
Report = tuple[int, int, int, Any, "Failure | None"]
# The exception's type, its traceback, and the exception itself where it survives pickling.
Failure = tuple[str, str, "BaseException | None"]


class Timed:
    """Calls a function and takes the times of the call; a failure is returned, not raised."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Report:
        failed: BaseException | None = None
        value = None
        started = time.monotonic_ns()
        cpu = time.thread_time_ns()
        try:
            value = self._function(*arguments)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            failed = error
        cpu = time.thread_time_ns() - cpu
        ended = time.monotonic_ns()
        if failed is None:
            return started, ended, cpu, value, None
        if refused_module(failed):
            # Not the task's fault: the executor tells which module it is, and what to do.
            raise failed
        return started, ended, cpu, None, _failure(failed)


class Stay:
    """Stays in a worker for some milliseconds and says which it was: process and thread."""

    def __init__(self, timed: Timed, stay_ms: int) -> None:
        self._timed = timed
        self._stay_ms = stay_ms

    def __call__(self) -> tuple[int, int]:
        time.sleep(self._stay_ms / 1000)
        return os.getpid(), threading.get_native_id()


def _failure(error: BaseException) -> Failure:
    trace = error.__traceback__
    # Without our frame, and without those of an import.
    trace = trace and trace.tb_next
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith("<frozen importlib"):
        trace = trace.tb_next
    text = "".join(traceback.format_exception(type(error), error, trace))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return type(error).__name__, text, None
    return type(error).__name__, text, error

"""Parallel Python: measure, choose, run.

Importing the package is cheap (its workers do it too): each name loads what it needs when it
is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from ungil._ungil import __version__

if TYPE_CHECKING:
    from ungil._executors import Future, ThreadPoolExecutor
    from ungil._kinds import executor
    from ungil._kinds.interpreter import BrokenInterpreterPool, InterpreterPoolExecutor
    from ungil._kinds.serial import SerialExecutor
    from ungil._map import map
    from ungil._process import (
        BrokenProcessPool,
        ProcessPoolExecutor,
        RemoteError,
        RemoteTraceback,
        WorkerCrashed,
    )
    from ungil._share import Shared, share
    from ungil._ungil import Comparison, compare, run_example

__all__ = [
    "BrokenInterpreterPool",
    "BrokenProcessPool",
    "Comparison",
    "Future",
    "InterpreterPoolExecutor",
    "ProcessPoolExecutor",
    "RemoteError",
    "RemoteTraceback",
    "SerialExecutor",
    "Shared",
    "ThreadPoolExecutor",
    "WorkerCrashed",
    "__version__",
    "compare",
    "executor",
    "map",
    "run_example",
    "share",
]

_HOMES = {
    "BrokenInterpreterPool": "ungil._kinds.interpreter",
    "BrokenProcessPool": "ungil._process",
    "Comparison": "ungil._ungil",
    "Future": "ungil._executors",
    "InterpreterPoolExecutor": "ungil._kinds.interpreter",
    "ProcessPoolExecutor": "ungil._process",
    "RemoteError": "ungil._process",
    "RemoteTraceback": "ungil._process",
    "SerialExecutor": "ungil._kinds.serial",
    "Shared": "ungil._share",
    "ThreadPoolExecutor": "ungil._executors",
    "WorkerCrashed": "ungil._process",
    "compare": "ungil._ungil",
    "executor": "ungil._kinds",
    "map": "ungil._map",
    "run_example": "ungil._ungil",
    "share": "ungil._share",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

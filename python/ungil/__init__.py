"""Parallel Python: measure, choose, run.

Importing the package is cheap (its workers do it too): each name loads what it needs when it
is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from ungil._ungil import __version__

if TYPE_CHECKING:
    from ungil._executors import Future, ThreadPoolExecutor
    from ungil._process import (
        BrokenProcessPool,
        ProcessPoolExecutor,
        RemoteError,
        RemoteTraceback,
        WorkerCrashed,
    )
    from ungil._ungil import Comparison, compare, run_example

__all__ = [
    "BrokenProcessPool",
    "Comparison",
    "Future",
    "ProcessPoolExecutor",
    "RemoteError",
    "RemoteTraceback",
    "ThreadPoolExecutor",
    "WorkerCrashed",
    "__version__",
    "compare",
    "run_example",
]

_HOMES = {
    "BrokenProcessPool": "ungil._process",
    "Comparison": "ungil._ungil",
    "Future": "ungil._executors",
    "ProcessPoolExecutor": "ungil._process",
    "RemoteError": "ungil._process",
    "RemoteTraceback": "ungil._process",
    "ThreadPoolExecutor": "ungil._executors",
    "WorkerCrashed": "ungil._process",
    "compare": "ungil._ungil",
    "run_example": "ungil._ungil",
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

"""Parallel Python: measure, choose, run.

Importing the package is cheap (its workers do it too): each name loads what it needs when it
is first used.
"""

from importlib import import_module

from ungil._ungil import __version__

TYPE_CHECKING = False  # `typing` takes a quarter of a worker's start
if TYPE_CHECKING:
    from ungil import race, sync, types
    from ungil._context import worker_context
    from ungil._doctor import doctor
    from ungil._explain import Explanation, explain
    from ungil._future import Future
    from ungil._kinds import executor
    from ungil._kinds.interpreter import BrokenInterpreterPool, InterpreterPoolExecutor
    from ungil._kinds.serial import SerialExecutor
    from ungil._map import map
    from ungil._native import native
    from ungil._native.parallel import prange
    from ungil._process import (
        BrokenProcessPool,
        ProcessPoolExecutor,
        RemoteError,
        RemoteTraceback,
        TaskTimeout,
        WorkerCrashed,
    )
    from ungil._share import Shared, share
    from ungil._stats import PoolStats
    from ungil._thread_pool import ThreadPoolExecutor
    from ungil._trace import Trace, trace
    from ungil._ungil import Comparison, GilStats, compare, gil_stats, run_example

__all__ = [
    "BrokenInterpreterPool",
    "BrokenProcessPool",
    "Comparison",
    "Explanation",
    "Future",
    "GilStats",
    "InterpreterPoolExecutor",
    "PoolStats",
    "ProcessPoolExecutor",
    "RemoteError",
    "RemoteTraceback",
    "SerialExecutor",
    "Shared",
    "TaskTimeout",
    "ThreadPoolExecutor",
    "Trace",
    "WorkerCrashed",
    "__version__",
    "compare",
    "doctor",
    "executor",
    "explain",
    "gil_stats",
    "map",
    "native",
    "prange",
    "race",
    "run_example",
    "share",
    "sync",
    "trace",
    "types",
    "worker_context",
]

_HOMES = {
    "BrokenInterpreterPool": "ungil._kinds.interpreter",
    "BrokenProcessPool": "ungil._process",
    "Comparison": "ungil._ungil",
    "Explanation": "ungil._explain",
    "Future": "ungil._future",
    "GilStats": "ungil._ungil",
    "InterpreterPoolExecutor": "ungil._kinds.interpreter",
    "PoolStats": "ungil._stats",
    "ProcessPoolExecutor": "ungil._process",
    "RemoteError": "ungil._process",
    "RemoteTraceback": "ungil._process",
    "SerialExecutor": "ungil._kinds.serial",
    "Shared": "ungil._share",
    "TaskTimeout": "ungil._process",
    "ThreadPoolExecutor": "ungil._thread_pool",
    "Trace": "ungil._trace",
    "WorkerCrashed": "ungil._process",
    "compare": "ungil._ungil",
    "doctor": "ungil._doctor",
    "executor": "ungil._kinds",
    "explain": "ungil._explain",
    "gil_stats": "ungil._ungil",
    "map": "ungil._map",
    "native": "ungil._native",
    "prange": "ungil._native.parallel",
    "run_example": "ungil._ungil",
    "share": "ungil._share",
    "trace": "ungil._trace",
    "worker_context": "ungil._context",
}

_SUBMODULES = {"race", "sync", "types"}


def load_ipython_extension(shell: object) -> None:
    """`%load_ext ungil`: the cell magic `%%ungil`."""
    from ungil._ipython import load  # noqa: PLC0415 (as all names here)

    load(shell)


def unload_ipython_extension(shell: object) -> None:
    """`%unload_ext ungil`."""
    from ungil._ipython import unload  # noqa: PLC0415

    unload(shell)


def __getattr__(name: str) -> object:
    if name in _SUBMODULES:
        return import_module(f"ungil.{name}")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

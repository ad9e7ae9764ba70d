"""The kinds of executors: one table of all, and `ungil.executor` that opens one by its name.

To add a kind: write its file here and name its class in `KINDS`.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ungil._executors import InterruptibleExecutor


class Kind(NamedTuple):
    """Where a kind's class is, and what its workers are called."""

    module: str
    executor: str
    workers: str


# Cheapest first.
KINDS = {
    "serial": Kind("ungil._kinds.serial", "SerialExecutor", "calling thread"),
    "thread": Kind("ungil._thread_pool", "ThreadPoolExecutor", "threads"),
    "interpreter": Kind("ungil._kinds.interpreter", "InterpreterPoolExecutor", "interpreters"),
    "process": Kind("ungil._process", "ProcessPoolExecutor", "processes"),
    "dask": Kind("ungil._kinds.dask", "DaskExecutor", "Dask workers"),
    "ray": Kind("ungil._kinds.ray", "RayExecutor", "Ray workers"),
}


def executor(kind: str, workers: int | None = None, **options: Any) -> InterruptibleExecutor:
    """Opens an executor of a kind: serial, thread, interpreter, process, dask or ray.

    workers: how many at most; default: what that kind's class takes.
    options: go to the kind's class (`initializer`, `start_method`, `address`, ...).

    Raises `ValueError` for an unknown kind, `RuntimeError` for one that this Python cannot run,
    and `ImportError` for one whose package is not installed; each message tells the remedy.
    """
    chosen = KINDS[check_kind(kind, *KINDS)]
    opened: InterruptibleExecutor = getattr(import_module(chosen.module), chosen.executor)(
        workers, **options
    )
    return opened


def check_kind(kind: str, *known: str) -> str:
    """`kind`, or a `ValueError` that lists what is known and suggests what may be meant."""
    if kind in known:
        return kind
    close = get_close_matches(str(kind), known, n=1)
    hint = f' Did you mean "{close[0]}"?' if close else ""
    raise ValueError(f'unknown kind "{kind}": there are {", ".join(known)}.{hint}')

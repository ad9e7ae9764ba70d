"""An interpreter beside the main one, through what each version of Python has for that.

The one place that knows versions. `Subinterpreter` is the same on all: create, run source text,
close; isolated, with a GIL of its own.
"""

from __future__ import annotations

import sys
import threading
from importlib import import_module
from typing import Any

_HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
REMEDY = (
    'Use ungil.ProcessPoolExecutor (ungil.executor("process")), which runs the same tasks in '
    "parallel, or Python 3.13 or newer."
)


class SubinterpreterError(RuntimeError):
    """Code inside an interpreter failed; the message is what it said."""


def why_not() -> str | None:
    """Why this Python has no worker interpreters, without a full stop; None if it has."""
    if sys.implementation.name != "cpython":
        return f"{sys.implementation.name} has no interpreters with a GIL of their own"
    if sys.version_info < (3, 12):
        return (
            f"Python {_HERE} has no interpreters with a GIL of their own: they came with 3.12, and "
            "are sound from 3.13 on"
        )
    if sys.version_info < (3, 13):
        return (
            "Python 3.12's own interpreters are not known to be safe in parallel (see "
            "python/cpython#116510, mended from 3.13 on), and decimal and ctypes cannot be "
            "imported there"
        )
    return None


# Interpreters are made and ended one at a time: Python's own list of them is easily upset.
_life = threading.RLock()


def _forget_interruption() -> None:
    # Python remembers, for the whole process, that a KeyboardInterrupt came out of the code it ran
    # last, in whichever interpreter, and then dies of SIGINT at its end. One that we have sent to
    # an interpreter is none of the program's: it forgets when it runs something else.
    if getattr(sys, "last_type", None) is not KeyboardInterrupt:
        exec("")


def _prepare() -> None:
    # datetime's static types belong to whichever interpreter imports them first. If that is one
    # that ends before the others, they free its memory with their own allocators, and Python
    # aborts ("munmap_chunk(): invalid pointer"; seen with 3.13.0). The main one outlives all.
    import datetime  # noqa: F401, PLC0415


if sys.version_info >= (3, 14):

    class Subinterpreter:
        """Through `concurrent.interpreters` (PEP 734)."""

        def __init__(self) -> None:
            self._module: Any = import_module("concurrent.interpreters")
            with _life:
                _prepare()
                self._interpreter = self._module.create()
            self.id: int = self._interpreter.id

        def run(self, source: str) -> None:
            """Runs source text in the interpreter's `__main__`."""
            try:
                self._interpreter.exec(source)
            except self._module.ExecutionFailed as error:
                _forget_interruption()
                raise SubinterpreterError(str(error)) from None

        def close(self) -> None:
            """Ends it, once the threads have ended that were started inside."""
            with _life:
                self._interpreter.close()
            _forget_interruption()

else:

    class Subinterpreter:
        """Through 3.13's private `_interpreters`, on which 3.14's public module is built."""

        def __init__(self) -> None:
            self._module: Any = import_module("_interpreters")
            with _life:
                _prepare()
                self.id: int = self._module.create("isolated")

        def run(self, source: str) -> None:
            """Runs source text in the interpreter's `__main__`."""
            failure = self._module.exec(self.id, source)
            if failure is not None:
                _forget_interruption()
                raise SubinterpreterError(failure.formatted)

        def close(self) -> None:
            """Ends it, once the threads have ended that were started inside."""
            with _life:
                self._module.destroy(self.id)
            _forget_interruption()

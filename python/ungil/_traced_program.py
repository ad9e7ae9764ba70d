"""Runs a program as Python itself would, with a trace of the GIL around it."""

from __future__ import annotations

import atexit
import builtins
import io
import os
import runpy
import signal
import sys
import threading
import types
from collections.abc import Callable
from contextlib import suppress
from importlib.machinery import SourceFileLoader
from pkgutil import get_importer
from types import CodeType

from ungil import _family, _ungil
from ungil._trace import Trace


class Refused(Exception):
    """The program cannot be run, or this Python cannot be traced."""


def run(program: list[str], children: bool, quiet: bool) -> tuple[_ungil.TraceReport | None, int]:
    """Runs `[file, *args]` or `["-m", module, *args]`; what was traced, with the processes that it
    started if that is wanted, and the exit code. In a child that the program forked only that."""
    start = _module(program[1:]) if program[0] == "-m" else _file(program)
    interrupted = _Interrupted()
    trace = Trace(children=children)
    try:
        trace.start()
    except RuntimeError as error:
        raise Refused(str(error)) from None
    if not quiet:
        _family.tell_of_os_exit(_no_summary)
    try:
        code = _exit_code(start, interrupted)
        # The interpreter does so before anything else of its end: threads are part of the program.
        code = _exit_code(threading._shutdown, interrupted) or code  # type: ignore[attr-defined]
    finally:
        trace.stop()
    return (trace._done() if trace.is_ours else None), code


def _no_summary(status: int) -> None:
    with suppress(OSError):
        os.write(2, f"ungil: no summary: the program ended by os._exit({status})\n".encode())


def _file(program: list[str]) -> Callable[[], None]:
    path = program[0]
    if not os.path.exists(path):
        raise Refused(f"can't open file {path!r}: there is no such file.")
    if get_importer(path) is not None:
        # A folder or a zip file with a `__main__.py`.
        return _package(program)
    whole = os.path.abspath(path)
    try:
        with io.open_code(whole) as file:
            source = file.read()
    except OSError as error:
        raise Refused(f"can't open file {path!r}: {error.strerror}.") from None
    _prepare(program, os.path.dirname(os.path.realpath(path)))
    main = _new_main()
    main.__file__ = whole
    main.__loader__ = SourceFileLoader("__main__", whole)

    def start() -> None:
        exec(_compiled(source, whole), main.__dict__)

    return start


def _compiled(source: bytes, path: str) -> CodeType:
    code: CodeType = compile(source, path, "exec", dont_inherit=True)
    return code


def _package(program: list[str]) -> Callable[[], None]:
    _prepare(program, os.path.abspath(program[0]))
    _new_main()

    def start() -> None:
        runpy._run_module_as_main("__main__", alter_argv=False)  # type: ignore[attr-defined]

    return start


def _module(program: list[str]) -> Callable[[], None]:
    _prepare(["-m", *program[1:]], os.getcwd())
    _new_main()

    def start() -> None:
        runpy._run_module_as_main(program[0])  # type: ignore[attr-defined]

    return start


def _prepare(argv: list[str], folder: str) -> None:
    """`sys.argv` and `sys.path` as the program expects them."""
    sys.argv[:] = argv
    if not sys.flags.safe_path:
        # The first entry was for `ungil` itself.
        sys.path[0] = folder


def _new_main() -> types.ModuleType:
    main = types.ModuleType("__main__")
    main.__dict__.update(__builtins__=builtins, __annotations__={}, __cached__=None)
    # Ours stays alive: its functions are still running.
    atexit.register(id, sys.modules["__main__"])
    sys.modules["__main__"] = main
    return main


def _exit_code(start: Callable[[], None], interrupted: _Interrupted) -> int:
    """Calls it; what the interpreter would make of how it ends."""
    try:
        start()
    except SystemExit as end:
        return _code_of(end)
    except BaseException as error:
        _tell(error)
        if isinstance(error, KeyboardInterrupt):
            interrupted.happened = True
            return 130
        return 1
    return 0


def _code_of(end: SystemExit) -> int:
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    print(end.code, file=sys.stderr)
    return 1


def _tell(error: BaseException) -> None:
    """Shows the traceback, without the frames of this file, in the way that the program wants."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_code.co_filename == __file__:
        traceback = traceback.tb_next
    try:
        sys.excepthook(type(error), error.with_traceback(traceback), traceback)
    except BaseException as worse:
        sys.__excepthook__(type(worse), worse, worse.__traceback__)


class _Interrupted:
    """After Ctrl-C, ends the process by that very signal, when all else is done: a shell wants to
    know. What is registered first is called last."""

    def __init__(self) -> None:
        self.happened = False
        atexit.register(self._end)

    def _end(self) -> None:
        if self.happened:
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:
                    stream.flush()
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)

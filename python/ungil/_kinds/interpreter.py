"""`InterpreterPoolExecutor`: threads with an interpreter each."""

from __future__ import annotations

import os
import pickle
import sys
import threading
from collections.abc import Callable
from concurrent.futures.thread import BrokenThreadPool
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any, TypeVar

from ungil import _context, _ungil
from ungil._executors import (
    InterruptibleExecutor,
    check_initializer,
    check_max_workers,
    usable_cores,
)
from ungil._future import Future
from ungil._kinds import inside, subinterpreter
from ungil._kinds.unpicklable import label, unpicklable
from ungil._lifetime import register
from ungil._options import Call, Options, refuse_timeout
from ungil._process import RemoteError, RemoteTraceback
from ungil._set_up import main_module
from ungil._thread_pool import ThreadPoolExecutor, pause

if sys.version_info >= (3, 14):
    from concurrent.futures.interpreter import BrokenInterpreterPool as _StandardBroken
else:
    _StandardBroken = BrokenThreadPool

T = TypeVar("T")

# How long interrupted interpreters get to notice, in seconds.
_GRACE = 0.5


class BrokenInterpreterPool(_StandardBroken):  # type: ignore[misc, valid-type, unused-ignore]
    """A worker interpreter could not be set up; the cause is why."""


class InterpreterPoolExecutor(InterruptibleExecutor):
    """Runs calls in threads that have an interpreter, and so a GIL, of their own.

    As parallel as processes for pure Python, in one process; the interface of
    `concurrent.futures.InterpreterPoolExecutor`, from Python 3.13 on.

    max_workers: interpreters at most, each started when there is work for it; default: the
        usable cores.
    thread_name_prefix: names the threads `PREFIX_0`, `PREFIX_1` ...
    initializer, initargs: called in each interpreter before its first task; if it raises, the
        pool is broken (`ungil.BrokenInterpreterPool`, with the exception as the cause).

    Functions, arguments and results are pickled, as for processes; a script's own functions work,
    its start belongs under `if __name__ == "__main__":`. Modules are imported in each interpreter
    anew; an extension module that does not support that (NumPy's) fails the task with an
    `ImportError` that names it. On Ctrl-C inside the `with` block waiting tasks are cancelled and
    running ones get a `KeyboardInterrupt`, as in `ungil.ThreadPoolExecutor`.

    Raises `RuntimeError` where Python has no interpreters that can work in parallel.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        reason = subinterpreter.why_not()
        if reason is not None:
            raise RuntimeError(f"{reason}. {subinterpreter.REMEDY}")
        count = check_max_workers(max_workers, usable_cores())
        check_initializer(initializer)
        prefix = thread_name_prefix or f"{type(self).__name__}-{id(self):x}"
        self._has_initializer = initializer is not None
        self._crew = _Crew(_set_up(initializer, initargs))
        self._threads = _Threads(count, prefix, self._crew)
        register(self)

    def _check_options(self, options: Options) -> None:
        refuse_timeout(options, "an interpreter cannot be stopped from outside")

    def _submit_with(self, options: Options, call: Call[T]) -> Future[T]:
        self._crew.raise_if_broken()
        task = _Task(self._crew, label(call.fn))
        try:
            task.parts, task.held = _ungil._collect_held(lambda: _dump((*call,)))
        except Exception as error:
            _settle(task.future, None, error)
            return task.future
        with self._crew.lock:
            self._crew.tasks.add(task)
        try:
            self._threads._submit_with(options, Call(task, (), {}))
        except BaseException as error:
            self._crew.tasks.discard(task)
            if isinstance(error, BrokenThreadPool):
                self._crew.raise_if_broken()
            raise
        return task.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Takes no more tasks; waits for those taken, or drops those not yet begun."""
        if cancel_futures:
            for task in self._crew.take_waiting():
                if task.future.cancel():
                    task.future.set_running_or_notify_cancel()
        self._threads.shutdown(wait, cancel_futures=cancel_futures)

    def _interrupt(self) -> None:
        self.shutdown(wait=False, cancel_futures=True)
        # An interpreter that sits in a long call of native code cannot be visited: not waited for.
        visits = [
            threading.Thread(target=worker.interrupt, daemon=True) for worker in self._crew.workers
        ]
        for visit in visits:
            visit.start()
        threads = [thread for thread in self._threads._threads if thread.runs()]
        for thread in [*visits, *threads]:
            thread.join(_GRACE / max(1, len(threads)))

    def _stop(self) -> bool:
        """Ends everything now; whether it has ended: native code may hang."""
        self._interrupt()
        return not any(thread.runs() for thread in self._threads._threads)


class _Task:
    """A pickled call that waits for an interpreter."""

    def __init__(self, crew: _Crew, label: str) -> None:
        self.future: Future[Any] = Future()
        self.parts: list[Any] = []
        # Shared memory that must stay until it has run.
        self.held: list[object] = []
        self.label = label
        self._crew = crew

    def __call__(self) -> None:
        with self._crew.lock:
            if self not in self._crew.tasks:  # dropped meanwhile, and its future told
                return
            self._crew.tasks.remove(self)
        if not self.future.set_running_or_notify_cancel():
            return
        parts, self.parts = self.parts, []
        try:
            answer = _here.worker.ask("run()", parts)
            del parts
            value = _read(answer, f"task {self.label}")
        except BaseException as error:
            _settle(self.future, None, _here.worker.why(error))
        else:
            _settle(self.future, value, None)
        finally:
            self.held = []


class _Crew:
    """What a pool and its threads share: the tasks not begun, the workers, what broke them."""

    def __init__(self, set_up: list[Any]) -> None:
        self.set_up = set_up
        self.lock = threading.Lock()
        self.tasks: set[_Task] = set()
        self.workers: list[_Worker] = []
        self._broken: BaseException | None = None

    def take_waiting(self) -> list[_Task]:
        with self.lock:
            waiting = list(self.tasks)
            self.tasks.clear()
        return waiting

    def fail(self, why: BaseException) -> None:
        self._broken = why
        for task in self.take_waiting():
            if task.future.set_running_or_notify_cancel():
                task.future.set_exception(self._error())

    def raise_if_broken(self) -> None:
        if self._broken is not None:
            raise self._error()

    def _error(self) -> BrokenInterpreterPool:
        error = BrokenInterpreterPool(
            "a worker interpreter could not be set up, the pool is not usable anymore: "
            f"{self._broken}"
        )
        error.__cause__ = self._broken
        return error


class _Threads(ThreadPoolExecutor):
    """Our thread pool, whose threads open an interpreter first."""

    def __init__(self, count: int, prefix: str, crew: _Crew) -> None:
        self._crew = crew
        super().__init__(count, prefix)

    def _work(self, index: int) -> Callable[[], object]:
        return partial(_run_thread, self._core(), self._crew)

    def _interrupt(self) -> None:
        # Not as a thread: what runs is in the interpreter, and its end here must not be cut short.
        self.shutdown(wait=False, cancel_futures=True)


class _Here(threading.local):
    """The calling thread's worker."""

    worker: _Worker


_here = _Here()


# What is loaded in an interpreter, by name and path.
_MODULES = [(inside.NAME, inside.__file__), (_context.__name__, _context.__file__)]


class _Worker:
    """An interpreter and the memory file that tasks and answers travel through."""

    def __init__(self) -> None:
        self._file = os.memfd_create("ungil-interpreter", os.MFD_CLOEXEC)
        self._ident = threading.get_ident()
        # Held while the interpreter is ended, or visited: never both.
        self._life = threading.Lock()
        self._closed = False
        self._busy = False
        self._interrupted = False
        try:
            self._interpreter = subinterpreter.Subinterpreter()
        except BaseException:
            os.close(self._file)
            raise

    def set_up(self, parts: list[Any]) -> None:
        self._interpreter.run(
            "from importlib import util as u\nimport sys as s\n"
            f"for n, f in {_MODULES!r}:\n"
            "    p = u.spec_from_file_location(n, f)\n"
            "    s.modules[n] = m = u.module_from_spec(p)\n    p.loader.exec_module(m)\n"
            "del n, f, m, p, s, u\n"
        )
        _read(self.ask(f"set_up({self._file})", parts), "the initializer")

    def ask(self, call: str, parts: list[Any]) -> list[Any]:
        """Has the interpreter make a call on what is sent, and gives the answer."""
        inside.send(self._file, parts)
        self._busy = True
        try:
            self._interpreter.run(f"__import__({inside.NAME!r}).{call}")
        finally:
            self._busy = False
        return inside.receive(self._file)

    def interrupt(self) -> None:
        with self._life:
            if self._busy and not self._closed:
                self._interrupted = True
                _ungil.interrupt_interpreter(self._interpreter.id, self._ident)

    def why(self, error: BaseException) -> BaseException:
        """An error of a task; what it met when it was interrupted, in an import say, says less."""
        if not self._interrupted or isinstance(error, KeyboardInterrupt):
            return error
        interruption = KeyboardInterrupt()
        interruption.__cause__ = error
        return interruption

    def close(self) -> None:
        with self._life:
            self._closed = True
            try:
                self._interpreter.close()
            finally:
                os.close(self._file)


def _run_thread(core: _ungil.ThreadPoolCore, crew: _Crew) -> None:
    try:
        worker = _Worker()
    except BaseException as error:
        crew.fail(error)
        core.fail()
        return
    crew.workers.append(worker)
    try:
        worker.set_up(crew.set_up)
        _here.worker = worker
    except BaseException as error:
        crew.fail(error)
        core.fail()
    else:
        with suppress(KeyboardInterrupt):  # it came between two tasks
            core.work(pause)
    finally:
        crew.workers.remove(worker)
        worker.close()


def _set_up(initializer: Callable[..., object] | None, initargs: tuple[Any, ...]) -> list[Any]:
    """What an interpreter reads first; see `inside.set_up`."""
    what = {
        "sys_path": [entry or os.getcwd() for entry in sys.path],
        "argv": sys.argv,
        "main": main_module(),
    }
    call = [] if initializer is None else _dump((initializer, initargs, {}))
    return [pickle.dumps(what, protocol=5), *call]


def _dump(call: tuple[Any, tuple[Any, ...], dict[str, Any]]) -> list[Any]:
    """Pickles a call; with cloudpickle, where it is installed, what pickle does not take."""
    try:
        return inside.dump(call)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        try:
            dumps: Any = import_module("cloudpickle").dumps
        except ImportError:
            raise _refused(call, error, pickle.dumps) from error
        try:
            return inside.dump(call, dumps)
        except Exception as again:
            raise _refused(call, again, dumps) from again


def _refused(
    call: tuple[Any, tuple[Any, ...], dict[str, Any]],
    error: BaseException,
    dumps: Callable[[Any], object],
) -> pickle.PicklingError:
    return unpicklable(*call, where="another interpreter", error=error, dumps=dumps)


def _read(answer: list[Any], what: str) -> Any:
    """The value in an answer, or its exception raised."""
    kind = answer[0][0]
    if kind == inside.VALUE:
        return inside.load(answer[1:])
    name, text, traceback, unsupported = pickle.loads(answer[1])
    if unsupported:
        package = unsupported.partition(".")[0]
        error: BaseException = ImportError(
            f"{what} needs {package}, which cannot be imported in a worker interpreter: "
            f"{unsupported} does not support subinterpreters. Run it in processes "
            '(ungil.ProcessPoolExecutor, ungil.executor("process"), --worker process), or keep '
            "that import out of what the workers import",
            name=unsupported,
        )
    elif kind == inside.UNPICKLABLE:
        error = pickle.PicklingError(
            f"the result of {what} cannot be pickled to leave its interpreter: {name}: {text}. "
            "Return plain data instead (a list rather than a generator, say), or use threads"
        )
    elif kind == inside.UNREADABLE:
        error = RemoteError(f"{what} could not be read in its interpreter: {name}: {text}")
    else:
        error = _rebuilt(answer[2:], f"{what} raised {name}: {text} (it does not pickle)")
    error.__cause__ = RemoteTraceback(traceback)
    raise error


def _rebuilt(pickled: list[Any], otherwise: str) -> BaseException:
    if pickled:
        try:
            error = pickle.loads(pickled[0])
        except Exception as why:
            return RemoteError(f"{otherwise[: otherwise.rindex(' (')]} ({why})")
        if isinstance(error, BaseException):
            return error
    return RemoteError(otherwise)


def _settle(future: Future[Any], value: object, error: BaseException | None) -> None:
    if error is None:
        future.set_result(value)
    else:
        # Our frames are of no use to who reads it: where it happened is in the cause.
        future.set_exception(error.with_traceback(None))

"""Runs CPython's own `test.test_concurrent_futures` against ungil's executors.

    python run.py --list                     prints the tests, one `Class.method` per line
    python run.py RESULTS CLASS.METHOD ...   runs them; RESULTS gets JSON: {test: outcome}

An outcome is "passed", "skipped: REASON" or the traceback. The process is the adapter: it puts
ungil's classes where the tests look for the standard library's, then loads the tests from the
interpreter's installation (see source.py).
"""

import concurrent.futures
import concurrent.futures.process
import importlib
import json
import os
import pkgutil
import re
import sys
import traceback
import unittest
from collections.abc import Iterator
from concurrent.futures._base import (
    CANCELLED,
    CANCELLED_AND_NOTIFIED,
    FINISHED,
    RUNNING,
)
from pathlib import Path
from typing import Any

import ungil
from test.support import script_helper  # type: ignore[import-not-found]


class ProcessPoolExecutor(ungil.ProcessPoolExecutor):
    """With the standard library's way of dealing with a dead worker."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, on_crash="break", **kwargs)


class Future(ungil.Future[Any]):
    """The tests bring futures into a state by setting private attributes: here that calls the
    methods which lead there."""

    @property
    def _state(self) -> str:
        return super()._state

    @_state.setter
    def _state(self, state: str) -> None:
        if state in (CANCELLED, CANCELLED_AND_NOTIFIED):
            self.cancel()
        if state in (RUNNING, CANCELLED_AND_NOTIFIED):
            self.set_running_or_notify_cancel()
        self._finishing = state == FINISHED

    @property
    def _exception(self) -> BaseException | None:
        return super()._exception

    @_exception.setter
    def _exception(self, exception: BaseException | None) -> None:
        if exception is not None:
            self.set_exception(exception)

    @property
    def _result(self) -> Any:
        return super()._result

    @_result.setter
    def _result(self, result: Any) -> None:
        if self._finishing and not self.done():
            self.set_result(result)


def adapt() -> None:
    """Puts ungil where the tests look for the standard library."""
    modules: Any = concurrent.futures
    modules.ThreadPoolExecutor = ungil.ThreadPoolExecutor
    modules.ProcessPoolExecutor = ProcessPoolExecutor
    modules.Future = modules._base.Future = Future
    modules.process._RemoteTraceback = ungil.RemoteTraceback
    run_script = script_helper.assert_python_ok

    def assert_python_ok(option: str, script: str) -> Any:
        """The scripts that tests run in an interpreter of their own import ungil instead."""
        ours = re.sub(r"from concurrent\.futures import", "from ungil import", script)
        if ours == script:
            raise AssertionError(f"the script uses no executor that could be replaced: {script}")
        return run_script(option, ours, PYTHONPATH=os.environ["PYTHONPATH"])

    script_helper.assert_python_ok = assert_python_ok


def test_modules() -> Iterator[Any]:
    package = importlib.import_module("test.test_concurrent_futures")
    if not hasattr(package, "__path__"):  # one module, before 3.12
        yield package
        return
    for found in pkgutil.iter_modules(package.__path__):
        if found.name.startswith("test_"):
            yield importlib.import_module(f"{package.__name__}.{found.name}")


def flat(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


def name_of(test: unittest.TestCase) -> str:
    return ".".join(test.id().split(".")[-2:])


class Results(unittest.TestResult):
    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self.outcomes: dict[str, str] = {}

    def note(self, test: unittest.TestCase, outcome: str) -> None:
        # Subtests and clean-ups may add to it; what is wrong stays wrong.
        if self.outcomes.get(name_of(test), "running") in ("running", "passed"):
            self.outcomes[name_of(test)] = outcome
            self.file.write_text(json.dumps(self.outcomes))

    def startTest(self, test: unittest.TestCase) -> None:
        self.note(test, "running")

    def addSuccess(self, test: unittest.TestCase) -> None:
        self.note(test, "passed")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self.note(test, f"skipped: {reason}")

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        self.note(test, "".join(traceback.format_exception(*err)))

    addError = addFailure

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:
        if err is not None:
            self.addFailure(test, err)


def main() -> None:
    adapt()
    wanted = set(sys.argv[2:])
    results = Results(Path(sys.argv[1])) if wanted else None
    for module in test_modules():
        tests = list(flat(unittest.defaultTestLoader.loadTestsFromModule(module)))
        if results is None:
            print("\n".join(map(name_of, tests)))
            continue
        chosen = [test for test in tests if name_of(test) in wanted]
        if chosen:
            module.setUpModule()
            for test in chosen:
                test.run(results)
            unittest.doModuleCleanups()


if __name__ == "__main__":
    main()

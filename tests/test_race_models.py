"""What can be a model or a test, and what is refused; what threads of a model may count on."""

import asyncio
import concurrent.futures
import functools
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import ungil.race
from race_suite.threads import Box, together


class Account:
    def __init__(self) -> None:
        self.balance = 0

    def pay_twice(self) -> None:
        """As a model: `self` is the same in all runs."""
        self.balance = 0
        together(self.pay, self.pay)
        assert self.balance == 2

    def pay(self) -> None:
        self.balance += 1

    __call__ = pay_twice


async def pay_after_a_while() -> None:
    await asyncio.sleep(1)
    Account().pay_twice()


@pytest.mark.parametrize(
    "model",
    [
        Account().pay_twice,
        Account(),
        functools.partial(Account.pay_twice, Account()),
        lambda: Account().pay_twice(),
        pay_after_a_while,
    ],
    ids=["method", "callable", "partial", "lambda", "coroutine"],
)
def test_models_are_whatever_can_be_called(model: Callable[[], object]) -> None:
    [finding] = ungil.race.explore(model, max_blocked=60).findings
    assert finding.sentence.startswith("Lost update of Account.balance")


def takes(more: object) -> None:
    del more


def gives() -> Any:
    yield 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": takes}, "a model is a function without arguments; takes: missing a required"),
        ({"model": 1}, "a model is a function without arguments, not int"),
        ({"model": gives}, "a generator does nothing when it is called"),
        ({"setup": Box}, "needs a model, or workers="),
        ({"workers": takes}, "needs a model, or workers="),
        ({"workers": [takes]}, "each of workers= is a function and is called without arguments"),
        ({"setup": Box, "workers": [1]}, "each of workers= is a function .*, not int"),
        ({"setup": takes, "workers": [takes]}, "setup= is a function without arguments; takes"),
        (
            {"setup": Box, "workers": [takes], "invariant": Box().__repr__},
            "invariant= is a function and takes what setup= makes",
        ),
        ({"model": gives, "workers": [gives]}, "not both"),
        ({"model": print, "strategy": "dpor"}, r"strategy is one of ungil\.race's"),
        ({"model": print, "max_schedules": 1.5}, "max_schedules is a whole number, not float"),
        ({"model": print, "max_seconds": "1"}, "max_seconds is a number of seconds, not str"),
        ({"model": print, "benign": "value"}, r'benign is a list: benign=\["value"\]'),
    ],
)
def test_what_is_no_model_is_refused_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        ungil.race.explore(**options)


TESTS = """
import unittest
import pytest
import ungil.race
from race_suite.threads import Box, together

def pay_all(box, payers):
    box.value = 0
    def pay():
        box.value += 1
    together(*[pay] * payers)
    assert box.value == payers

@pytest.fixture
def box():
    return Box()

@pytest.mark.race
@pytest.mark.parametrize("payers", [1, 2])
def test_marked(box, payers):
    pay_all(box, payers)

@ungil.race.test
@pytest.mark.parametrize("payers", [1, 2])
def test_decorated(box, payers):
    pay_all(box, payers)

@pytest.mark.race
async def test_async():
    assert not "awaited"

class TestOfClass:
    @pytest.mark.race(max_schedules=50)
    def test_method(self, box):
        pay_all(box, 2)

@pytest.mark.race
def test_skipped():
    pytest.skip("not here")

class TestOfUnittest(unittest.TestCase):
    @ungil.race.test
    def test_case(self):
        pay_all(Box(), 2)
"""


def test_tests_have_fixtures_parameters_and_classes(tmp_path: Path) -> None:
    (tmp_path / "test_program.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "--ungil-race"]
    done = subprocess.run(
        [*command, "--override-ini=pythonpath=" + str(Path(__file__).parent)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    said = {
        line.split(" - ")[0].split("::", 1)[1]: line.split()[0]
        for line in done.stdout.splitlines()
        if line.startswith(("PASSED test", "FAILED test"))
    }
    assert said == {
        "test_marked[1]": "PASSED",
        "test_marked[2]": "FAILED",
        "test_decorated[1]": "PASSED",
        "test_decorated[2]": "FAILED",
        "test_async": "FAILED",
        "TestOfClass::test_method": "FAILED",
        "TestOfUnittest::test_case": "FAILED",
    }, done.stdout
    assert "SKIPPED [1]" in done.stdout


def test_threads_have_numbers_of_the_system_that_differ() -> None:
    def model() -> None:
        seen = set()

        def note() -> None:
            me = threading.current_thread()
            assert me.native_id == threading.get_native_id()
            seen.add(me.native_id)

        together(note, note)
        assert len(seen) == 2

    assert ungil.race.explore(model).ok


def test_a_model_s_own_hook_handles_its_threads_exceptions() -> None:
    before = threading.excepthook

    def model() -> None:
        seen = []
        threading.excepthook = lambda told: seen.append(told.exc_type)
        together(lambda: 1 // 0)
        assert seen == [ZeroDivisionError]

    assert ungil.race.explore(model).ok
    assert threading.excepthook is before


def test_waiting_for_several_futures_is_the_same_in_each_run() -> None:
    def model() -> None:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            futures = [pool.submit(abs, number) for number in (-1, -2)]
            done = concurrent.futures.as_completed(futures)
            assert sorted(future.result() for future in done) == [1, 2]

    assert ungil.race.explore(model, max_schedules=300).ok


def test_a_model_that_does_not_wait_for_its_threads_is_warned_of() -> None:
    def model() -> None:
        threading.Thread(target=time.sleep, args=(1,), name="sleeper").start()
        threading.Thread(target=time.sleep, args=(1,), daemon=True).start()

    with pytest.warns(RuntimeWarning, match="the model returns before sleeper, which it has"):
        ungil.race.explore(model)


def test_two_threads_may_both_miss_in_a_cache() -> None:
    calls: list[int] = []

    @functools.cache
    def square(number: int) -> int:
        calls.append(number)
        return number * number

    def ask() -> None:
        assert square(3) == 9

    def twice() -> None:
        calls.clear()
        together(ask, ask)
        assert calls == [3]

    def alone() -> None:
        ask()
        ask()
        square.cache_clear()
        ask()
        assert calls == [3, 3]
        calls.clear()

    [finding] = ungil.race.explore(twice).findings
    assert "cache of square" in str(finding)
    assert square.cache_info().currsize == 0
    calls.clear()
    assert ungil.race.explore(alone).proved

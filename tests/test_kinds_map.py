"""`ungil.map`: what it measures, how it decides, what it gives."""

import itertools
import logging
import os
import sys
import textwrap
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from subprocess import run
from typing import Any

import pytest
import ungil
from kinds_tasks import compute, divide, echo, nap, square
from ungil._choice import RULES, Choice, choose
from ungil._probe import MOST_ITEMS, Measured, probe

# An item of pure Python that is worth two processes.
TYPICAL = Measured(
    items=5,
    remaining=1000,
    seconds=0.01,
    cpu=1.0,
    threads=1.0,
    gil=1.0,
    has_gil=True,
    unpicklable="",
    pickled=100,
    pickling=1e-5,
    workers=2,
)


@pytest.mark.parametrize(
    ("rule", "kind", "changes"),
    [
        ("nothing left", "serial", {"remaining": 0}),
        ("not worth threads", "serial", {"remaining": 10, "seconds": 1e-5}),
        ("parallel already", "serial", {"threads": 1.9}),
        ("waiting", "thread", {"cpu": 0.1}),
        ("waiting", "thread", {"cpu": 0.1, "workers": 1, "remaining": None}),
        ("one worker", "serial", {"workers": 1}),
        ("no GIL", "thread", {"has_gil": False}),
        ("GIL released", "thread", {"gil": 0.1}),
        ("does not pickle", "serial", {"unpicklable": "an item does not pickle (no)"}),
        ("pickling costs more", "serial", {"pickling": 0.02}),
        ("not worth processes", "serial", {"remaining": 15}),
        ("computing", "process", {}),
        ("computing", "process", {"gil": None, "remaining": None}),
        ("computing", "process", {"has_gil": True, "seconds": 1e-5, "pickling": 1e-6}),
    ],
)
def test_the_table_of_rules(rule: str, kind: str, changes: dict[str, Any]) -> None:
    measured = TYPICAL._replace(**changes)
    if "seconds" in changes and rule == "computing":
        measured = measured._replace(remaining=10**6)
    (decisive, *_) = [each.name for each in RULES if each.holds(measured)]
    choice = choose(measured)
    assert (decisive, choice.kind) == (rule, kind)
    assert choice.workers == (1 if kind == "serial" else measured.workers)
    assert "{" not in choice.reason
    assert len(choice.reason.split()) > 5


def test_every_rule_is_reached() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert RULES[-1].holds(TYPICAL)


class TestProbe:
    def test_computing_and_waiting_are_told_apart(self) -> None:
        _, busy = probe(compute, iter([100_000] * 1000), 1000, 2)
        _, idle = probe(nap, iter([0.02] * 1000), 1000, 2)
        assert busy.cpu > 0.7
        assert idle.cpu < 0.3
        assert busy.gil is None or busy.gil > 0.5
        assert idle.gil is None or idle.gil < 0.5
        assert idle.seconds >= 0.02

    def test_it_stops_after_the_budget(self) -> None:
        done, measured = probe(nap, iter([0.03] * 1000), 1000, 2)
        assert 2 <= measured.items <= 6
        assert len(done) == measured.items
        assert measured.remaining == 1000 - measured.items

    def test_short_items_are_limited_in_number(self) -> None:
        done, measured = probe(square, itertools.count(), None, 2)
        assert len(done) <= MOST_ITEMS
        assert measured.remaining is None

    def test_bytes_are_counted(self) -> None:
        _, measured = probe(echo, iter([bytes([n]) * 10_000 for n in range(3)]), 3, 2)
        assert 20_000 <= measured.pickled < 21_000
        assert measured.pickling > 0
        assert measured.unpicklable == ""

    def test_what_does_not_pickle_is_named(self) -> None:
        lock = __import__("threading").Lock()
        _, measured = probe(echo, iter([lock]), 1, 2)
        assert measured.unpicklable.startswith("an item does not pickle")
        assert "lock" in measured.unpicklable

    def test_nothing_at_all(self) -> None:
        done, measured = probe(square, iter([]), None, 2)
        assert (done, measured.items, measured.remaining) == ([], 0, 0)


class TestAuto:
    def test_short_work_stays_here_and_is_done_once(self) -> None:
        calls: list[int] = []

        def note(number: int) -> int:
            calls.append(number)
            return -number

        results = ungil.map(note, range(100))
        assert list(results) == [-number for number in range(100)]
        assert calls == list(range(100))
        assert (results.kind, results.workers) == ("serial", 1)
        assert "while measuring" in results.reason

    def test_waiting_goes_to_threads(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO, "ungil"):
            results = ungil.map(nap, [0.02] * 40)
        assert results.kind == "thread"
        assert results.workers > 1
        assert results.reason in caplog.text
        assert results.reason in repr(results)
        assert list(results) == [0.02] * 40

    def test_computing_goes_to_processes(self) -> None:
        with ungil.map(compute, itertools.repeat(100_000), workers=2) as results:
            assert results.kind == "process", results.reason
            assert len(list(itertools.islice(results, 20))) == 20

    def test_one_worker_is_none(self) -> None:
        with ungil.map(compute, [50_000] * 1000, workers=1) as results:
            assert results.kind == "serial", results.reason

    def test_a_probed_exception_comes_in_its_place(self) -> None:
        results = ungil.map(divide, [1, 2, 0, 3])
        assert [next(results), next(results)] == [1, 0.5]
        with pytest.raises(ZeroDivisionError):
            next(results)
        assert list(results) == []

    def test_no_items(self) -> None:
        assert list(ungil.map(square, [])) == []

    def test_an_iterator_that_raises_comes_in_its_place(self) -> None:
        results = ungil.map(square, broken_after(3))
        assert [next(results) for _ in range(3)] == [0, 1, 4]
        with pytest.raises(OSError, match="no more"):
            next(results)

    def test_ctrl_c_while_measuring_comes_out(self) -> None:
        def interrupt(_: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            ungil.map(interrupt, range(10))


def broken_after(count: int) -> Iterator[int]:
    yield from range(count)
    raise OSError("no more")


def divide_later(number: int) -> float:
    return 1 / (number - 57)


class Result:
    pass


def make_result(_: int) -> Result:
    return Result()


@pytest.mark.parametrize("kind", ["serial", "thread", "process"])
class TestKinds:
    def test_order_and_choice(self, kind: str) -> None:
        results = ungil.map(square, range(200), kind, 2)
        assert list(results) == [number**2 for number in range(200)]
        assert results.kind == kind
        assert results.measured is None

    @pytest.mark.parametrize("chunksize", [1, 10])
    def test_results_before_the_exception_come_first(self, kind: str, chunksize: int) -> None:
        results = ungil.map(divide_later, range(100), kind, 2, chunksize=chunksize)
        assert [next(results) for _ in range(57)] == [1 / (number - 57) for number in range(57)]
        with pytest.raises(ZeroDivisionError) as caught:
            next(results)
        assert list(results) == []
        assert "divide_later" in str(caught.value.__cause__) + str(caught.traceback[-1])

    @pytest.mark.parametrize("chunksize", [1, 7])
    def test_only_a_few_items_are_taken_ahead(self, kind: str, chunksize: int) -> None:
        taken = itertools.count()
        with ungil.map(square, taken, kind, 2, chunksize=chunksize) as results:
            assert list(itertools.islice(results, 100)) == [number**2 for number in range(100)]
        assert next(taken) <= 100 + 10 * chunksize

    def test_an_iterator_that_raises_comes_in_its_place(self, kind: str) -> None:
        results = ungil.map(square, broken_after(23), kind, 2, chunksize=5)
        assert [next(results) for _ in range(23)] == [number**2 for number in range(23)]
        with pytest.raises(OSError, match="no more"):
            next(results)

    def test_results_are_not_kept(self, kind: str) -> None:
        results = ungil.map(make_result, range(20), kind, 2)
        first = weakref.ref(next(results))
        next(results)
        assert first() is None
        results.close()

    def test_results_nobody_wants_end_their_pool(self, kind: str) -> None:
        ungil.map(square, itertools.count(), kind, 2)  # what is left: see conftest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "proces"}, 'Did you mean "process"'),
        ({"workers": 0}, "greater than 0"),
        ({"chunksize": 0}, "at least 1"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ungil.map(square, [1], **arguments)  # type: ignore[arg-type]


def test_a_script_with_work_of_its_own(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import ungil
            def work(number):
                total = 0
                for step in range(100_000):
                    total += step
                return number
            if __name__ == "__main__":
                results = ungil.map(work, range(300), workers=2)
                assert list(results) == list(range(300))
                print(results.kind)
            """
        )
    )
    ran = run([sys.executable, script], capture_output=True, text=True, timeout=50, check=False)
    assert (ran.stdout, ran.stderr) == ("process\n", "")


def test_ctrl_c_ends_an_endless_map(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import itertools, os, signal, threading, time, ungil
            from kinds_tasks import compute
            if __name__ == "__main__":
                threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
                try:
                    for result in ungil.map(compute, itertools.repeat(100_000), "process", 2):
                        pass
                except KeyboardInterrupt:
                    print("interrupted")
            """
        )
    )
    start = time.monotonic()
    ran = run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)},
    )
    assert (ran.stdout, ran.stderr) == ("interrupted\n", "")
    assert time.monotonic() - start < 20


def test_choices_read_like_sentences() -> None:
    assert str(Choice("process", 4, "why")) == "4 processes: why"
    assert str(Choice("serial", 1, "why")) == "the calling thread: why"

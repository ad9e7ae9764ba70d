"""`ungil.trace`: what it says about who held the GIL is true, whatever the program does."""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import ungil
from command_line import ENVIRONMENT

HOLDING = ctypes.PyDLL(None).usleep  # a C function called with the GIL
RELEASING = ctypes.CDLL(None).usleep  # the same one called without


@pytest.fixture
def only_explicit_switches() -> Iterator[None]:
    """No thread is made to drop the GIL: it does so where the test says."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(100)
    yield
    sys.setswitchinterval(before)


class Worker(threading.Thread):
    """Holds the GIL, lets it go, again and again, and knows how long it held it."""

    def __init__(self, name: str, hold_ms: float, rest_ms: float, until: float) -> None:
        super().__init__(name=name)
        self.hold, self.rest, self.until = int(hold_ms * 1000), int(rest_ms * 1000), until
        self.held = 0.0

    def run(self) -> None:
        while time.monotonic() < self.until:
            start = time.perf_counter()
            HOLDING(self.hold)
            self.held += time.perf_counter() - start
            RELEASING(self.rest)


def run_workers(*plans: tuple[str, float, float], seconds: float) -> tuple[list[Worker], Any]:
    with ungil.trace() as trace:
        until = time.monotonic() + seconds
        workers = [Worker(*plan, until) for plan in plans]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    return workers, trace.to_dict()


def by_name(figures: Any) -> dict[str, Any]:
    return {thread["name"]: thread for thread in figures["threads"]}


@pytest.mark.parametrize(
    "plans",
    [
        pytest.param([("one", 7, 20), ("two", 3, 30), ("three", 1, 9)], id="overlapping"),
        pytest.param([("hog", 60, 1), ("small", 0.2, 5), ("tiny", 0.1, 1)], id="starving"),
    ],
)
def test_held_shares_are_the_truth(
    only_explicit_switches: None, plans: list[tuple[str, float, float]]
) -> None:
    workers, figures = run_workers(*plans, seconds=2)
    threads = by_name(figures)
    errors = {
        worker.name: abs(threads[worker.name]["held_share"] - worker.held / figures["duration_s"])
        for worker in workers
    }
    assert max(errors.values()) < 0.005, errors
    assert not any(figures["losses"].values())


def test_the_hog_is_blamed_by_name_and_function(only_explicit_switches: None) -> None:
    _, figures = run_workers(("hog", 60, 1), ("small", 0.2, 2), seconds=1)
    worst = figures["pairs"][0]
    assert (worst["holder"], worst["waiter"]) == ("hog", "small")
    assert worst["function"]["name"] == "Worker.run"
    assert worst["function"]["file"] == __file__
    assert figures["verdict"]["rule"] == "starving"
    assert figures["verdict"]["sentence"].startswith("hog starves small: ")


def test_a_long_hold_is_divided_between_the_functions_inside_it() -> None:
    def first() -> None:
        HOLDING(400_000)

    def second() -> None:
        HOLDING(200_000)

    with ungil.trace() as trace:
        first()
        second()
    held = {
        of["function"]["name"].rpartition(".")[2]: of["held_s"]
        for of in trace.to_dict()["functions"]
        if of["function"]
    }
    # To within a few samples, one each 10 ms on an idle machine.
    assert held["first"] == pytest.approx(0.4, abs=0.15)
    assert held["second"] == pytest.approx(0.2, abs=0.15)


def test_a_storm_of_releases_loses_no_time() -> None:
    releases = 30_000

    def storm() -> None:
        for _ in range(releases):
            RELEASING(0)

    with ungil.trace() as trace:
        threads = [threading.Thread(target=storm, name=f"storm{at}") for at in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    figures = trace.to_dict()
    storms = [thread for name, thread in by_name(figures).items() if name.startswith("storm")]
    assert figures["losses"]["unmatched"] == 0
    assert [thread["holds"] >= releases for thread in storms] == [True] * 3
    assert sum(thread["held_share"] for thread in figures["threads"]) <= 1.0001


def test_memory_stays_flat_however_long_a_trace_is() -> None:
    at_once = ctypes.CDLL(None).abs  # usleep takes 50 µs, whatever it is asked for

    def storm(releases: int) -> int:
        for _ in range(releases):
            at_once(0)
        return psutil.Process().memory_info().rss

    with ungil.trace(slices=1_000) as trace:
        before = storm(50_000)
        after = storm(250_000)
    # 250,000 slices of 40 bytes would be 10 MB, more with the list's reserve.
    assert after - before < 6_000_000
    figures = trace.to_dict()
    assert figures["holds"] >= 300_000
    assert figures["losses"]["resolution_s"] > 0  # what was merged is told


def test_threads_come_and_go_and_keep_their_names() -> None:
    with ungil.trace() as trace:
        for at in range(300):
            thread = threading.Thread(target=time.sleep, args=(0,), name=f"short-{at}")
            thread.start()
            thread.join()
    figures = trace.to_dict()
    assert {f"short-{at}" for at in range(300)} <= set(by_name(figures))
    assert figures["losses"]["unmatched"] == 0


def test_hooks_come_and_go_while_threads_run() -> None:
    end = threading.Event()

    def busy() -> None:
        while not end.is_set():
            RELEASING(0)
            sum(range(100))

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(50):
            with ungil.trace() as trace:
                time.sleep(0.001)
            assert trace.to_dict()["losses"]["unmatched"] == 0
    finally:
        end.set()
        for thread in threads:
            thread.join()


def test_a_second_trace_at_once_is_refused_and_the_first_goes_on() -> None:
    with ungil.trace() as first:
        with (
            pytest.raises(RuntimeError, match="being traced already: end that trace first"),
            ungil.trace(),
        ):
            pass
        time.sleep(0)
    assert first.to_dict()["holds"] > 0


def test_a_trace_may_be_begun_and_ended_by_different_threads() -> None:
    trace = ungil.trace()
    begins = threading.Thread(target=trace.start, name="begins")
    begins.start()
    begins.join()
    time.sleep(0.01)
    trace.stop()
    figures = trace.to_dict()
    assert {"begins", "MainThread"} <= set(by_name(figures))
    assert figures["losses"]["unmatched"] == 0


def test_figures_are_there_only_afterwards() -> None:
    trace = ungil.trace()
    with pytest.raises(RuntimeError, match="has not been started"):
        trace.summary()
    with trace, pytest.raises(RuntimeError, match="still on"):
        trace.to_dict()
    assert "held" in trace.summary()
    with pytest.raises(RuntimeError, match="started before"):
        trace.start()


def test_slices_must_be_a_sensible_number() -> None:
    with pytest.raises(ValueError, match="slices must be between"), ungil.trace(slices=3):
        pass


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_is_not_traced_and_the_parent_goes_on() -> None:
    with ungil.trace() as trace:
        child = os.fork()
        if child == 0:
            try:
                time.sleep(0.01)
                trace.stop()
                trace.summary()
            except RuntimeError as error:
                os._exit(7 if "forked this one" in str(error) else 8)
            os._exit(9)
        _, status = os.waitpid(child, 0)
        time.sleep(0.01)
    assert os.waitstatus_to_exitcode(status) == 7
    assert trace.to_dict()["losses"]["unmatched"] == 0


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_can_trace_itself() -> None:
    with ungil.trace():
        child = os.fork()
        if child == 0:
            with ungil.trace() as own:
                time.sleep(0.01)
            os._exit(7 if own.to_dict()["holds"] > 0 else 8)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forks_in_a_storm_hang_nobody() -> None:
    end = threading.Event()

    def storm() -> None:
        while not end.is_set():
            threading.Thread(target=RELEASING, args=(0,)).start()
            RELEASING(0)

    thread = threading.Thread(target=storm)
    with ungil.trace() as trace:
        thread.start()
        try:
            for _ in range(30):
                child = os.fork()
                if child == 0:
                    time.sleep(0)
                    os._exit(0)
                os.waitpid(child, 0)
        finally:
            end.set()
            thread.join()
    assert trace.to_dict()["losses"]["unmatched"] == 0


def test_a_program_of_one_thread_forks_without_a_warning() -> None:
    program = (
        "import os, ungil\n"
        "with ungil.trace():\n"
        "    child = os.fork()\n"
        "    if child == 0: os._exit(0)\n"
        "    os.waitpid(child, 0)\n"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_trace_that_nobody_ends_does_not_hinder_the_end_of_the_program() -> None:
    program = (
        "import threading, time, ungil\n"
        "ungil.trace().start()\n"
        "def forever(): [time.sleep(0) for _ in iter(int, 1)]\n"
        "threading.Thread(target=forever, daemon=True).start()\n"
        "time.sleep(0.1)\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(sys.version_info < (3, 13), reason="InterpreterPoolExecutor needs 3.13")
def test_interpreters_with_a_gil_of_their_own_are_told_apart() -> None:
    with ungil.trace() as trace, ungil.InterpreterPoolExecutor(2) as pool:
        list(pool.map(pow, [3] * 40, [50_000] * 40))
    figures = trace.to_dict()
    assert len(figures["gils"]) >= 3
    assert all(gil["held_share"] <= 1 for gil in figures["gils"])
    assert figures["losses"]["unmatched"] == 0


def test_the_timeline_is_what_perfetto_reads(tmp_path: Path, only_explicit_switches: None) -> None:
    file = tmp_path / "trace.json"
    with ungil.trace() as trace:
        until = time.monotonic() + 0.5
        workers = [Worker("left", 20, 1, until), Worker("right", 10, 1, until)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    trace.save(file)
    events = json.loads(file.read_text())["traceEvents"]
    rows = {e["args"]["name"]: e["tid"] for e in events if e["name"] == "thread_name"}
    assert rows["left"] == workers[0].native_id

    def slices(name: str, row: str) -> list[tuple[float, float]]:
        of_row = (e for e in events if e["ph"] == "X" and e["tid"] == rows[row])
        return [(e["ts"], e["ts"] + e["dur"]) for e in of_row if e["name"] == name]

    # The holder's row: one at a time, and the same slices as on the threads' own rows.
    holder = sorted(slices("left", "GIL holder") + slices("right", "GIL holder"))
    assert all(one[1] <= next_one[0] + 1 for one, next_one in itertools.pairwise(holder))
    assert sorted(slices("held", "left")) == sorted(slices("left", "GIL holder"))
    # An arrow ends inside of a wait, and begins inside of a hold of the other thread.
    starts = {e["id"]: e for e in events if e["ph"] == "s"}
    ends = {e["id"]: e for e in events if e["ph"] == "f"}
    assert starts.keys() == ends.keys() != set()
    tids = {rows["left"]: "left", rows["right"]: "right"}
    between = [
        (starts[at], ends[at]) for at in starts if {starts[at]["tid"], ends[at]["tid"]} == set(tids)
    ]
    assert between
    for start, end in between:
        held = slices("held", tids[start["tid"]])
        waiting = slices("waiting", tids[end["tid"]])
        assert any(a <= start["ts"] <= b for a, b in held)
        assert any(a <= end["ts"] <= b for a, b in waiting)


def test_a_full_disk_is_said_and_leaves_the_trace_usable() -> None:
    with ungil.trace() as trace:
        time.sleep(0)
    with pytest.raises(OSError, match="cannot write /dev/full: No space left on device"):
        trace.save("/dev/full")
    assert "held" in trace.summary()


def test_the_ending_of_a_file_says_what_it_is(tmp_path: Path) -> None:
    with ungil.trace() as trace:
        time.sleep(0)
    trace.save(tmp_path / "trace.HTML")
    assert (tmp_path / "trace.HTML").read_text().startswith("<!DOCTYPE html>")
    with pytest.raises(
        ValueError, match=r"trace.svg` does not say what to write there: let it end"
    ):
        trace.save(tmp_path / "trace.svg")
    assert not (tmp_path / "trace.svg").exists()


def test_stats_count_from_the_first_call_on() -> None:
    first = ungil.gil_stats()
    HOLDING(50_000)
    RELEASING(50_000)
    second = ungil.gil_stats()
    assert second.holds > first.holds
    assert 0.05 <= second.held - first.held <= second.elapsed - first.elapsed - 0.05


def test_stats_count_on_through_a_trace() -> None:
    first = ungil.gil_stats()
    with ungil.trace() as trace:
        HOLDING(50_000)
        RELEASING(10)
    HOLDING(50_000)
    second = ungil.gil_stats()
    assert 0.1 <= second.held - first.held <= second.elapsed - first.elapsed
    assert trace.to_dict()["held_s"] >= 0.05


def test_stats_for_prometheus() -> None:
    stats = ungil.gil_stats()
    lines = stats.to_prometheus().splitlines()
    held = f"python_gil_held_seconds_total {stats.to_dict()['held']}"
    assert held in lines
    assert "# TYPE python_gil_waits_total counter" in lines

"""`ungil.race`: what it finds, what it proves, and that it leaves nothing changed."""

import contextvars
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import ungil
import ungil.race
from command_line import Cli
from race_suite.threads import Box, together

x = 0


def add() -> None:
    global x
    x += 1


def lecture() -> None:
    global x
    x = 0
    together(add, add)
    assert x == 2


def locked(threads: int, times: int) -> Callable[[], None]:
    def model() -> None:
        box, lock = Box(), threading.Lock()

        def work() -> None:
            for _ in range(times):
                with lock:
                    box.value += 1

        together(*[work] * threads)
        assert box.value == threads * times

    return model


def test_the_lost_update_of_the_lecture_is_found_and_minimised() -> None:
    [finding] = ungil.race.explore(lecture).findings
    assert finding.kind == "atomicity violation"
    assert finding.sentence.startswith(
        "Lost update of x: Thread-1 (add) read it, Thread-2 (add) wrote it"
    )
    turns = [thread for thread, _ in finding.turns if thread]
    assert turns == [1, 2, 1], "one thread is put aside once"


@pytest.mark.parametrize(
    ("threads", "times", "orders"), [(2, 1, 2), (3, 1, 6), (4, 1, 24), (2, 3, 20)]
)
def test_as_many_schedules_as_orders_of_the_lock(threads: int, times: int, orders: int) -> None:
    result = ungil.race.explore(locked(threads, times))
    assert (result.proved, result.schedules) == (True, orders)


@pytest.mark.parametrize(
    "strategy",
    [
        ungil.race.pct(2),
        ungil.race.random(),
        ungil.race.pos(),
        ungil.race.bounded(2),
        ungil.race.dpor(),
    ],
    ids=str,
)
def test_every_strategy_finds_the_lost_update(strategy: ungil.race.Strategy) -> None:
    assert not ungil.race.explore(lecture, strategy=strategy, max_schedules=2000).ok


def test_setup_workers_and_invariant_make_a_model() -> None:
    def increment(box: Box) -> None:
        box.value += 1

    result = ungil.race.explore(
        setup=Box, workers=[increment, increment], invariant=lambda box: box.value == 2
    )
    assert "the invariant does not hold" in result.findings[0].sentence


def test_a_deadlock_is_told_with_its_circle() -> None:
    def model() -> None:
        one, other = threading.Lock(), threading.Lock()

        def forth() -> None:
            with one, other:
                pass

        def back() -> None:
            with other, one:
                pass

        together(forth, back)

    [finding] = ungil.race.explore(model).findings
    assert finding.kind == "deadlock"
    assert "Thread-1 (forth) waits for Lock#2" in finding.sentence
    assert "which Thread-2 (back) has" in finding.sentence


def test_the_columns_show_lines_values_and_switches() -> None:
    [finding] = ungil.race.explore(lecture).findings
    text = finding.render(120)
    assert "x += 1" in text
    assert "reads x = 0" in text
    assert "writes x = 1" in text
    assert "~ switch ~" in text


def test_a_data_race_is_reported_without_a_failure_and_can_be_meant() -> None:
    def model() -> None:
        box = Box()

        def stop() -> None:
            box.value = 1

        def look() -> None:
            assert box.value in (0, 1)

        together(stop, look)

    assert ungil.race.explore(model).findings[0].kind == "data race"
    assert ungil.race.explore(model, data_races=False).proved
    assert ungil.race.explore(model, benign=["value"]).proved


def test_locks_made_before_the_run_are_followed_and_given_back() -> None:
    lock = threading.Lock()

    def model() -> None:
        def keep() -> None:
            lock.acquire()

        together(keep, keep)

    [finding] = ungil.race.explore(model).findings
    assert finding.kind == "hang"
    assert re.search(r"which Thread-[12] \(keep\) has", finding.sentence)
    assert not lock.locked()


def test_a_reentrant_lock_that_another_thread_has_is_not_to_be_had() -> None:
    def model() -> None:
        box, lock = Box(), threading.RLock()

        def add() -> None:
            if lock.acquire(blocking=False):
                before = box.value
                time.sleep(1)
                box.value = before + 1
                lock.release()

        together(add, add)
        assert box.value in (1, 2)

    assert ungil.race.explore(model).proved


def test_sleeping_takes_no_time() -> None:
    def model() -> None:
        begun = time.monotonic()
        together(lambda: time.sleep(3600))
        assert time.monotonic() - begun >= 3600

    begun = time.monotonic()
    assert ungil.race.explore(model).ok
    assert time.monotonic() - begun < 60


def test_a_time_out_comes_where_nobody_else_can_go_on() -> None:
    def model() -> None:
        event = threading.Event()
        assert not event.wait(1000)
        lock = threading.Lock()
        lock.acquire()
        assert not lock.acquire(timeout=5)

    assert ungil.race.explore(model).proved


def test_a_loop_that_waits_for_another_thread_ends() -> None:
    def model() -> None:
        box = Box()

        def spin() -> None:
            while not box.value:
                pass

        def stop() -> None:
            box.value = 1

        together(spin, stop)

    assert ungil.race.explore(model, benign=["value"]).ok


def test_a_model_that_never_ends_is_told() -> None:
    def model() -> None:
        while True:
            pass

    assert ungil.race.explore(model, max_steps=100).findings[0].kind == "endless"


def test_identities_and_names_of_threads_are_right() -> None:
    def model() -> None:
        seen = set()

        def note() -> None:
            me = threading.current_thread()
            assert me.ident == threading.get_ident()
            seen.add((me.name, me.ident))

        together(note, note)
        assert threading.current_thread() is threading.main_thread()
        assert len(seen) == 2
        assert {name for name, _ in seen} == {"Thread-1 (note)", "Thread-2 (note)"}

    assert ungil.race.explore(model).ok


def test_a_thread_is_named_by_the_method_that_it_runs() -> None:
    def model() -> None:
        threading.Thread(target=threading.Event().wait).start()

    [finding] = ungil.race.explore(model).findings
    assert "Thread-1 (wait) waits for Event" in finding.sentence


def test_threads_of_a_model_have_the_stack_that_python_allows() -> None:
    deep: list[object] = []
    for _ in range(200_000):
        deep = [deep]

    def show() -> None:
        with pytest.raises(RecursionError):
            repr(deep)

    assert ungil.race.explore(lambda: together(show)).ok


@pytest.mark.skipif(sys.version_info < (3, 14), reason="threads have no contexts before 3.14")
def test_a_thread_runs_in_the_context_that_it_was_given() -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)
    context = contextvars.Context()
    context.run(variable.set, 7)
    seen: list[int] = []

    def model() -> None:
        options: dict[str, Any] = {"context": context}
        thread = threading.Thread(target=lambda: seen.append(variable.get()), **options)
        thread.start()
        thread.join()

    ungil.race.explore(model)
    assert set(seen) == {7}


def test_a_model_that_does_not_do_the_same_twice_is_refused() -> None:
    counter = Box()

    def model() -> None:
        counter.value += 1
        assert counter.value < 2

    with pytest.raises(RuntimeError, match="does not do the same when the same schedule"):
        ungil.race.explore(model)


def test_random_choices_are_refused() -> None:
    generator = random.Random()

    def model() -> None:
        lock = threading.Lock()
        for _ in range(generator.randrange(1, 10**6) % 97):
            with lock:
                pass

    def often() -> None:
        for _ in range(20):
            ungil.race.explore(model)

    with pytest.raises(RuntimeError, match="does not do the same"):
        often()


def test_an_exploration_inside_of_another_one_is_refused() -> None:
    def model() -> None:
        ungil.race.explore(lecture)

    [finding] = ungil.race.explore(model).findings
    assert "explores already" in finding.sentence


def test_what_happens_only_once_does_not_count_as_a_difference() -> None:
    cache: dict[str, int] = {}
    lock = threading.Lock()

    def model() -> None:
        if "made" not in cache:
            with lock:
                cache["made"] = 1
        together(lambda: None)

    assert ungil.race.explore(model).proved


def test_a_model_cannot_fork() -> None:
    [finding] = ungil.race.explore(os.fork).findings
    assert "cannot fork" in finding.sentence


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_schedules": 0}, "max_schedules is 1 or more"),
        ({"max_steps": 0}, "max_steps is 1 or more"),
        ({"max_seconds": 0}, "max_seconds is more than 0"),
        ({"max_blocked": 0}, "max_blocked is more than 0"),
    ],
)
def test_limits_that_make_no_sense_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ungil.race.explore(lecture, **options)  # type: ignore[arg-type]


def test_ctrl_c_ends_an_exploration_and_leaves_nothing_behind() -> None:
    def model() -> None:
        box = Box()
        while box.value == 0:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        ungil.race.explore(model)
    assert threading.active_count() == 1 or threading.current_thread() is threading.main_thread()
    assert ungil.race.explore(locked(2, 1)).proved


def test_ctrl_c_ends_a_thread_that_blocks_outside_of_what_is_followed() -> None:
    def blocks() -> None:
        # The process gets a signal in its one call, as somebody's Ctrl-C would come; again if that
        # one came just before the call.
        signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)
        os.read(reader, 1)

    def interrupt(*_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise KeyboardInterrupt

    reader, writer = os.pipe()
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            ungil.race.explore(lambda: together(blocks, lambda: None))
    finally:
        signal.signal(signal.SIGALRM, before)
        os.close(reader)
        os.close(writer)


def test_a_thread_that_blocks_outside_of_what_is_followed_is_told_with_its_line() -> None:
    def blocks() -> None:
        os.read(reader, 1)

    reader, writer = os.pipe()
    handler = signal.getsignal(signal.SIGURG)
    line = blocks.__code__.co_firstlineno + 1
    try:
        with pytest.raises(RuntimeError, match=rf"\(blocks\) blocks at .*test_race\.py:{line}"):
            ungil.race.explore(lambda: together(blocks, lambda: None))
    finally:
        os.close(reader)
        os.close(writer)
    assert signal.getsignal(signal.SIGURG) is handler
    assert ungil.race.explore(locked(2, 1)).proved


def test_a_thread_that_only_takes_long_is_left_alone() -> None:
    def waits() -> None:
        subprocess.run([sys.executable, "-c", "pass"], check=True)

    assert ungil.race.explore(lambda: together(waits), max_blocked=60).proved


KEEPS_THE_GIL = """
import ctypes, sys
import ungil.race

mutex = ctypes.create_string_buffer(64)
library = ctypes.PyDLL(None)
library.pthread_mutex_lock(mutex)

def model():
    library.pthread_mutex_lock(mutex)

ungil.race.explore(model, max_blocked=0.2, threads=sys.argv[1])
"""


@pytest.mark.parametrize("threads", ["fibers", "real"])
def test_a_call_that_blocks_with_the_gil_is_told(tmp_path: Path, threads: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(KEEPS_THE_GIL)
    command = [sys.executable, str(program), threads]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        told = [process.stderr.readline() for _ in range(2)]
        process.kill()
    assert "cannot be interrupted" in told[1]
    assert "program.py:10" in told[1]


def test_nothing_stays_replaced() -> None:
    before = (threading.Thread.start, threading.Event.set, os.fork, threading.Semaphore.acquire)
    with pytest.raises(ungil.race.RaceFound):
        ungil.race.explore(lecture).assert_ok()
    assert before == (
        threading.Thread.start,
        threading.Event.set,
        os.fork,
        threading.Semaphore.acquire,
    )
    thread = threading.Thread(target=time.sleep, args=(0,))
    thread.start()
    thread.join()
    assert not thread.is_alive()


def test_other_threads_of_the_process_go_on_as_ever() -> None:
    stop, lock, rounds = threading.Event(), threading.Lock(), Box()

    def work() -> None:
        while not stop.is_set():
            with lock:
                rounds.value += 1
            time.sleep(0.001)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(20):
            assert ungil.race.explore(locked(2, 2)).proved
    finally:
        stop.set()
        thread.join()
    assert rounds.value > 0


def test_a_finding_is_replayed_from_json() -> None:
    [finding] = ungil.race.explore(lecture).findings
    again = ungil.race.replay(ungil.race.Finding.from_json(finding.to_json()), lecture)
    assert again.steps == finding.steps


def test_a_finding_of_another_program_is_refused() -> None:
    [finding] = ungil.race.explore(lecture).findings
    with pytest.raises(RuntimeError, match=r"no longer"):
        ungil.race.replay(finding, locked(2, 1))
    with pytest.raises(ValueError, match=r"no finding of ungil\.race"):
        ungil.race.Finding.from_json("{}")


def test_the_decorator_makes_a_test() -> None:
    explored = ungil.race.test(max_schedules=100)(lecture)
    with pytest.raises(ungil.race.RaceFound, match="ungil race replay"):
        explored()
    ungil.race.test(locked(2, 1))()


MODEL = """
import threading

x = 0

def add():
    global x
    x += 1

def model():
    global x
    x = 0
    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert x == 2

def correct():
    assert x == 0

def wants(more):
    pass
"""


def test_the_command_line_finds_and_replays(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(MODEL)
    found = cli("race", "program.py::model", "--json=finding.json")
    assert found.returncode == 1, found.stderr
    assert "Lost update of x" in found.stdout
    replayed = cli("race", "replay", "finding.json")
    assert replayed.returncode == 1, replayed.stderr
    assert "Lost update of x" in replayed.stdout
    proved = cli("race", "program.py:correct")  # one colon is enough, as elsewhere
    assert (proved.returncode, "proved: all 1 schedules pass" in proved.stdout) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["program.py"], "which function?"),
        (["program.py::nothing"], 'has no function "nothing"'),
        (["program.py::wants"], "wants is called without arguments"),
        (["missing.py::model"], "there is no file"),
        (["replay"], "which finding?"),
        (["replay", "missing.json"], "cannot replay"),
        (["program.py::model", "--seconds=0"], "--seconds is more than 0"),
    ],
)
def test_mistakes_on_the_command_line_are_usage(
    cli: Cli, tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "program.py").write_text(MODEL)
    done = cli("race", *arguments)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr


def test_the_pytest_plugin_explores_marked_tests(tmp_path: Path) -> None:
    text = MODEL.replace("def model", "import pytest\n\n@pytest.mark.race\ndef test_model")
    (tmp_path / "test_program.py").write_text(text)

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run().returncode == 0
    explored = run("--ungil-race")
    assert explored.returncode == 1
    assert "Lost update of x" in explored.stdout

"""`timeout=` of a task: it is really stopped, and nothing else is lost."""

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import wait
from pathlib import Path

import psutil
import pytest
import ungil
from programs import is_running, wait_until
from ungil import ProcessPoolExecutor, TaskTimeout

START_METHODS = ("forkserver", "spawn", "fork")


@pytest.fixture
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2) as opened:
        yield opened


def ignore_signals(started: Path) -> None:
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    started.write_text(str(os.getpid()))
    while True:
        try:
            time.sleep(60)
        except BaseException:
            continue


def compute_natively(started: Path) -> int:
    """Minutes in one call that neither looks for signals nor lets go of the GIL."""
    started.write_text(str(os.getpid()))
    return sum(range(10**12))


def nap(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def write_late(seconds: float, path: Path) -> None:
    time.sleep(seconds)
    path.touch()


def hold(_payload: bytes) -> None:
    time.sleep(60)


def start_a_program(where: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3)"])
    where.write_text(str(child.pid))
    child.wait()


@pytest.mark.parametrize("method", START_METHODS)
def test_a_task_that_runs_too_long_is_stopped(method: str, tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, start_method=method) as pool:
        late = pool.options(timeout=0.3).submit(write_late, 60, tmp_path / "late")
        with pytest.raises(TaskTimeout, match=r"write_late was stopped.*timeout of 0\.3 s") as told:
            late.result(timeout=30)
        assert isinstance(told.value, TimeoutError)
        assert pool.submit(pow, 2, 3).result(timeout=30) == 8


def test_the_error_names_the_process_which_is_gone(pool: ProcessPoolExecutor) -> None:
    pool.submit(int).result()
    wait_until(pool.worker_pids)
    (pid,) = pool.worker_pids()
    error = pool.options(timeout=0.1).submit(time.sleep, 60).exception(timeout=30)
    assert f"process {pid}, was killed" in str(error)
    assert not is_running(pid)


@pytest.mark.parametrize("task", [ignore_signals, compute_natively])
def test_no_task_can_hold_out(
    pool: ProcessPoolExecutor, task: "type[object]", tmp_path: Path
) -> None:
    future = pool.options(timeout=1.0).submit(task, tmp_path / "started")
    with pytest.raises(TaskTimeout):
        future.result(timeout=40)
    started = tmp_path / "started"
    assert not started.exists() or not is_running(int(started.read_text()))


def test_an_innocent_neighbour_survives(pool: ProcessPoolExecutor) -> None:
    neighbour = pool.submit(nap, 1.0)
    wait_until(neighbour.running)
    with pytest.raises(TaskTimeout):
        pool.options(timeout=0.1).submit(nap, 60).result(timeout=30)
    pid = neighbour.result(timeout=30)
    wait_until(lambda: pid in pool.worker_pids())


def test_it_counts_from_the_start_of_the_task() -> None:
    with ProcessPoolExecutor(1) as pool:
        busy = pool.submit(nap, 1.0)
        patient = pool.options(timeout=0.5).submit(nap, 0.0)
        assert patient.result(timeout=30) == busy.result(timeout=30)


def test_a_task_in_time_is_not_touched(pool: ProcessPoolExecutor) -> None:
    quick = pool.options(timeout=60)
    pids = {quick.submit(nap, 0).result(timeout=30) for _ in range(200)}
    wait_until(lambda: pids <= set(pool.worker_pids()))


def test_a_worker_that_is_stopped_by_a_signal_is_stopped_by_the_timeout(tmp_path: Path) -> None:
    with ProcessPoolExecutor(1) as pool:
        future = pool.options(timeout=1.0).submit(ignore_signals, tmp_path / "started")
        wait_until((tmp_path / "started").exists)
        for pid in pool.worker_pids():
            os.kill(pid, signal.SIGSTOP)
        with pytest.raises(TaskTimeout):
            future.result(timeout=30)


@pytest.mark.parametrize("policy", ["retry", "break"])
def test_a_timeout_is_no_crash(policy: str, tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, on_crash=policy) as pool:
        with pytest.raises(TaskTimeout):
            pool.options(timeout=0.5).submit(ignore_signals, tmp_path / "started").result(30)
        (tmp_path / "started").unlink(missing_ok=True)
        assert pool.submit(pow, 2, 3).result(timeout=30) == 8
        assert not (tmp_path / "started").exists(), "it was run again"


def test_the_executors_own_limit_is_the_default() -> None:
    with ProcessPoolExecutor(2, task_timeout=0.2) as pool:
        with pytest.raises(TaskTimeout, match=r"timeout of 0\.2 s"):
            pool.submit(nap, 60).result(timeout=30)
        with pytest.raises(TaskTimeout, match=r"timeout of 0\.2 s"):
            pool.options(priority=1).submit(nap, 60).result(timeout=30)
        lifted = pool.options(timeout=math.inf).submit(nap, 0.6)
        longer = pool.options(timeout=60).submit(nap, 0.6)
        assert lifted.result(timeout=30) > 0
        assert longer.result(timeout=30) > 0


def test_map_stops_single_calls_and_keeps_its_own_timeout(pool: ProcessPoolExecutor) -> None:
    # Generous: what a new worker imports for its first task counts.
    results = pool.options(timeout=3).map(nap, [0, 0, 60, 0], timeout=40)
    assert next(results) > 0
    assert next(results) > 0
    with pytest.raises(TaskTimeout):
        next(results)
    with pytest.raises(TimeoutError) as told:
        list(pool.options(timeout=30).map(nap, [2], timeout=0.01))
    assert not isinstance(told.value, TaskTimeout)


def test_map_of_a_view_that_nobody_keeps_is_fed_to_the_end(pool: ProcessPoolExecutor) -> None:
    results = pool.options(timeout=30).map(pow, range(50), [2] * 50, buffersize=2)
    assert list(results) == [number**2 for number in range(50)]
    chunked = pool.options(timeout=30).map(pow, range(50), [2] * 50, chunksize=7)
    assert list(chunked) == [number**2 for number in range(50)]


def test_listeners_are_told(pool: ProcessPoolExecutor) -> None:
    told = threading.Event()
    future = pool.options(timeout=0.1).submit(nap, 60)
    future.add_done_callback(lambda _: told.set())
    assert wait([future], timeout=30).done == {future}
    assert told.wait(30)


def test_a_task_that_ends_at_its_limit_is_done_or_stopped(pool: ProcessPoolExecutor) -> None:
    """The limits lie around the time that a task takes: both happen, and nothing third."""
    futures = []
    for round_ in range(150):
        limit = 0.004 * (1 + round_ % 15 / 5)
        futures.append(pool.options(timeout=limit).submit(nap, 0.008))
        futures.append(pool.submit(abs, -round_))
    ends = [type(future.exception(timeout=60)) for future in futures]
    assert set(ends[::2]) <= {type(None), TaskTimeout}
    assert TaskTimeout in ends[::2]
    assert [future.result() for future in futures[1::2]] == list(range(150))


def test_many_timeouts_leave_no_process_and_no_memory_behind() -> None:
    payload = bytes(4 << 20)
    with ProcessPoolExecutor(2) as pool:
        limited = pool.options(timeout=0.02)

        def shared_bytes() -> int:
            maps = psutil.Process().memory_maps()
            return sum(region.rss for region in maps if "ungil-pool" in region.path)

        def some(count: int) -> None:
            futures = [limited.submit(hold, payload) for _ in range(count)]
            for future in futures:
                assert isinstance(future.exception(timeout=60), TaskTimeout)

        some(10)
        before = shared_bytes()
        for _ in range(4):
            some(10)
        assert shared_bytes() < before + 5 * len(payload)
        assert pool.submit(pow, 2, 3).result(timeout=30) == 8
        assert len(pool.worker_pids()) <= 2


def test_programs_that_a_task_has_started_go_on(pool: ProcessPoolExecutor, tmp_path: Path) -> None:
    where = tmp_path / "pid"
    future = pool.options(timeout=1.5).submit(start_a_program, where)
    with pytest.raises(TaskTimeout):
        future.result(timeout=30)
    if where.exists():  # else the machine was too slow to start it in time
        pid = int(where.read_text())
        assert is_running(pid)
        wait_until(lambda: not is_running(pid))


def test_shutdown_waits_for_a_task_until_its_limit() -> None:
    pool = ProcessPoolExecutor(1)
    future = pool.options(timeout=0.5).submit(nap, 60)
    pool.shutdown()
    assert isinstance(future.exception(timeout=0), TaskTimeout)


def test_the_next_tasks_after_a_timeout_wait_for_the_new_worker() -> None:
    with ProcessPoolExecutor(1) as pool:
        stopped = pool.options(timeout=0.2).submit(nap, 60)
        waiting = [pool.submit(abs, -number) for number in range(3000)]
        assert isinstance(stopped.exception(timeout=30), TaskTimeout)
        assert [future.result(timeout=30) for future in waiting] == list(range(3000))


@pytest.mark.parametrize("timeout", [0, -1, math.nan])
def test_what_is_no_limit_is_refused(timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout must be more than 0 seconds"):
        ProcessPoolExecutor(1, task_timeout=timeout)
    with (
        ProcessPoolExecutor(1) as pool,
        pytest.raises(ValueError, match="timeout must be more than 0 seconds"),
    ):
        pool.options(timeout=timeout)


@pytest.mark.parametrize("timeout", ["5", True, [1]])
def test_what_is_no_number_is_refused(pool: ProcessPoolExecutor, timeout: float) -> None:
    with pytest.raises(TypeError, match="must be a number of seconds"):
        pool.options(timeout=timeout)


@pytest.mark.parametrize("kind", ["thread", "serial", "interpreter"])
def test_where_nothing_can_be_stopped_a_timeout_is_refused(kind: str) -> None:
    if kind == "interpreter" and sys.version_info < (3, 13):
        pytest.skip("this Python has no such interpreters")
    with (
        ungil.executor(kind, 1) as pool,
        pytest.raises(ValueError, match=r"cannot be stopped.*Use ungil\.ProcessPoolExecutor"),
    ):
        pool.options(timeout=1)

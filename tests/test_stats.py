"""`executor.stats()`: what a pool has done, while it works and after its end."""

import dataclasses
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import ungil
from command_line import ENVIRONMENT
from programs import PATIENCE, wait_until, write

KINDS = ("thread", "process")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def open_pool(kind: str, workers: int = 2, **options: Any) -> Any:
    return ungil.executor(kind, workers, stats=True, **options)


def fail() -> None:
    raise ValueError("as it should")


def nap(seconds: float) -> None:
    time.sleep(seconds)


def hold(gate: Path) -> None:
    wait_until(gate.exists, 100)


def once(mark: Path) -> str:
    """Kills its worker the first time it is run."""
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def test_tasks_are_counted_by_their_ends(kind: str, tmp_path: Path) -> None:
    with open_pool(kind, 1) as pool:
        running = pool.submit(hold, tmp_path / "gate")
        wait_until(running.running)
        failing = pool.submit(fail)
        waiting = [pool.submit(int) for _ in range(3)]
        assert waiting[0].cancel()
        assert pool.stats().tasks.submitted == 5
        assert pool.stats().tasks.finished == 0
        (tmp_path / "gate").touch()
        assert failing.exception(PATIENCE) is not None
    counts = pool.stats().tasks
    assert (counts.submitted, counts.finished, counts.failed, counts.cancelled) == (5, 3, 1, 1)
    assert counts.unfinished == 0


def test_a_result_that_one_has_is_counted(kind: str) -> None:
    with open_pool(kind) as pool:
        for number in range(1, 50):
            pool.submit(int).result(PATIENCE)
            assert pool.stats().tasks.finished == number


def test_what_shutdown_drops_is_cancelled(kind: str, tmp_path: Path) -> None:
    pool = open_pool(kind, 1)
    running = pool.submit(hold, tmp_path / "gate")
    wait_until(running.running)
    for _ in range(4):
        pool.submit(int)
    pool.shutdown(wait=False, cancel_futures=True)
    (tmp_path / "gate").touch()
    pool.shutdown()
    counts = pool.stats().tasks
    assert (counts.finished, counts.cancelled) == (1, 4)


def test_a_dead_worker_is_counted_and_its_place_has_a_restart() -> None:
    with ungil.ProcessPoolExecutor(1, stats=True) as pool:
        assert pool.submit(os._exit, 1).exception(PATIENCE) is not None
        assert pool.submit(int).result(PATIENCE) == 0
        stats = pool.stats()
    assert (stats.tasks.crashed, stats.tasks.finished) == (1, 1)
    assert [worker.restarts for worker in stats.workers] == [1]


def test_runs_begun_anew_are_counted(tmp_path: Path) -> None:
    with ungil.ProcessPoolExecutor(1, on_crash="retry", stats=True) as pool:
        assert pool.submit(once, tmp_path / "mark").result(PATIENCE) == "done"
    counts = pool.stats().tasks
    assert (counts.finished, counts.crashed, counts.retried) == (1, 0, 1)


def test_a_task_whose_time_was_over_is_counted() -> None:
    with ungil.ProcessPoolExecutor(1, task_timeout=0.1, stats=True) as pool:
        assert isinstance(pool.submit(nap, 60).exception(PATIENCE), ungil.TaskTimeout)
        assert pool.stats().tasks.timed_out == 1


def test_a_task_that_cannot_be_sent_has_failed() -> None:
    with ungil.ProcessPoolExecutor(1, stats=True) as pool:
        assert pool.submit(print, threading.Lock()).exception(PATIENCE) is not None
        counts = pool.stats().tasks
    assert (counts.submitted, counts.failed) == (1, 1)


def test_waiting_running_and_the_round_trip_are_told_apart(kind: str) -> None:
    with open_pool(kind, 1) as pool:
        pool.submit(int).result(PATIENCE)
        first, second = pool.submit(nap, 0.3), pool.submit(nap, 0.2)
        assert (first.result(PATIENCE), second.result(PATIENCE)) == (None, None)
        stats = pool.stats()
    # The second waits for the first.
    assert stats.waiting.max > 0.25
    assert stats.running.max >= 0.3
    assert stats.round_trip.max >= stats.waiting.max + 0.2 - 0.01
    assert stats.running.p50 == pytest.approx(0.2, rel=0.5)


def test_no_task_has_no_latency(kind: str) -> None:
    with open_pool(kind) as pool:
        stats = pool.stats()
    assert (stats.waiting, stats.running, stats.round_trip) == (None, None, None)
    assert (stats.workers, stats.longest) == ((), ())


def test_each_worker_tells_of_its_work(kind: str) -> None:
    with open_pool(kind, 2) as pool:
        list(pool.map(nap, [0.1] * 10))
        stats = pool.stats()
    assert len(stats.workers) == 2
    assert sum(worker.tasks for worker in stats.workers) == 10
    assert sum(worker.working for worker in stats.workers) >= 1.0
    for worker in stats.workers:
        assert worker.start_up is not None
        assert worker.busy is not None
        assert 0 < worker.busy <= 1
        assert worker.working / (worker.working + worker.waiting) == pytest.approx(worker.busy)


def test_the_pids_and_the_memory_are_the_workers() -> None:
    with ungil.ProcessPoolExecutor(2, stats=True) as pool:
        list(pool.map(nap, [0.1] * 4))
        stats = pool.stats()
        assert {worker.pid for worker in stats.workers} == set(pool.worker_pids())
        for worker in stats.workers:
            assert worker.pss is not None
            assert worker.uss is not None
            assert 100_000 < worker.uss <= worker.pss < 1e9
    after = pool.stats()
    assert [worker.pss for worker in after.workers] == [None, None]
    assert after.tasks == stats.tasks
    assert [worker.tasks for worker in after.workers] == [worker.tasks for worker in stats.workers]


def test_a_worker_that_is_gone_grows_no_older() -> None:
    with ungil.ProcessPoolExecutor(1, stats=True) as pool:
        pool.submit(int).result(PATIENCE)
    (before,) = pool.stats().workers
    time.sleep(0.05)
    assert pool.stats().workers == (before,)


def test_bytes_are_counted() -> None:
    with ungil.ProcessPoolExecutor(1, stats=True) as pool:
        pool.submit(bytes, 1_000_000).result(PATIENCE)
        stats = pool.stats()
        assert stats.bytes_received == pytest.approx(1_000_000, rel=0.01)
        pool.submit(len, bytes(3_000_000)).result(PATIENCE)
        assert pool.stats().bytes_sent == pytest.approx(3_000_000, rel=0.01)
    with ungil.ThreadPoolExecutor(1, stats=True) as threads:
        assert threads.stats().bytes_sent is None


def test_the_five_longest_are_named(kind: str) -> None:
    with open_pool(kind, 1) as pool:
        list(pool.map(abs, range(100)))
        pool.submit(nap, 0.3).result(PATIENCE)
        longest = pool.stats().longest
    assert len(longest) == 5
    assert longest[0].label == f"{nap.__module__}.nap"
    assert longest[0].seconds >= 0.3
    assert [task.seconds for task in longest] == sorted((t.seconds for t in longest), reverse=True)


def test_a_task_in_a_task_counts_its_time_once() -> None:
    with ungil.ThreadPoolExecutor(1, stats=True) as pool:
        pool.submit(lambda: pool.submit(nap, 0.2).result()).result(PATIENCE)
        (worker,) = pool.stats().workers
    assert worker.tasks == 2
    assert worker.busy is not None
    assert worker.working < 0.2 * 2


def test_threads_are_told_by_their_native_ids() -> None:
    with ungil.ThreadPoolExecutor(1, stats=True) as pool:
        ident = pool.submit(threading.get_native_id).result(PATIENCE)
        assert [worker.pid for worker in pool.stats().workers] == [ident]


def test_who_does_not_ask_for_figures_has_none(kind: str) -> None:
    with ungil.executor(kind, 1) as pool, pytest.raises(RuntimeError, match="stats=True"):
        pool.stats()  # type: ignore[attr-defined]


# --- the object -------------------------------------------------------------------------------


def test_it_is_frozen_and_plain_data(kind: str) -> None:
    with open_pool(kind) as pool:
        pool.submit(int).result(PATIENCE)
        stats = pool.stats()
    with pytest.raises(dataclasses.FrozenInstanceError):
        stats.tasks = None
    plain = json.loads(json.dumps(stats.to_dict()))
    assert plain["tasks"] == dataclasses.asdict(stats.tasks)
    assert plain["round_trip"] == dataclasses.asdict(stats.round_trip)
    assert plain["workers"] == [dataclasses.asdict(worker) for worker in stats.workers]
    assert plain["longest"] == [dataclasses.asdict(task) for task in stats.longest]
    assert "TaskCounts(submitted=1, finished=1" in repr(stats)


def test_it_prints_tables(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    with open_pool(kind, 1) as pool:
        pool.submit(nap, 0.01).result(PATIENCE)
        text = str(pool.stats())
    assert text.startswith("1 task: 1 finished\n")
    for part in (
        "waiting in the queue",
        "round trip",
        "start-up",
        "working",
        "all",
        f"{nap.__module__}.nap",
    ):
        assert part in text
    assert ("received" in text) == (kind == "process")
    assert "\x1b" not in text


def test_it_is_coloured_on_a_terminal_only(tmp_path: Path) -> None:
    pexpect = pytest.importorskip("pexpect")
    program = """
        import ungil

        with ungil.ThreadPoolExecutor(1, stats=True) as pool:
            pool.submit(int).result()
            print(pool.stats())
    """
    command = f"{sys.executable} {write(tmp_path, program)}"
    environment = ENVIRONMENT | {"TERM": "xterm"}
    assert b"\x1b[1m1 task: 1 finished" in pexpect.run(command, env=environment)
    assert b"\x1b[" not in pexpect.run(command, env=environment | {"NO_COLOR": "1"})

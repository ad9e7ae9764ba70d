"""`cancel(running=True)`: a task that runs in a process is stopped."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, as_completed, wait
from pathlib import Path

import pytest
import ungil
from programs import is_running, wait_until
from ungil import Future, ProcessPoolExecutor, ThreadPoolExecutor


@pytest.fixture
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2) as opened:
        yield opened


def nap(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def announce_and_sleep(path: Path) -> None:
    path.write_text(str(os.getpid()))
    time.sleep(60)


def test_a_running_task_is_stopped(pool: ProcessPoolExecutor, tmp_path: Path) -> None:
    future = pool.submit(announce_and_sleep, tmp_path / "pid")
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    pid = int((tmp_path / "pid").read_text())
    assert future.cancel() is False
    assert future.cancel(running=True) is True
    assert future.cancelled()
    with pytest.raises(CancelledError):
        future.result(timeout=0)
    wait_until(lambda: not is_running(pid))
    assert pool.submit(pow, 2, 3).result(timeout=30) == 8


def test_a_second_cancel_says_so_too(pool: ProcessPoolExecutor) -> None:
    future = pool.submit(nap, 60)
    wait_until(future.running)
    assert [future.cancel(running=True) for _ in range(3)] == [True, True, True]
    assert future.cancel() is True


def test_a_waiting_task_is_cancelled_as_ever() -> None:
    with ProcessPoolExecutor(1) as pool:
        busy = pool.submit(nap, 0.5)
        waiting = pool.submit(nap, 60)
        assert waiting.cancel(running=True) is True
        pid = busy.result(timeout=30)
        wait_until(lambda: pid in pool.worker_pids())


def test_what_has_ended_cannot_be_cancelled(pool: ProcessPoolExecutor) -> None:
    future = pool.submit(abs, -3)
    assert future.result(timeout=30) == 3
    assert future.cancel(running=True) is False
    assert future.result() == 3


def test_everybody_who_waits_hears_of_it(pool: ProcessPoolExecutor) -> None:
    future = pool.submit(nap, 60)
    wait_until(future.running)
    called: list[bool] = []
    future.add_done_callback(lambda done: called.append(done.cancelled()))
    heard = threading.Event()

    def listen() -> None:
        assert list(as_completed([future], timeout=30)) == [future]
        heard.set()

    listener = threading.Thread(target=listen)
    listener.start()
    wait_until(lambda: future._waiters)
    future.cancel(running=True)
    assert heard.wait(30)
    listener.join()
    assert called == [True]
    assert wait([future], timeout=0).done == {future}


def test_a_waiter_in_result_is_woken(pool: ProcessPoolExecutor) -> None:
    future = pool.submit(nap, 60)
    wait_until(future.running)
    timer = threading.Timer(0.1, future.cancel, kwargs={"running": True})
    timer.start()
    with pytest.raises(CancelledError):
        future.result(timeout=30)
    timer.join()


@pytest.mark.parametrize("policy", ["retry", "break"])
def test_it_is_no_crash(policy: str) -> None:
    with ProcessPoolExecutor(1, on_crash=policy) as pool:
        future = pool.submit(nap, 60)
        wait_until(future.running)
        assert future.cancel(running=True)
        assert pool.submit(pow, 2, 3).result(timeout=30) == 8


def test_a_cancel_that_races_with_the_end_tells_the_truth(pool: ProcessPoolExecutor) -> None:
    stopped = finished = 0
    for round_ in range(120):
        future = pool.submit(nap, 0.002)
        neighbour = pool.submit(abs, -round_)
        time.sleep(0.0005 * (round_ % 12))
        if future.cancel(running=True):
            stopped += 1
            assert future.cancelled()
            with pytest.raises(CancelledError):
                future.result(timeout=0)
        else:
            finished += 1
            assert future.result(timeout=30) > 0
        assert neighbour.result(timeout=30) == round_
    assert stopped > 0
    assert stopped + finished == 120


def test_of_two_threads_that_cancel_both_are_told_the_same(pool: ProcessPoolExecutor) -> None:
    for _ in range(30):
        future = pool.submit(nap, 60)
        wait_until(future.running)
        told: list[bool] = []
        start = threading.Barrier(3)

        def cancel(future: Future[int] = future, told: list[bool] = told) -> None:
            start.wait(30)  # noqa: B023 (joined before the next round)
            told.append(future.cancel(running=True))

        threads = [threading.Thread(target=cancel) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert told == [True, True, True]


def test_cancelled_workers_are_replaced_while_others_work(pool: ProcessPoolExecutor) -> None:
    steady = [pool.submit(nap, 0.01) for _ in range(200)]
    for _ in range(15):
        future = pool.submit(nap, 60)
        wait_until(lambda: future.running() or future.done())  # noqa: B023 (done before the next)
        assert future.cancel(running=True)
    assert all(future.result(timeout=60) > 0 for future in steady)


def test_what_a_thread_runs_is_not_cancelled() -> None:
    go_on = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(go_on.wait, 30)
        wait_until(future.running)
        assert future.cancel(running=True) is False
        go_on.set()
        assert future.result(timeout=30) is True


def test_what_an_interpreter_runs_is_not_cancelled() -> None:
    if sys.version_info < (3, 13):
        pytest.skip("this Python has no such interpreters")
    with ungil.executor("interpreter", 1) as pool:
        future = pool.submit(time.sleep, 0.5)
        wait_until(future.running)
        assert future.cancel(running=True) is False
        assert future.result(timeout=30) is None

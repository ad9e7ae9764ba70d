"""What the death of a worker means: on_crash, retries, terminate_workers, kill_workers."""

import os
import signal
import time
from concurrent.futures import CancelledError, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from ungil import ProcessPoolExecutor, WorkerCrashed


def kill_me() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_in_the_first_runs(folder: Path, deaths: int) -> int:
    """Dies while fewer than `deaths` files lie in the folder; gives the number of runs."""
    runs = len(list(folder.iterdir())) + 1
    (folder / str(runs)).touch()
    if runs <= deaths:
        kill_me()
    return runs


def spoil_and_die_once(array: NDArray[np.float64], marker: Path) -> float:
    first = not marker.exists()
    total = float(array.sum())
    if first:
        marker.touch()
        if array.flags.writeable:
            array[:] = -1
        kill_me()
    return total


def heed_terminate(started: Path, seconds: float) -> str:
    caught = []
    signal.signal(signal.SIGTERM, lambda *_: caught.append(1))
    started.touch()
    end = time.monotonic() + seconds
    while time.monotonic() < end and not caught:
        time.sleep(0.01)
    return "heeded" if caught else "not asked"


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.005)


def test_isolate_loses_the_crashed_task_only() -> None:
    with ProcessPoolExecutor(2) as pool:
        before = [pool.submit(abs, -i) for i in range(20)]
        crash = pool.submit(kill_me)
        after = [pool.submit(abs, -i) for i in range(20)]
        with pytest.raises(WorkerCrashed, match=r"killed by SIGKILL.*goes on with a new worker"):
            crash.result()
        assert [f.result() for f in before + after] == [*range(20), *range(20)]
        assert pool.submit(pow, 2, 3).result() == 8


def test_retry_runs_the_task_again(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, on_crash="retry") as pool:
        assert pool.submit(die_in_the_first_runs, tmp_path, 2).result() == 3


def test_retry_gives_up_after_retries(tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, on_crash="retry", retries=1) as pool:
        with pytest.raises(WorkerCrashed, match="was run 2 times"):
            pool.submit(die_in_the_first_runs, tmp_path, 5).result()
        assert len(list(tmp_path.iterdir())) == 2
        assert pool.submit(pow, 2, 3).result() == 8


def test_retry_gives_the_task_its_arguments_as_they_were(tmp_path: Path) -> None:
    array = np.ones(200_000)
    with ProcessPoolExecutor(1, on_crash="retry") as pool:
        future = pool.submit(spoil_and_die_once, array, tmp_path / "died")
        assert future.result() == array.sum()


def test_a_retried_task_is_finished_by_shutdown(tmp_path: Path) -> None:
    pool = ProcessPoolExecutor(1, on_crash="retry")
    future = pool.submit(die_in_the_first_runs, tmp_path, 1)
    pool.shutdown()
    assert future.result(timeout=0) == 2


def test_break_ends_everything() -> None:
    with ProcessPoolExecutor(2, on_crash="break") as pool:
        assert pool.submit(pow, 2, 3).result() == 8
        slow = pool.submit(time.sleep, 60)
        crash = pool.submit(kill_me)
        waiting = [pool.submit(abs, -1) for _ in range(5)]
        with pytest.raises(BrokenProcessPool, match="SIGKILL"):
            crash.result(timeout=20)
        with pytest.raises(BrokenProcessPool, match="broken"):
            slow.result(timeout=20)
        # Its sibling may have answered some before the crash.
        for future in as_completed(waiting, timeout=20):
            assert future.exception() is None or isinstance(future.exception(), BrokenProcessPool)
        with pytest.raises(BrokenProcessPool, match="not usable anymore"):
            pool.submit(abs, 1)


def test_a_broken_pool_can_be_shut_down() -> None:
    pool = ProcessPoolExecutor(1, initializer=kill_me)
    with pytest.raises(BrokenProcessPool):
        pool.submit(abs, 1).result(timeout=20)
    pool.shutdown()
    assert pool.worker_pids() == []


def test_a_pool_that_rests_breaks_too() -> None:
    with ProcessPoolExecutor(1, on_crash="break") as pool:
        pid = pool.submit(os.getpid).result()
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while pool._broken is None and time.monotonic() < deadline:
            time.sleep(0.01)
        with pytest.raises(BrokenProcessPool, match=f"worker process {pid} was killed by SIGKILL"):
            pool.submit(abs, 1)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"on_crash": "explode"}, ValueError),
        ({"retries": 2}, ValueError),
        ({"on_crash": "break", "retries": 2}, ValueError),
        ({"on_crash": "retry", "retries": -1}, ValueError),
        ({"on_crash": "retry", "retries": 1.5}, TypeError),
    ],
)
def test_policies_are_checked(arguments: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error, match=r"on_crash|retries"):
        ProcessPoolExecutor(1, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["terminate_workers", "kill_workers"])
def test_workers_are_ended_at_once(method: str) -> None:
    with ProcessPoolExecutor(1) as pool:
        pid = pool.submit(os.getpid).result()
        assert pool.worker_pids() == [pid]
        running = pool.submit(time.sleep, 60)
        while not running.running():
            time.sleep(0.005)
        waiting = pool.submit(abs, -2)
        getattr(pool, method)()
        with pytest.raises(BrokenProcessPool, match=f"process {pid}"):
            running.result(timeout=20)
        with pytest.raises(CancelledError):
            waiting.result(timeout=20)
        with pytest.raises(RuntimeError, match="after shutdown"):
            pool.submit(abs, 1)


@pytest.mark.parametrize("method", ["terminate_workers", "kill_workers"])
def test_ending_the_workers_of_a_pool_that_has_none_is_no_error(method: str) -> None:
    with ProcessPoolExecutor(1) as pool:
        getattr(pool, method)()
        getattr(pool, method)()


def test_a_task_may_handle_terminate(tmp_path: Path) -> None:
    with ProcessPoolExecutor(1) as pool:
        future = pool.submit(heed_terminate, tmp_path / "started", 30.0)
        wait_for(tmp_path / "started")
        pool.terminate_workers()
        assert future.result(timeout=20) == "heeded"

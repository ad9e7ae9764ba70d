"""Tasks that treat their worker badly: the next task, and the pool, do not notice."""

import os
import random
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import ungil
from process_tasks import same
from programs import PATIENCE, output, wait_until

METHODS = ("forkserver", "spawn", "fork")
MIB = 1 << 20


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# --- what goes too deep -----------------------------------------------------------------------


class Deep:
    """Pickles into itself without end, or unpickles so."""

    def __init__(self, way: str) -> None:
        self.way = way

    def __reduce__(self) -> Any:
        if self.way == "pickling":
            return (Deep, (Deep("pickling"),))
        return (recurse, ())


def recurse() -> object:
    return recurse()


def nested(kind: Callable[[Any], object], depth: int) -> object:
    value: object = None
    for _ in range(depth):
        value = kind((value,))
    return value


def unending() -> object:
    return Deep("pickling")


def unending_to_read() -> object:
    return Deep("unpickling")


class Cause(Exception):
    pass


def raise_with_causes(depth: int) -> None:
    error: Exception = Cause("the first")
    for n in range(depth):
        try:
            raise Cause(n) from error
        except Cause as caught:
            error = caught
    raise error


@pytest.mark.parametrize("value", [Deep("pickling"), Deep("unpickling")], ids=lambda v: v.way)
def test_an_argument_that_recurses_fails_its_task(method: str, value: Deep) -> None:
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        error = pool.submit(same, value).exception(PATIENCE)
        assert isinstance(error, (RecursionError, ungil.RemoteError)), repr(error)
        assert re.search("recursion|Stack overflow", str(error))  # the latter from 3.14 on
        assert pool.submit(same, 5).result(PATIENCE) == 5


@pytest.mark.parametrize("make", [unending, unending_to_read])
def test_a_result_that_recurses_fails_its_task(method: str, make: Callable[[], object]) -> None:
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        error = pool.submit(make).exception(PATIENCE)
        assert isinstance(error, RecursionError)
        assert re.search("recursion|Stack overflow", str(error))  # the latter from 3.14 on
        assert pool.submit(same, 5).result(PATIENCE) == 5


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_result_too_deep_for_pickle_fails_its_task(kind: Callable[[Any], object]) -> None:
    with ungil.ProcessPoolExecutor(1) as pool:
        error = pool.submit(nested, kind, 500_000).exception(PATIENCE)
        assert isinstance(error, RecursionError)
        assert pool.submit(same, 5).result(PATIENCE) == 5


def test_a_result_as_deep_as_pickle_can_arrives() -> None:
    with ungil.ProcessPoolExecutor(1) as pool:
        assert pool.submit(nested, list, 50).result(PATIENCE) == nested(list, 50)


def test_an_exception_with_a_thousand_causes_is_told() -> None:
    with ungil.ProcessPoolExecutor(1) as pool:
        error = pool.submit(raise_with_causes, 1000).exception(PATIENCE)
        assert isinstance(error, (Cause, ungil.RemoteError))
        assert pool.submit(same, 5).result(PATIENCE) == 5


# --- what changes the worker ------------------------------------------------------------------


def ignore(number: int) -> None:
    signal.signal(number, signal.SIG_IGN)


def raise_at(number: int) -> None:
    def handler(_number: int, _frame: object) -> None:
        raise RuntimeError("handled")

    signal.signal(number, handler)
    os.kill(os.getpid(), number)


def block_everything() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


@pytest.mark.parametrize("number", [signal.SIGCHLD, signal.SIGPIPE, signal.SIGINT, signal.SIGTERM])
def test_a_task_may_ignore_signals(method: str, number: int) -> None:
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        pool.submit(ignore, number).result(PATIENCE)
        assert pool.submit(same, 5).result(PATIENCE) == 5
        assert "exited with code 4" in str(pool.submit(os._exit, 4).exception(PATIENCE))
        assert pool.submit(same, 6).result(PATIENCE) == 6


def test_a_handler_that_raises_fails_its_task_only(method: str) -> None:
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        with pytest.raises(RuntimeError, match="handled"):
            pool.submit(raise_at, signal.SIGUSR1).result(PATIENCE)
        assert pool.submit(same, 5).result(PATIENCE) == 5


def test_a_worker_that_heeds_no_signal_is_killed_all_the_same(method: str) -> None:
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        pool.submit(block_everything).result(PATIENCE)
        slow = pool.submit(time.sleep, 600)
        wait_until(slow.running)
        pool.kill_workers()
        assert isinstance(slow.exception(PATIENCE), ungil.WorkerCrashed)


def test_a_worker_that_is_stopped_can_be_killed(method: str) -> None:
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        pid = pool.submit(os.getpid).result(PATIENCE)
        slow = pool.submit(time.sleep, 600)
        wait_until(slow.running)
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
        pool.kill_workers()
        assert isinstance(slow.exception(PATIENCE), ungil.WorkerCrashed)
        assert not psutil.pid_exists(pid)


def test_a_worker_that_was_stopped_goes_on(method: str) -> None:
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        pid = pool.submit(os.getpid).result(PATIENCE)
        os.kill(pid, signal.SIGSTOP)
        future = pool.submit(same, 5)
        time.sleep(0.05)
        assert not future.done()
        os.kill(pid, signal.SIGCONT)
        assert future.result(PATIENCE) == 5


def test_a_task_may_change_its_workers_directory(method: str, tmp_path: Path) -> None:
    here = os.getcwd()
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        pool.submit(os.chdir, tmp_path).result(PATIENCE)
        assert pool.submit(os.getcwd).result(PATIENCE) == str(tmp_path), "its worker stays there"
        assert os.getcwd() == here
        pool.submit(os._exit, 1).exception(PATIENCE)
        assert pool.submit(os.getcwd).result(PATIENCE) == here, "a new worker starts here"


def close_everything() -> None:
    os.closerange(0, 4096)


def close_streams() -> None:
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        stream.close()


@pytest.mark.parametrize("close", [close_everything, close_streams])
def test_a_task_may_close_its_workers_standard_streams(
    method: str, close: Callable[[], None]
) -> None:
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        pool.submit(close).result(PATIENCE)
        big = pool.submit(np.full, 200_000, 7.0).result(PATIENCE)
        assert (big == 7).all()


def leave_thread() -> None:
    import threading  # noqa: PLC0415

    threading.Thread(target=time.sleep, args=(0.2,)).start()


def test_a_thread_that_a_task_leaves_is_waited_for(method: str) -> None:
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        pool.submit(leave_thread).result(PATIENCE)


def test_what_tasks_print_comes_out(method: str, tmp_path: Path) -> None:
    source = f"""
        import ungil
        def say(n):
            print(n)
            print("unfinished", end=" ")
        if __name__ == "__main__":
            with ungil.ProcessPoolExecutor(1, start_method={method!r}) as pool:
                for n in range(3):
                    pool.submit(say, n).result()
    """
    assert output(tmp_path, source) == "0\nunfinished 1\nunfinished 2\nunfinished "


# --- large blocks of dead workers -------------------------------------------------------------


def in_use() -> int:
    """Bytes in this process's segments."""
    folder = "/proc/self/fd"
    total = 0
    for name in os.listdir(folder):
        try:
            if "memfd:ungil-pool" in os.readlink(f"{folder}/{name}"):
                total += os.stat(f"{folder}/{name}").st_blocks * 512
        except FileNotFoundError:
            continue
    return total


def die_holding(array: np.ndarray) -> None:
    assert array.any()
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_block_that_a_dead_worker_was_reading_is_reclaimed(method: str) -> None:
    block = np.ones(32 * MIB // 8)
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        for _ in range(8):
            error = pool.submit(die_holding, block).exception(PATIENCE)
            assert isinstance(error, ungil.WorkerCrashed)
        assert in_use() < 3 * block.nbytes


def test_a_worker_may_be_killed_in_the_middle_of_a_large_result(method: str) -> None:
    size = 96 * MIB
    chance = random.Random(7)
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        crashes = 0
        for _ in range(12):
            pid = pool.submit(os.getpid).result(PATIENCE)
            future = pool.submit(np.ones, size // 8)
            wait_until(future.running)
            time.sleep(chance.random() * 0.15)
            os.kill(pid, signal.SIGKILL)
            error = future.exception(PATIENCE)
            if error is None:
                assert future.result().sum() == size // 8
            else:
                assert isinstance(error, ungil.WorkerCrashed)
                crashes += 1
            del future
        assert pool.submit(same, 5).result(PATIENCE) == 5
        assert in_use() < 3 * size
    assert crashes > 0

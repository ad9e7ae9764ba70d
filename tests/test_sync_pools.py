"""`ungil.sync` in the workers of pools: ours, `concurrent.futures`' and `multiprocessing`'s."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from concurrent.futures import ProcessPoolExecutor as StandardPool
from typing import Any

import pytest
import sync_support as support
import ungil
from sync_support import TIMEOUT
from ungil import sync

METHODS = ["fork", "forkserver", "spawn"]


def ours(method: str, **options: Any) -> Executor:
    return ungil.ProcessPoolExecutor(2, start_method=method, **options)


def standard(method: str, **options: Any) -> Executor:
    return StandardPool(2, mp_context=multiprocessing.get_context(method), **options)


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[ours, standard], ids=["ungil", "concurrent.futures"])
def make(request: pytest.FixtureRequest) -> Callable[..., Executor]:
    pool: Callable[..., Executor] = request.param
    return pool


def every_kind() -> tuple[Any, ...]:
    return (
        sync.Lock(), sync.RLock(), sync.Semaphore(2), sync.BoundedSemaphore(2), sync.Condition(),
        sync.Event(), sync.Barrier(2), sync.Queue(), sync.Value("q"), sync.Array("q", 2),
    )  # fmt: skip


def test_every_kind_is_an_argument_of_a_task(make: Callable[..., Executor], method: str) -> None:
    parts = every_kind()
    with make(method) as pool:
        pids = [future.result() for future in [pool.submit(support.meet, parts) for _ in range(2)]]
    *_, queue, value, array = parts
    assert sorted(queue.get(timeout=TIMEOUT) for _ in pids) == sorted(pids)
    assert (value.value, list(array)) == (2, [0, 2])


def test_every_kind_is_an_argument_of_the_initializer(
    make: Callable[..., Executor], method: str
) -> None:
    parts = every_kind()
    with make(method, initializer=support.remember, initargs=parts) as pool:
        assert len(list(pool.map(support.meet_remembered, range(2)))) == 2
    assert parts[-2].value == 2


def test_every_kind_is_an_argument_of_multiprocessings_pool(method: str) -> None:
    lock, value = sync.Lock(), sync.Value("q", lock=False)
    with multiprocessing.get_context(method).Pool(2) as pool:
        pool.starmap(support.add_many, [(lock, value, 500)] * 4)
    assert value.value == 2000


def test_a_task_returns_a_lock_that_it_made(make: Callable[..., Executor], method: str) -> None:
    with make(method) as pool:
        lock = pool.submit(support.make_and_keep_a_lock).result()
        error = pool.submit(support.name_of_error, lock).result()
        with lock:
            assert lock.locked()
    assert error == "NotOwner"


@pytest.mark.parametrize("inner", METHODS)
def test_grandchildren_share_the_lock(method: str, inner: str) -> None:
    lock, value = sync.Lock(), sync.Value("q", lock=False)
    with ours(method) as pool:
        pool.submit(support.add_in_grandchildren, lock, value, 500, inner).result()
    assert value.value == 1000


def test_a_lock_outlives_its_creator() -> None:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        lock = sync.Lock()
        lock.acquire()
        os.write(write, pickle.dumps(lock))
        signal.pause()
    lock = pickle.loads(os.read(read, 10_000))
    os.close(read)
    os.close(write)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with pytest.raises(sync.OwnerDied, match=f"thread {pid} died"):
        lock.acquire(timeout=TIMEOUT)
    lock.release()
    with StandardPool(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(support.name_of_error, lock).result() == "NotOwner"


def test_a_fork_in_the_middle_of_everything_leaves_the_child_working_locks() -> None:
    """Other threads take and release, put and get, make and drop while this one forks."""
    lock, condition, queue = sync.Lock(), sync.Condition(), sync.Queue()
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            with lock, condition:
                condition.notify()
            queue.put(1)
            queue.get()
            sync.Lock()

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    outcomes = []
    try:
        for _ in range(30):
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    signal.alarm(int(TIMEOUT))
                    with lock, condition, sync.Lock():
                        queue.put(1)
                        queue.get(timeout=TIMEOUT)
                        code = 0
                finally:
                    os._exit(code)
            outcomes.append(os.waitpid(pid, 0)[1])
    finally:
        stop.set()
        for thread in threads:
            thread.join(TIMEOUT)
    assert outcomes == [0] * len(outcomes)


def test_ten_thousand_locks_use_their_room_again() -> None:
    code = """
from ungil import sync

def room():
    with open("/proc/self/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))

def many():
    return [sync.Lock() for _ in range(10_000)]

locks = many()
before = room()
for _ in range(20):
    del locks
    locks = many()
assert room() - before < 2048, room() - before
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_descriptors_small_objects_still_work_and_the_error_is_clear() -> None:
    code = """
import os, resource
from ungil import sync

lock = sync.Lock()
highest = max(map(int, os.listdir("/proc/self/fd"))) + 1
resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))
more = [sync.Lock() for _ in range(1000)]
assert more[-1].acquire() and lock.acquire()
try:
    while True:
        more.append(sync.Queue())
except OSError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Too many open files" in done.stdout
    assert "close what is not needed or raise the limit" in done.stdout


@pytest.mark.skipif(sys.version_info < (3, 13), reason="3.13 brings interpreters with a GIL each")
def test_in_a_worker_interpreter_the_refusal_names_the_class() -> None:
    with (
        ungil.InterpreterPoolExecutor(1) as pool,
        pytest.raises(Exception, match=r"ungil\.sync\.Lock cannot be used inside a worker"),
    ):
        pool.submit(support.name_of_error, sync.Lock()).result()

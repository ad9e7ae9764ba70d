"""multiprocessing's primitives in a pool: as the initializer's arguments, and as a task's."""

import multiprocessing
import os
import threading
from multiprocessing import resource_sharer, shared_memory
from multiprocessing.context import BaseContext
from typing import Any

import pytest
from ungil import ProcessPoolExecutor

METHODS = ["fork", "forkserver", "spawn"]
every_method = pytest.mark.parametrize("method", METHODS)

kept: dict[str, Any] = {}


def keep(**things: Any) -> None:
    kept.update(things)


def keep_all(things: dict[str, Any]) -> None:
    keep(**things)


def count_up(times: int) -> None:
    for _ in range(times):
        with kept["lock"]:
            kept["value"].value += 1


def pass_on(item: object) -> None:
    kept["queue"].put((os.getpid(), item))


def fetch() -> object:
    return kept["queue"].get(timeout=20)


def gather() -> None:
    kept["barrier"].wait(timeout=20)


def say(connection: Any, what: str) -> None:
    connection.send(what)


def hold(lock: Any) -> bool:
    return bool(lock.acquire(timeout=0.05))


def read_shared(name: str) -> int:
    segment = shared_memory.SharedMemory(name=name)
    assert segment.buf is not None
    first = segment.buf[0]
    segment.close()
    return first


@every_method
def test_a_lock_guards_a_value(method: str) -> None:
    context = multiprocessing.get_context(method)
    # Without its own lock, the value shows what a lock that is no lock would lose.
    things: dict[str, Any] = {"lock": context.Lock(), "value": context.Value("q", 0, lock=False)}
    with ProcessPoolExecutor(
        2, mp_context=context, initializer=keep_all, initargs=(things,)
    ) as pool:
        list(pool.map(count_up, [500] * 8))
    assert things["value"].value == 4000


@every_method
def test_queues_both_ways(method: str) -> None:
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    with ProcessPoolExecutor(
        2, mp_context=context, initializer=keep_all, initargs=({"queue": queue},)
    ) as pool:
        list(pool.map(pass_on, range(10)))
        got = [queue.get(timeout=20) for _ in range(10)]
        assert sorted(item for _, item in got) == list(range(10))
        assert os.getpid() not in {pid for pid, _ in got}
        queue.put("down")
        assert pool.submit(fetch).result(timeout=20) == "down"
    queue.close()
    queue.join_thread()


@every_method
def test_what_a_task_put_last_is_not_lost_when_its_worker_ends(method: str) -> None:
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    with ProcessPoolExecutor(
        1, mp_context=context, initializer=keep_all, initargs=({"queue": queue},)
    ) as pool:
        pool.submit(pass_on, "x" * 60_000).result()
        pool.shutdown(wait=False)
        assert queue.get(timeout=20)[1] == "x" * 60_000
    queue.close()
    queue.join_thread()


@every_method
def test_a_barrier_of_all_workers(method: str) -> None:
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(
        3, mp_context=context, initializer=keep_all, initargs=({"barrier": context.Barrier(3)},)
    ) as pool:
        for future in [pool.submit(gather) for _ in range(3)]:
            future.result(timeout=30)


def test_workers_that_come_later_get_the_same_queue() -> None:
    context = multiprocessing.get_context("forkserver")
    queue = context.Queue()
    with ProcessPoolExecutor(
        1,
        mp_context=context,
        initializer=keep_all,
        initargs=({"queue": queue},),
        max_tasks_per_child=1,
    ) as pool:
        list(pool.map(pass_on, range(4)))
        got = [queue.get(timeout=20) for _ in range(4)]
    assert len({pid for pid, _ in got}) == 4
    queue.close()
    queue.join_thread()


def test_as_users_write_it_without_any_context() -> None:
    things: dict[str, Any] = {
        "lock": multiprocessing.Lock(),
        "value": multiprocessing.RawValue("q", 0),
    }
    with ProcessPoolExecutor(2, initializer=keep_all, initargs=(things,)) as pool:
        list(pool.map(count_up, [200] * 4))
    assert things["value"].value == 800


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_fork_contexts_lock_cannot_be_had_by_others(method: str) -> None:
    lock = multiprocessing.get_context("fork").Lock()
    with pytest.raises(RuntimeError, match=r"Lock .*fork context.*get_context\(.forkserver.\)"):
        ProcessPoolExecutor(1, start_method=method, initializer=keep_all, initargs=(lock,))


def test_a_lambda_may_initialize_with_a_queue() -> None:
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    with ProcessPoolExecutor(
        1, mp_context=context, initializer=lambda there: there.put("ready"), initargs=(queue,)
    ) as pool:
        pool.submit(abs, 1).result()
        assert queue.get() == "ready"
    queue.close()


@every_method
def test_a_connection_as_an_argument(method: str) -> None:
    here, there = multiprocessing.Pipe()
    with ProcessPoolExecutor(1, start_method=method) as pool, here, there:
        pool.submit(say, there, "hello").result(timeout=20)
        assert here.recv() == "hello"
    resource_sharer.stop()


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_lock_as_an_argument(method: str) -> None:
    context: BaseContext = multiprocessing.get_context(method)
    lock = context.Lock()
    with ProcessPoolExecutor(1, mp_context=context) as pool, lock:
        assert pool.submit(hold, lock).result(timeout=20) is False


def test_a_fork_contexts_lock_as_an_argument_is_refused_with_the_remedy() -> None:
    lock = multiprocessing.get_context("fork").Lock()
    with (
        ProcessPoolExecutor(1) as pool,
        pytest.raises(Exception, match=r"argument 0 .*Lock.*get_context\(.forkserver.\)"),
    ):
        pool.submit(hold, lock).result(timeout=20)


def test_a_managers_proxies_as_arguments() -> None:
    with multiprocessing.get_context("spawn").Manager() as manager, ProcessPoolExecutor(2) as pool:
        shared = manager.list()
        list(pool.map(shared.append, range(10)))
        assert sorted(shared) == list(range(10))


@every_method
def test_a_workers_end_leaves_shared_memory_alone(method: str) -> None:
    segment = shared_memory.SharedMemory(create=True, size=64)
    try:
        assert segment.buf is not None
        segment.buf[0] = 42
        for _ in range(2):
            with ProcessPoolExecutor(1, start_method=method) as pool:
                assert pool.submit(read_shared, segment.name).result(timeout=20) == 42
    finally:
        segment.close()
        segment.unlink()


def test_a_pools_workers_do_not_end_the_parents_daemons() -> None:
    context = multiprocessing.get_context("fork")
    done = context.Event()
    daemon = context.Process(target=done.wait, daemon=True)
    daemon.start()
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        pool.submit(abs, 1).result()
    assert daemon.is_alive()
    done.set()
    daemon.join(20)
    daemon.close()
    assert threading.active_count() >= 1

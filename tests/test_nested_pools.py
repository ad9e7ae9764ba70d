"""Pools in the tasks of pools: none deadlocks, nothing is left."""

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from itertools import product
from pathlib import Path

import pytest
import ungil
from programs import PATIENCE, Program, is_running, output, wait_until

METHODS = ("forkserver", "spawn", "fork")


# --- a thread pool in its own tasks -----------------------------------------------------------


def test_a_single_thread_may_submit_and_wait_to_any_depth() -> None:
    with ungil.ThreadPoolExecutor(1) as pool:

        def fibonacci(n: int) -> int:
            if n < 2:
                return n
            left = pool.submit(fibonacci, n - 1)
            right = pool.submit(fibonacci, n - 2)
            return int(left.result() + right.result())

        assert pool.submit(fibonacci, 12).result(PATIENCE) == 144


def all_wait_at_once(
    wait: Callable[[ungil.ThreadPoolExecutor, Future[int]], object], threads: int = 3
) -> list[object]:
    """Fills a pool with tasks that each submit one more and wait for it."""
    barrier = threading.Barrier(threads)
    with ungil.ThreadPoolExecutor(threads) as pool:

        def outer(number: int) -> object:
            barrier.wait(PATIENCE)
            inner = pool.submit(abs, -number)
            barrier.wait(PATIENCE)
            return wait(pool, inner)

        futures = [pool.submit(outer, number) for number in range(threads)]
        return [future.result(PATIENCE) for future in futures]


def test_all_threads_may_wait_for_a_result() -> None:
    assert all_wait_at_once(lambda _, inner: inner.result()) == [0, 1, 2]


def test_all_threads_may_wait_for_a_result_with_a_limit() -> None:
    assert all_wait_at_once(lambda _, inner: inner.result(PATIENCE)) == [0, 1, 2]


def test_all_threads_may_wait_for_an_exception() -> None:
    assert all_wait_at_once(lambda _, inner: inner.exception()) == [None, None, None]


def test_all_threads_may_iterate_over_a_map() -> None:
    def wait(pool: ungil.ThreadPoolExecutor, _: object) -> list[int]:
        return list(pool.map(abs, range(-3, 0)))

    assert all_wait_at_once(wait) == [[3, 2, 1]] * 3


def test_what_the_inner_task_raises_comes_out_of_the_wait() -> None:
    with ungil.ThreadPoolExecutor(1) as pool:
        outer = pool.submit(lambda: pool.submit(int, "x").result())
        with pytest.raises(ValueError, match="invalid literal"):
            outer.result(PATIENCE)


def test_a_poll_does_not_run_the_task() -> None:
    with ungil.ThreadPoolExecutor(1) as pool:
        outer = pool.submit(lambda: pool.submit(int).result(timeout=0))
        assert isinstance(outer.exception(PATIENCE), TimeoutError)


def test_a_task_that_runs_elsewhere_is_waited_for() -> None:
    gate = threading.Event()
    with ungil.ThreadPoolExecutor(2) as pool:
        begun = threading.Event()

        def inner() -> int:
            begun.set()
            gate.wait(PATIENCE)
            return threading.get_ident()

        def outer() -> tuple[int, int]:
            future = pool.submit(inner)
            begun.wait(PATIENCE)
            gate.set()
            return threading.get_ident(), future.result()

        here, there = pool.submit(outer).result(PATIENCE)
        assert here != there


def test_a_callback_may_wait_for_its_pool() -> None:
    seen: list[int] = []
    with ungil.ThreadPoolExecutor(1) as pool:
        gate = threading.Event()
        first = pool.submit(gate.wait, PATIENCE)
        first.add_done_callback(lambda _: seen.append(pool.submit(int, "5").result()))
        gate.set()
        wait_until(lambda: seen == [5])


def test_another_pools_task_is_not_taken() -> None:
    with ungil.ThreadPoolExecutor(1) as other, ungil.ThreadPoolExecutor(1) as pool:

        def outer() -> bool:
            inner = other.submit(threading.get_ident)
            return bool(inner.result(PATIENCE) != threading.get_ident())

        assert pool.submit(outer).result(PATIENCE)


# --- process pools in tasks -------------------------------------------------------------------


def nest(methods: tuple[str, ...]) -> int:
    """Opens a process pool in a process pool ..., and counts its levels."""
    if not methods:
        return 0
    with ungil.ProcessPoolExecutor(1, start_method=methods[0]) as pool:
        return 1 + int(pool.submit(nest, methods[1:]).result(PATIENCE))


@pytest.mark.parametrize("methods", [*product(METHODS, METHODS), *((m,) * 3 for m in METHODS)])
def test_a_process_task_may_open_a_process_pool(methods: tuple[str, ...]) -> None:
    assert nest(methods) == len(methods)


def thread_sum(numbers: range) -> int:
    with ungil.ThreadPoolExecutor(2) as pool:
        return sum(pool.map(abs, numbers))


@pytest.mark.parametrize("method", METHODS)
def test_a_process_task_may_open_a_thread_pool(method: str) -> None:
    with ungil.ProcessPoolExecutor(2, start_method=method) as pool:
        assert list(pool.map(thread_sum, [range(-9, 0)] * 4)) == [45] * 4


@pytest.mark.parametrize("method", METHODS)
def test_thread_tasks_may_open_process_pools(method: str) -> None:
    with ungil.ThreadPoolExecutor(3) as pool:
        assert list(pool.map(nest, [(method,)] * 3)) == [1, 1, 1]


_inner: ungil.ProcessPoolExecutor


def open_at_start(method: str) -> None:
    global _inner
    _inner = ungil.ProcessPoolExecutor(1, start_method=method)
    assert _inner.submit(abs, -1).result(PATIENCE) == 1


def ask_inner(number: int) -> int:
    return int(_inner.submit(abs, number).result(PATIENCE))


@pytest.mark.parametrize("method", METHODS)
def test_an_initializer_may_open_a_pool(method: str) -> None:
    with ungil.ProcessPoolExecutor(
        1, start_method=method, initializer=open_at_start, initargs=(method,)
    ) as pool:
        assert list(pool.map(ask_inner, range(-3, 0))) == [3, 2, 1]


@pytest.mark.parametrize("methods", [*product(METHODS, METHODS)])
def test_nothing_is_left_of_a_worker_that_is_killed(
    tmp_path: Path, methods: tuple[str, str]
) -> None:
    with ungil.ProcessPoolExecutor(1, start_method=methods[0]) as pool:
        task = pool.submit(open_and_hold, tmp_path, methods[1])
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
        inner, outer = (int((tmp_path / name).read_text()) for name in ("inner", "outer"))
        os.kill(outer, signal.SIGKILL)
        assert isinstance(task.exception(PATIENCE), ungil.WorkerCrashed)
        wait_until(lambda: not is_running(inner))


def open_and_hold(directory: Path, method: str) -> None:
    with ungil.ProcessPoolExecutor(1, start_method=method) as pool:
        held = pool.submit(leave_mark, directory / "inner")
        leave_mark(directory / "outer", hold=False)
        held.result()


def leave_mark(path: Path, hold: bool = True) -> None:
    fresh = path.parent.with_suffix(f".{path.name}")
    fresh.write_text(str(os.getpid()))
    fresh.rename(path)
    if hold:
        threading.Event().wait(100)


def test_a_program_ends_well_that_leaves_nested_pools_open(tmp_path: Path) -> None:
    source = """
        import ungil

        def inner():
            pool = ungil.ProcessPoolExecutor(1)
            return pool.submit(abs, -3).result(20)

        if __name__ == "__main__":
            print(ungil.ProcessPoolExecutor(1).submit(inner).result(20))
    """
    assert output(tmp_path, source) == "3\n"


def test_ctrl_c_ends_nested_pools(tmp_path: Path) -> None:
    source = """
        import time, ungil

        def inner():
            with ungil.ProcessPoolExecutor(1) as pool:
                running = pool.submit(time.sleep, 60)
                while not running.running():
                    time.sleep(0.01)
                print("running", flush=True)
                running.result()

        if __name__ == "__main__":
            with ungil.ProcessPoolExecutor(1) as pool:
                pool.submit(inner).result()
    """
    with Program(tmp_path, source) as program:
        program.expect("running")
        program.ctrl_c()
        status, _, err = program.end()
        wait_until(lambda: not program.leftovers())
    assert status == -signal.SIGINT, err

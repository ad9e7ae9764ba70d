"""`priority=`: of the tasks that wait, the highest start first."""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import ungil
from kinds_tasks import note, pass_gate
from programs import wait_until
from ungil import ProcessPoolExecutor, ThreadPoolExecutor


class Gate:
    """Tasks that write down their order, behind one that waits until all are submitted."""

    def __init__(self, folder: Path) -> None:
        self.open = folder / "open"
        self.log = folder / "log"
        self.log.touch()

    def order(self) -> list[str]:
        return self.log.read_text().split()


@pytest.fixture(params=["thread", "process", "interpreter"])
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "interpreter" and sys.version_info < (3, 13):
        pytest.skip("this Python has no such interpreters")
    return str(request.param)


@contextmanager
def gated(kind: str, tmp_path: Path) -> Iterator[tuple[Any, Callable[..., Any], Gate]]:
    gate = Gate(tmp_path)
    with ungil.executor(kind, 1) as pool:
        first = pool.submit(pass_gate, gate.open)
        wait_until(first.running)

        def submit(name: str, **options: Any) -> Any:
            target = pool.options(**options) if options else pool
            return target.submit(note, gate.log, name)

        yield pool, submit, gate
        gate.open.touch()


def test_the_highest_first_and_equal_ones_in_order(kind: str, tmp_path: Path) -> None:
    with gated(kind, tmp_path) as (_, submit, gate):
        for name in ("a", "b"):
            submit(name)
        submit("low", priority=-1)
        for name in ("c", "d"):
            submit(name, priority=5)
        submit("e", priority=0)
        submit("top", priority=2**62)
    assert gate.order() == ["top", "c", "d", "a", "b", "e", "low"]


def test_map_carries_the_priority(kind: str, tmp_path: Path) -> None:
    with gated(kind, tmp_path) as (pool, submit, gate):
        before = [submit(str(number)) for number in range(20)]
        results = pool.options(priority=1).map(note, [gate.log] * 3, ["x", "y", "z"])
        gate.open.touch()
        assert list(results) == ["x", "y", "z"]
        wait(before, timeout=30)
    assert gate.order() == ["x", "y", "z", *map(str, range(20))]


def test_what_is_published_to_the_workers_is_overtaken(tmp_path: Path) -> None:
    with gated("process", tmp_path) as (_, submit, gate):
        for number in range(1500):  # more than the engine has slots
            submit(str(number))
        submit("first", priority=1)
    assert gate.order() == ["first", *map(str, range(1500))]


def test_a_task_that_was_taken_back_can_be_cancelled(tmp_path: Path) -> None:
    with gated("process", tmp_path) as (_, submit, gate):
        waiting = [submit(str(number)) for number in range(10)]
        submit("first", priority=1)
        assert not waiting[0].running()
        assert waiting[0].cancel()
        assert waiting[9].cancel()
    assert gate.order() == ["first", *map(str, range(1, 9))]


def test_large_arguments_of_an_overtaken_task_stay_whole(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with ProcessPoolExecutor(1) as pool:
        pool.submit(pass_gate, gate)
        payloads = [bytes([number]) * (1 << 20) for number in range(8)]
        futures = [pool.submit(bytes.upper, payload) for payload in payloads]
        futures += [
            pool.options(priority=number).submit(bytes.upper, payload)
            for number, payload in enumerate(payloads)
        ]
        gate.touch()
        assert [future.result(timeout=30) for future in futures] == payloads * 2


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_many_tasks_of_many_priorities_all_run(kind: str) -> None:
    with ungil.executor(kind, 2) as pool:
        views = [pool.options(priority=number) for number in range(-3, 4)]
        futures = [views[number * 5 % 7].submit(abs, -number) for number in range(5000)]
        assert [future.result(timeout=60) for future in futures] == list(range(5000))
        # And without, once they are done.
        assert list(pool.map(abs, range(2000))) == list(range(2000))


def test_priorities_and_cancels_from_many_threads_lose_no_task() -> None:
    ended: list[int] = []

    def submit_and_cancel(pool: ProcessPoolExecutor, seed: int) -> None:
        futures = []
        for number in range(400):
            priority = (number * 13 + seed) % 5 - 2
            futures.append(pool.options(priority=priority).submit(abs, -number))
            if number % 7 == seed % 7:
                futures[number // 2].cancel()
        for number, future in enumerate(futures):
            assert future.cancelled() or future.result(timeout=60) == number
        ended.append(len(futures))

    with ProcessPoolExecutor(2) as pool:
        threads = [
            threading.Thread(target=submit_and_cancel, args=(pool, seed)) for seed in (0, 1, 2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert ended == [400, 400, 400]


def test_shutdown_finishes_and_drops_as_ever(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    pool = ProcessPoolExecutor(1)
    running = pool.submit(pass_gate, gate)
    wait_until(running.running)
    waiting = [pool.options(priority=number).submit(abs, -number) for number in range(50)]
    pool.shutdown(wait=False, cancel_futures=True)
    gate.touch()
    pool.shutdown()
    assert running.result(timeout=0) is None
    assert all(future.cancelled() for future in waiting)


@pytest.mark.parametrize("priority", ["high", 1.5, None, True])
def test_what_is_no_priority_is_refused(priority: int) -> None:
    with (
        ThreadPoolExecutor(1) as pool,
        pytest.raises(TypeError, match="priority must be an integer"),
    ):
        pool.options(priority=priority)


def test_a_priority_beyond_64_bits_is_refused() -> None:
    with ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match="64 bits"):
        pool.options(priority=2**63)


def test_serial_takes_priorities_and_has_nothing_to_put_first() -> None:
    with ungil.SerialExecutor() as pool:
        view = pool.options(priority=3)
        assert view.submit(pow, 2, 3).result() == 8
        assert list(view.map(abs, [-1, -2])) == [1, 2]


def test_a_view_is_the_same_pool() -> None:
    pool = ThreadPoolExecutor(1)
    with pool.options(priority=1) as view:
        assert view.submit(abs, -1).result() == 1
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(abs, -1)
    with pytest.raises(RuntimeError, match="after shutdown"):
        view.submit(abs, -1)

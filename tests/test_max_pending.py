"""`max_pending=`: a pool that accepts only so many unfinished tasks at once."""

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import psutil
import pytest
import ungil
from programs import PATIENCE, Program, wait_until

OpenPool = Callable[..., Any]


@pytest.fixture(params=["thread", "process"])
def open_pool(request: pytest.FixtureRequest) -> OpenPool:
    classes = {"thread": ungil.ThreadPoolExecutor, "process": ungil.ProcessPoolExecutor}
    return classes[request.param]


def hold(gate: Path) -> None:
    wait_until(gate.exists, 100)


def filler(number: int) -> bytes:
    return bytes([number % 256]) * 10_000


class Submitting:
    """A thread that submits one task."""

    def __init__(self, pool: Executor) -> None:
        self.outcome: Future[int] | BaseException | None = None
        self._pool = pool
        self._thread = threading.Thread(target=self._submit)
        self._thread.start()

    def _submit(self) -> None:
        try:
            self.outcome = self._pool.submit(int, "7")
        except BaseException as error:
            self.outcome = error

    def waits(self) -> bool:
        self._thread.join(0.2)
        return self._thread.is_alive()

    def end(self) -> Future[int] | BaseException | None:
        self._thread.join(PATIENCE)
        return self.outcome


def test_submit_waits_until_a_task_has_ended(open_pool: OpenPool, tmp_path: Path) -> None:
    with open_pool(1, max_pending=2) as pool:
        held = [pool.submit(hold, tmp_path / "first"), pool.submit(hold, tmp_path / "second")]
        submitting = Submitting(pool)
        assert submitting.waits()
        (tmp_path / "first").touch()
        accepted = submitting.end()
        assert isinstance(accepted, Future)
        (tmp_path / "second").touch()
        assert accepted.result(PATIENCE) == 7
        assert [future.result(PATIENCE) for future in held] == [None, None]


def test_a_task_that_is_cancelled_makes_room(open_pool: OpenPool, tmp_path: Path) -> None:
    with open_pool(1, max_pending=2) as pool:
        running = pool.submit(hold, tmp_path / "gate")
        wait_until(running.running)
        waiting = pool.submit(int)
        submitting = Submitting(pool)
        assert submitting.waits()
        assert waiting.cancel()
        assert isinstance(submitting.end(), Future)
        (tmp_path / "gate").touch()


def test_never_are_more_unfinished(open_pool: OpenPool) -> None:
    with open_pool(2, max_pending=3) as pool:
        futures: list[Future[int]] = []
        for number in range(500):
            futures.append(pool.submit(abs, -number))
            assert sum(not future.done() for future in futures) <= 3
        assert [future.result(PATIENCE) for future in futures] == list(range(500))


def test_a_task_that_fails_or_cannot_be_sent_makes_room(open_pool: OpenPool) -> None:
    with open_pool(1, max_pending=1) as pool:
        for _ in range(5):
            assert isinstance(pool.submit(int, "x").exception(PATIENCE), ValueError)
            pool.submit(threading.Lock().acquire).exception(PATIENCE)
        assert pool.submit(int, "5").result(PATIENCE) == 5


def test_a_worker_that_dies_makes_room() -> None:
    with ungil.ProcessPoolExecutor(1, max_pending=1) as pool:
        pool.submit(os.kill, os.getpid(), 0)
        pool.submit(os._exit, 1)
        assert pool.submit(int, "5").result(PATIENCE) == 5


def test_shutdown_tells_those_who_wait(open_pool: OpenPool, tmp_path: Path) -> None:
    pool = open_pool(1, max_pending=1)
    pool.submit(hold, tmp_path / "gate")
    submitting = Submitting(pool)
    assert submitting.waits()
    pool.shutdown(wait=False)
    refused = submitting.end()
    assert isinstance(refused, RuntimeError)
    assert "cannot schedule new futures after shutdown" in str(refused)
    (tmp_path / "gate").touch()
    pool.shutdown()


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_ctrl_c_ends_the_wait(tmp_path: Path, kind: str) -> None:
    source = f"""
        import time, ungil
        if __name__ == "__main__":
            with ungil.executor({kind!r}, 1, max_pending=1) as pool:
                running = pool.submit(time.sleep, 60)
                while not running.running():
                    time.sleep(0.01)
                print("full", flush=True)
                pool.submit(time.sleep, 60)
    """
    with Program(tmp_path, source) as program:
        program.expect("full")
        time.sleep(0.3)  # it is about to wait, and nothing tells when it does
        program.ctrl_c()
        status, _, err = program.end()
    assert (status, "KeyboardInterrupt" in err) == (-signal.SIGINT, True), err


# --- those whom others wait for do not wait ---------------------------------------------------


def test_a_thread_of_the_pool_does_not_wait() -> None:
    with ungil.ThreadPoolExecutor(1, max_pending=1) as pool:

        def submit_many() -> list[Future[int]]:
            return [pool.submit(abs, -number) for number in range(20)]

        inner = pool.submit(submit_many).result(PATIENCE)
        assert [future.result(PATIENCE) for future in inner] == list(range(20))


def test_a_callback_does_not_wait(open_pool: OpenPool, tmp_path: Path) -> None:
    results: list[int] = []
    done = threading.Event()
    with open_pool(1, max_pending=1) as pool:

        def submit_many(_: Future[int]) -> None:
            for number in range(20):
                inner = pool.submit(abs, -number)
                inner.add_done_callback(lambda future: results.append(future.result()))
            done.set()

        future = pool.submit(hold, tmp_path / "gate")
        future.add_done_callback(submit_many)
        (tmp_path / "gate").touch()
        assert done.wait(PATIENCE)
    assert results == list(range(20))


# --- map is lazy ------------------------------------------------------------------------------


def counted(taken: list[int]) -> Iterator[int]:
    for number in itertools.count():
        taken[0] = number + 1
        yield number


def test_map_takes_so_many_items_ahead_at_most(open_pool: OpenPool) -> None:
    taken = [0]
    with open_pool(2, max_pending=4) as pool:
        results = pool.map(abs, counted(taken))
        for number in range(300):
            assert next(results) == number
            assert taken[0] <= number + 1 + 4
        results.close()


def test_chunks_and_a_buffersize_take_no_more(open_pool: OpenPool) -> None:
    taken = [0]
    with open_pool(2, max_pending=8) as pool:
        results = pool.map(abs, counted(taken), chunksize=4, buffersize=100)
        assert next(results) == 0
        assert taken[0] <= 1 + 4 + 8
        results.close()


def test_ungil_map_takes_no_more(open_pool: OpenPool) -> None:
    kind = "thread" if open_pool is ungil.ThreadPoolExecutor else "process"
    taken = [0]
    with ungil.map(abs, counted(taken), kind, 2, max_pending=3) as results:
        assert next(results) == 0
        assert taken[0] <= 1 + 3


def test_an_endless_map_keeps_its_time_limit(tmp_path: Path) -> None:
    with ungil.ThreadPoolExecutor(1, max_pending=1) as pool:
        with pytest.raises(TimeoutError):
            list(pool.map(hold, itertools.repeat(tmp_path / "gate"), timeout=0.1))
        (tmp_path / "gate").touch()


def test_an_endless_map_keeps_no_memory(open_pool: OpenPool) -> None:
    with open_pool(2, max_pending=10) as pool:
        results = pool.map(filler, itertools.count())
        for _ in range(500):
            next(results)
        before = psutil.Process().memory_info().rss
        for _ in range(10_000):  # 100 MB of results
            next(results)
        assert psutil.Process().memory_info().rss - before < 20e6
        results.close()


@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError)])
def test_it_is_a_positive_integer(open_pool: OpenPool, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="max_pending must be"):
        open_pool(1, max_pending=value)

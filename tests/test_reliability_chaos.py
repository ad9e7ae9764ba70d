"""Workers, servers and blocks that die in the middle of everything; see docs/reliability.md."""

import itertools
import os
import random
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ungil
from process_tasks import echo
from programs import PATIENCE, output

METHODS = ("forkserver", "spawn", "fork")
# So unlucky is no task: each kill hits one of several workers, and all others make progress.
RETRIES = 200


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Killer:
    """Kills a random worker every 20 ms, but not before `progress` has changed since the last."""

    def __init__(
        self, victims: Callable[[], list[int]], progress: Callable[[], object], seed: int = 0
    ) -> None:
        self.kills = 0
        self._victims = victims
        self._progress = progress
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        last: object = None
        while not self._over.wait(0.02):
            now = self._progress()
            pids = self._victims()
            if now != last and pids:
                last = now
                with suppress(ProcessLookupError):  # the last one has not been noticed yet
                    os.kill(self._random.choice(pids), signal.SIGKILL)
                    self.kills += 1

    def __enter__(self) -> "Killer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def plus_one(array: np.ndarray) -> np.ndarray:
    return array + 1


def in_window(
    submit: Callable[[int], Future[Any]], count: int, window: int = 2000
) -> Iterator[Any]:
    """The results of tasks 0 to `count`, submitted up to `window` ahead of them."""
    numbers = iter(range(count))
    waiting = deque(submit(n) for n in itertools.islice(numbers, window))
    while waiting:
        yield waiting.popleft().result(PATIENCE * 2)
        waiting.extend(submit(n) for n in itertools.islice(numbers, 1))


@pytest.mark.timeout(150)
@pytest.mark.parametrize("kind", METHODS)
def test_every_result_arrives_exactly_once_while_workers_are_killed(kind: str) -> None:
    count = {"forkserver": 100_000, "fork": 20_000, "spawn": 5000}[kind]
    arrived: Counter[int] = Counter()
    with (
        ungil.ProcessPoolExecutor(4, start_method=kind, on_crash="retry", retries=RETRIES) as pool,
        Killer(pool.worker_pids, arrived.total) as killer,
    ):
        for result in in_window(lambda number: pool.submit(echo, number), count):
            arrived[result] += 1
    assert arrived == Counter(range(count))
    assert killer.kills > 3


@pytest.mark.timeout(150)
def test_each_kill_costs_one_task_at_most() -> None:
    crashed: list[int] = []
    arrived: Counter[int] = Counter()
    done: list[int] = []

    def note(future: Future[int]) -> None:
        if future.exception() is None:
            done.append(future.result())

    # A kill only after a result, told by the pool itself: so never the last worker that works and
    # then those that start in its place.
    with (
        ungil.ProcessPoolExecutor(3) as pool,
        Killer(pool.worker_pids, done.__len__) as killer,
    ):
        futures = [pool.submit(echo, number) for number in range(20_000)]
        for future in futures:
            future.add_done_callback(note)
        for number, future in enumerate(futures):
            if isinstance(future.exception(PATIENCE * 2), ungil.WorkerCrashed):
                crashed.append(number)
            else:
                arrived[future.result()] += 1
    assert arrived + Counter(crashed) == Counter(range(20_000))
    assert len(crashed) <= killer.kills


@pytest.mark.timeout(150)
@pytest.mark.parametrize("policy", ["isolate", "retry", "break"])
def test_pools_end_whose_workers_are_killed_meanwhile(policy: str) -> None:
    chance = random.Random(policy)
    for turn in range(30):
        pool = ungil.ProcessPoolExecutor(3, start_method="fork", on_crash=policy)
        futures = [pool.submit(echo, number) for number in range(chance.randrange(300))]
        for pid in pool.worker_pids():
            if chance.random() < 0.5:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        pool.shutdown(cancel_futures=turn % 2 == 0)
        assert all(future.done() for future in futures)
        assert pool.worker_pids() == []


@pytest.mark.timeout(150)
def test_arrays_arrive_whole_while_workers_are_killed() -> None:
    arrived: list[int] = []

    def submit(number: int) -> Future[np.ndarray]:
        return pool.submit(plus_one, np.full(1000 * (1 + number % 50), number))

    with (
        ungil.ProcessPoolExecutor(
            3, start_method="fork", on_crash="retry", retries=RETRIES
        ) as pool,
        Killer(pool.worker_pids, arrived.__len__) as killer,
    ):
        for array in in_window(submit, 3000, window=100):
            assert (array == array[0]).all()
            arrived.append(int(array[0]))
    assert arrived == [*range(1, 3001)]
    assert killer.kills > 3


SERVERS = """
    import os, psutil, signal, threading, time, ungil
    from contextlib import suppress
    def echo(number):
        time.sleep(0.0001)
        return number
    if __name__ == "__main__":
        over, kills = threading.Event(), 0
        def kill_servers():
            global kills
            last = 0
            while not over.wait(0.02):
                for child in psutil.Process().children():
                    if len(arrived) > last:
                        last = len(arrived)
                        child.kill()
                        kills += 1
        arrived = []
        with ungil.ProcessPoolExecutor(2, on_crash="retry", retries=200) as pool:
            killer = threading.Thread(target=kill_servers, daemon=True)
            killer.start()
            for start in range(0, 10_000, 1000):
                arrived += pool.map(echo, range(start, start + 1000), timeout=40)
            over.set()
            killer.join()
        print(arrived == [*range(10_000)], kills > 3)
"""


def test_fork_servers_may_be_killed_again_and_again(tmp_path: Path) -> None:
    """In a program of its own: a new server is a new descriptor, which stays."""
    assert output(tmp_path, SERVERS) == "True True\n"

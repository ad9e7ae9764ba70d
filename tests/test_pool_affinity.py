"""`affinity=`: which cores the workers run on."""

import os
import signal
import time
from collections.abc import Sequence
from typing import Any

import pytest
import ungil
from programs import wait_until
from ungil import ProcessPoolExecutor, ThreadPoolExecutor

CORES = sorted(os.sched_getaffinity(0))
BEYOND = max(CORES) + 4096


def where(seconds: float = 0.0) -> tuple[int, ...]:
    time.sleep(seconds)
    return tuple(sorted(os.sched_getaffinity(0)))


def worker_and_cores(seconds: float) -> tuple[str, tuple[int, ...]]:
    time.sleep(seconds)
    with open("/proc/thread-self/comm") as comm:
        return comm.read().strip(), where()


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_spread_gives_each_worker_a_core_in_turn(kind: str) -> None:
    count = len(CORES) + 1
    with ungil.executor(kind, count, affinity="spread") as pool:
        places = {future.result(30) for future in [pool.submit(where, 0.2) for _ in range(count)]}
    assert places <= {(core,) for core in CORES}
    assert len(places) == len(CORES) or len(CORES) > 8  # a busy machine may not start all of many


@pytest.mark.parametrize("method", ["forkserver", "spawn", "fork"])
def test_a_worker_runs_on_its_item(method: str) -> None:
    affinity: list[Any] = [CORES[-1], set(CORES)]
    with ProcessPoolExecutor(2, start_method=method, affinity=affinity) as pool:
        futures = [pool.submit(worker_and_cores, 0.2) for _ in range(4)]
        told = dict(future.result(timeout=30) for future in futures)
    expected = {"ungil-worker-1": (CORES[-1],), "ungil-worker-2": tuple(CORES)}
    assert told.items() <= expected.items()


def test_threads_are_pinned_before_their_initializer() -> None:
    seen: list[tuple[int, ...]] = []
    with ThreadPoolExecutor(
        1, initializer=lambda: seen.append(where()), affinity=[{CORES[0]}]
    ) as pool:
        assert pool.submit(where).result(timeout=30) == (CORES[0],)
    assert seen == [(CORES[0],)]
    assert where() == tuple(CORES)


def test_a_successor_gets_the_same() -> None:
    with ProcessPoolExecutor(1, affinity=[CORES[-1]]) as pool:
        assert pool.submit(where).result(timeout=30) == (CORES[-1],)
        wait_until(pool.worker_pids)
        (pid,) = pool.worker_pids()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in pool.worker_pids())
        assert pool.submit(where).result(timeout=30) == (CORES[-1],)


def test_without_it_workers_may_run_everywhere() -> None:
    with ProcessPoolExecutor(1) as pool:
        assert pool.submit(where).result(timeout=30) == tuple(CORES)


@pytest.mark.parametrize("executor", [ThreadPoolExecutor, ProcessPoolExecutor])
@pytest.mark.parametrize(
    ("affinity", "text"),
    [
        ("everywhere", '"spread" or a sequence'),
        ([], "an empty sequence"),
        ([CORES[0], BEYOND], f"core {BEYOND}, which this process may not use; it may use"),
        ([{BEYOND, BEYOND + 1}], "cores"),
        ([CORES[0], "1"], "not '1'"),
        ([set()], "per worker"),
        (CORES[0], "a sequence with a core"),
    ],
)
def test_what_is_no_choice_of_cores_is_refused(
    executor: type[ThreadPoolExecutor], affinity: Sequence[Any], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        executor(1, affinity=affinity)

"""Dask and Ray: real local clusters of two workers, where their packages are installed."""

import importlib.util
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import as_completed, wait
from typing import Any

import pytest
import ungil
from kinds_tasks import add, divide, kill_own_process, nap, slow_pid, square

PACKAGES = {"dask": "distributed", "ray": "ray"}

# A cluster takes seconds to start on a busy machine: one for all tests of a kind.
pytestmark = pytest.mark.timeout(240)


def installed(kind: str) -> bool:
    return importlib.util.find_spec(PACKAGES[kind]) is not None


@pytest.fixture(scope="module", params=sorted(PACKAGES))
def cluster(request: pytest.FixtureRequest) -> Iterator[Any]:
    if not installed(request.param):
        pytest.skip(
            f"{PACKAGES[request.param]} is not installed: pip install 'ungil[{request.param}]'"
        )
    # Workers import the tasks from here.
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [os.path.dirname(__file__), before]))
    try:
        with ungil.executor(request.param, 2) as opened:
            opened.submit(square, 2).result(timeout=120)
            yield opened
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


@pytest.fixture(autouse=True)
def nothing_left_behind() -> None:
    """Instead of conftest's: a cluster outlives a test here; see the last test of this file."""


def test_the_interface_is_ours(cluster: Any) -> None:
    future = cluster.submit(add, 1, 2, more=3)
    assert isinstance(future, ungil.Future)
    assert future.result(timeout=60) == 6
    assert list(cluster.map(square, range(50))) == [number**2 for number in range(50)]
    futures = [cluster.submit(square, number) for number in range(10)]
    assert {future.result() for future in as_completed(futures, timeout=60)} == {
        number**2 for number in range(10)
    }


def test_keywords_are_the_functions(cluster: Any) -> None:
    """Also those that the cluster's own submit would take for itself."""
    given = cluster.submit(dict, workers=1, key=2, priority=3, num_cpus=4).result(timeout=60)
    assert given == {"workers": 1, "key": 2, "priority": 3, "num_cpus": 4}


def test_equal_calls_are_all_made(cluster: Any) -> None:
    seen = [cluster.submit(time.monotonic_ns).result(timeout=60) for _ in range(5)]
    assert len(set(seen)) == 5


def test_an_exception_is_the_tasks_own(cluster: Any) -> None:
    error = cluster.submit(divide, 0).exception(timeout=60)
    assert type(error) is ZeroDivisionError
    assert isinstance(error.__cause__, ungil.RemoteTraceback)
    assert error.__traceback__ is None


def test_what_does_not_pickle_fails_its_future(cluster: Any) -> None:
    error = cluster.submit(square, threading.Lock()).exception(timeout=60)
    assert error is not None
    assert "pickle" in str(error)
    assert cluster.submit(square, 2).result(timeout=60) == 4


def test_a_killed_worker_loses_no_task(cluster: Any) -> None:
    futures = [cluster.submit(slow_pid, number) for number in range(60)]
    _, pid = futures[0].result(timeout=60)
    os.kill(pid, signal.SIGKILL)
    results = [future.result(timeout=120) for future in futures]
    assert [number for number, _ in results] == list(range(60))
    assert len({pid for _, pid in results}) >= 2


def test_a_task_that_kills_every_worker_is_given_up(cluster: Any) -> None:
    with pytest.raises(ungil.WorkerCrashed, match="ook for a lack of memory"):
        cluster.submit(kill_own_process).result(timeout=120)
    assert cluster.submit(square, 3).result(timeout=120) == 9


def test_tasks_can_be_cancelled(cluster: Any) -> None:
    futures = [cluster.submit(nap, 5) for _ in range(4)]
    assert all(future.cancel() for future in futures)
    assert wait(futures, timeout=4).not_done == set()
    assert cluster.submit(square, 3).result(timeout=120) == 9


def test_map_picks_nothing_when_told(cluster: Any) -> None:
    kind = "dask" if "Dask" in type(cluster).__name__ else "ray"
    if kind == "ray":
        pytest.skip("one Ray per process: the fixture has it")
    address = cluster._client.scheduler.address
    with ungil.map(square, iter(int, 1), kind, address=address) as results:
        assert [next(results) for _ in range(5)] == [0] * 5


@pytest.mark.parametrize("kind", sorted(PACKAGES))
def test_an_address_has_its_own_workers(kind: str) -> None:
    with pytest.raises(ValueError, match="either max_workers or address"):
        ungil.executor(kind, 2, address="tcp://127.0.0.1:1")


@pytest.mark.parametrize("kind", sorted(PACKAGES))
def test_without_the_package_the_remedy_is_told(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, PACKAGES[kind], None)
    with pytest.raises(ImportError, match=rf"pip install 'ungil\[{kind}\]'"):
        ungil.executor(kind, 2)


def test_a_forgotten_dask_cluster_ends_with_its_executor() -> None:
    if not installed("dask"):
        pytest.skip("distributed is not installed: pip install 'ungil[dask]'")
    pool = ungil.executor("dask", 2)
    running = [pool.submit(nap, 0.5) for _ in range(2)]
    waiting = [pool.submit(nap, 60) for _ in range(6)]
    pids = pool.worker_pids()  # type: ignore[attr-defined]
    assert len(pids) == 2
    time.sleep(0.2)
    for future in waiting:
        future.cancel()
    pool.shutdown()
    assert [future.result() for future in running] == [0.5, 0.5]
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(square, 1)
    deadline = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{pid}") for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [pid for pid in pids if os.path.exists(f"/proc/{pid}")] == []

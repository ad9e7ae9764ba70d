"""What users of concurrent.futures do besides submitting: asyncio, tqdm, map, contexts."""

import asyncio
import itertools
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import as_completed

import pytest
from tqdm import tqdm
from ungil import ProcessPoolExecutor, ThreadPoolExecutor

Make = Callable[..., ThreadPoolExecutor | ProcessPoolExecutor]
POOLS = [ThreadPoolExecutor, ProcessPoolExecutor]
every_pool = pytest.mark.parametrize("make", POOLS)


def fail(message: str) -> None:
    raise LookupError(message)


@every_pool
def test_run_in_executor(make: Make) -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        with make(2) as pool:
            calls = [loop.run_in_executor(pool, pow, 2, i) for i in range(50)]
            return list(await asyncio.gather(*calls))

    assert asyncio.run(main()) == [2**i for i in range(50)]


@every_pool
def test_wrap_future_carries_value_exception_and_cancel(make: Make) -> None:
    async def main() -> None:
        with make(1) as pool:
            assert await asyncio.wrap_future(pool.submit(pow, 2, 5)) == 32
            with pytest.raises(LookupError, match="so"):
                await asyncio.wrap_future(pool.submit(fail, "so"))
            busy = pool.submit(time.sleep, 0.5)
            waiting = pool.submit(pow, 2, 6)
            wrapped = asyncio.wrap_future(waiting)
            wrapped.cancel()
            with pytest.raises(asyncio.CancelledError):
                await wrapped
            await asyncio.sleep(0)  # asyncio tells the other future in its next round
            assert waiting.cancelled()
            await asyncio.wrap_future(busy)

    asyncio.run(main())


@every_pool
def test_tqdm_over_as_completed(make: Make) -> None:
    tqdm.set_lock(threading.RLock())  # its own is a semaphore in /dev/shm until the program ends
    with make(2) as pool, open(os.devnull, "w") as nowhere:
        futures = [pool.submit(abs, -i) for i in range(100)]
        bar = tqdm(as_completed(futures), total=len(futures), file=nowhere)
        assert sorted(future.result() for future in bar) == list(range(100))
        assert bar.n == 100


@every_pool
def test_buffersize_takes_from_an_endless_iterator(make: Make) -> None:
    taken = 0

    def numbers() -> Iterator[int]:
        nonlocal taken
        for number in itertools.count():
            taken += 1
            yield number

    with make(2) as pool:
        results = pool.map(abs, numbers(), buffersize=4)
        assert taken == 4
        assert list(itertools.islice(results, 10)) == list(range(10))
        assert taken == 14
        results.close()  # type: ignore[attr-defined]


def test_buffersize_counts_chunks() -> None:
    source = iter(range(100))
    with ProcessPoolExecutor(2) as pool:
        results = pool.map(abs, source, chunksize=5, buffersize=2)
        assert next(source) == 10
        assert list(results) == [*range(10), *range(11, 100)]


@every_pool
def test_buffersize_is_checked(make: Make) -> None:
    with make(1) as pool:
        for size, error in [(0, ValueError), (-1, ValueError), ("4", TypeError)]:
            with pytest.raises(error, match="buffersize must be"):
                pool.map(abs, [1], buffersize=size)  # type: ignore[arg-type]


@every_pool
def test_map_times_out_and_cancels_the_rest(make: Make) -> None:
    with make(1) as pool:
        results = pool.map(time.sleep, [0.4, 0.0, 0.0], timeout=0.05)
        with pytest.raises(TimeoutError):
            next(results)
        with pytest.raises(StopIteration):
            next(results)


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_max_tasks_per_child(method: str) -> None:
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=3) as pool:
        pids = [pool.submit(os.getpid).result() for _ in range(9)]
    runs = [len(list(group)) for _, group in itertools.groupby(pids)]
    assert runs == [3, 3, 3]


def test_max_tasks_per_child_loses_nothing_under_load() -> None:
    with ProcessPoolExecutor(3, max_tasks_per_child=2, on_crash="break") as pool:
        assert list(pool.map(abs, range(100))) == list(range(100))


def test_max_tasks_per_child_is_checked() -> None:
    fork = multiprocessing.get_context("fork")
    with pytest.raises(ValueError, match="incompatible with the fork start method"):
        ProcessPoolExecutor(1, mp_context=fork, max_tasks_per_child=1)
    with pytest.raises(ValueError, match=">= 1"):
        ProcessPoolExecutor(1, max_tasks_per_child=0)
    with pytest.raises(TypeError, match="integer"):
        ProcessPoolExecutor(1, max_tasks_per_child=1.5)  # type: ignore[arg-type]


def parent_of_worker() -> int:
    return os.getppid()


def test_mp_context_chooses_the_start_method() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        assert pool.submit(parent_of_worker).result() == os.getpid()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver")) as pool:
        assert pool.submit(parent_of_worker).result() != os.getpid()


def test_threads_are_named_as_the_standard_librarys() -> None:
    def name() -> str:
        return threading.current_thread().name

    with ThreadPoolExecutor(1) as pool:
        prefix, number, index = pool.submit(name).result().replace("-", "_").split("_")
    assert (prefix, number.isdigit(), index) == ("ThreadPoolExecutor", True, "0")


def test_code_that_reaches_into_the_processes() -> None:
    with ProcessPoolExecutor(2) as pool:
        future = pool.submit(time.sleep, 60)
        while not future.running():
            time.sleep(0.005)
        processes = list(pool._processes.values())
        assert [process.pid for process in processes] == pool.worker_pids()
        for process in processes:
            process.kill()
        with pytest.raises(RuntimeError, match="SIGKILL"):
            future.result(timeout=20)
        for process in processes:
            process.join(timeout=20)
            assert not process.is_alive()

"""Many tasks, many workers: memory stays flat."""

import gc
import itertools
import os
from collections import deque
from concurrent.futures import Future
from pathlib import Path

import psutil
import pytest
import ungil
from programs import PATIENCE, output

Pool = ungil.ProcessPoolExecutor | ungil.ThreadPoolExecutor
MIB = 1 << 20
# One more byte kept for each task would be 1 MB; a future kept, more than 100 MB.
GROWTH = 16 * MIB


def rss(pid: int) -> int:
    return int(psutil.Process(pid).memory_info().rss)


def run_in_windows(pool: Pool, count: int, window: int = 1000) -> int:
    """Submits tasks some ahead of their results; the sum of the results."""
    numbers = iter(range(count))
    waiting: deque[Future[int]] = deque()
    waiting.extend(pool.submit(abs, -n) for n in itertools.islice(numbers, window))
    total = 0
    while waiting:
        total += waiting.popleft().result(PATIENCE)
        waiting.extend(pool.submit(abs, -n) for n in itertools.islice(numbers, 1))
    return total


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", [ungil.ProcessPoolExecutor, ungil.ThreadPoolExecutor])
def test_a_million_tasks_through_one_pool_leave_memory_as_it_was(kind: type[Pool]) -> None:
    with kind(2) as pool:

        def pids() -> list[int]:
            workers = pool.worker_pids() if isinstance(pool, ungil.ProcessPoolExecutor) else []
            return [os.getpid(), *workers]

        run_in_windows(pool, 20_000)
        gc.collect()
        before = {pid: rss(pid) for pid in pids()}
        assert run_in_windows(pool, 500_000) == 500_000 * 499_999 // 2
        results = pool.map(abs, range(500_000), buffersize=1000)
        assert sum(results) == 500_000 * 499_999 // 2
        assert pids() == [*before]
        gc.collect()
        grown = {pid: rss(pid) - before[pid] for pid in before}
    assert max(grown.values()) < GROWTH, grown


@pytest.mark.timeout(200)
@pytest.mark.parametrize("method", ["forkserver", "fork"])
def test_256_workers_with_1024_descriptors(method: str, tmp_path: Path) -> None:
    source = f"""
        import os, resource, ungil
        from meeting import meet
        if __name__ == "__main__":
            resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
            with ungil.ProcessPoolExecutor(256, start_method={method!r}) as pool:
                os.mkdir("here")
                futures = [pool.submit(meet, 256) for _ in range(256)]
                print(len({{future.result(150) for future in futures}}), len(pool.worker_pids()))
    """
    (tmp_path / "meeting.py").write_text(MEETING)
    assert output(tmp_path, source, timeout=180) == "256 256\n"


# Each task stays until all are there, so that each has a worker of its own.
MEETING = """
import os, time
def meet(number):
    open(f"here/{os.getpid()}", "w").close()
    while len(os.listdir("here")) < number:
        time.sleep(0.2)
    return os.getpid()
"""

"""One function runs the example: tasks on a pool of processes or of threads, and a progress bar.

    python examples/01_interface/run_example.py

The interface is that of `concurrent.futures`, so one line of the lecture's code has changed: where
the pools come from. `ungil.run_example` is the same function ready made, and so is, for a shell,
`ungil run io --worker thread --workers 4`. The lecture's tasks have 1,000,000 iterations, and the
first of its runs took 43.0095 s; these are smaller.
"""

import time
from collections.abc import Callable
from concurrent.futures import as_completed
from functools import partial

from ungil import ProcessPoolExecutor, ThreadPoolExecutor  # the line that has changed

try:
    from tqdm import tqdm
except ImportError:  # then there is no bar

    def tqdm(futures, total):  # type: ignore[no-redef, no-untyped-def]
        return futures


def io(iterations: int = 1_000_000) -> None:
    for _ in range(iterations):
        time.sleep(1e-8)


def cpu(iterations: int = 1_000_000) -> None:
    total = 0
    for counter in range(iterations):
        if counter % 2023 == 0:
            total += counter


WORKLOADS: dict[str, Callable[[int], None]] = {"io": io, "cpu": cpu}
ITERATIONS = {"io": 500, "cpu": 50_000}
EXECUTORS = {"process": ProcessPoolExecutor, "thread": ThreadPoolExecutor}


def run_example(n_workers: int, n_tasks: int, workload: str, worker: str) -> None:
    routine = partial(WORKLOADS[workload], ITERATIONS[workload])
    begun = time.perf_counter()
    with EXECUTORS[worker](n_workers) as executor:
        futures = [executor.submit(routine) for _ in range(n_tasks)]
        for future in tqdm(as_completed(futures), total=n_tasks):
            future.result()
    units = {"process": "processes", "thread": "threads"}[worker]
    print(f"[# {units} = {n_workers}, # tasks = {n_tasks}, workload = {workload}]")
    print(f"Total time {time.perf_counter() - begun:.4f} s")


def main() -> None:
    run_example(4, 24, "io", "thread")
    run_example(4, 24, "io", "process")
    run_example(4, 24, "cpu", "thread")
    run_example(4, 24, "cpu", "process")


if __name__ == "__main__":
    main()

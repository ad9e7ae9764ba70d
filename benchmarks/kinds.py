"""What each kind of worker costs: start, memory, round trip, and what computing in parallel gains.

    python benchmarks/kinds.py [--workers 2] [--rounds 5] [KIND ...]

Prints a Markdown table: medians over the rounds, kinds taking turns within a round.
"""

import argparse
import os
import statistics
import time
from collections import defaultdict
from concurrent.futures import Executor
from pathlib import Path

import ungil

LOOP = 2_000_000


def nothing() -> None:
    pass


def compute(steps: int) -> int:
    total = 0
    for step in range(steps):
        if step % 2023 == 0:
            total += step
    return total


def together(pool: Executor, workers: int) -> float:
    start = time.perf_counter()
    for future in [pool.submit(compute, LOOP) for _ in range(workers)]:
        future.result()
    return time.perf_counter() - start


def uss() -> float:
    """Private memory of this process, in MB."""
    fields = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in fields if line.startswith("Private_")) / 1024


def pss(pid: int) -> float:
    """Proportional set size of a process, in MB."""
    fields = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in fields if line.startswith("Pss:")) / 1024


def measure(kind: str, workers: int) -> dict[str, float]:
    figures = {}
    before = uss()
    start = time.perf_counter()
    with ungil.executor(kind, workers) as pool:
        pool.submit(nothing).result()
        figures["first result, ms"] = (time.perf_counter() - start) * 1e3
        together(pool, workers)  # all workers are there now
        pids = [pid for pid in getattr(pool, "worker_pids", list)() if pid != os.getpid()]
        memory = sum(map(pss, pids)) if pids else uss() - before
        figures["memory per worker, MB"] = max(0.0, memory) / workers
        trips = []
        for _ in range(300):
            start = time.perf_counter()
            pool.submit(nothing).result()
            trips.append(time.perf_counter() - start)
        figures["round trip, us"] = statistics.median(trips) * 1e6
        start = time.perf_counter()
        compute(LOOP)
        alone = time.perf_counter() - start
        figures["speed-up"] = alone * workers / together(pool, workers)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", default=["serial", "thread", "interpreter", "process"])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(options.rounds):
        for kind in options.kinds:
            try:
                figures = measure(kind, options.workers)
            except (RuntimeError, ImportError) as error:
                found[kind][str(error)] = []
                continue
            for name, figure in figures.items():
                found[kind][name].append(figure)
    names = list(dict.fromkeys(name for kind in found.values() for name in kind if kind[name]))
    print(f"{options.workers} workers, medians of {options.rounds} rounds;", end=" ")
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| kind |", " | ".join(names), "|")
    print("|---|" + "---:|" * len(names))
    for kind, figures_of in found.items():
        cells = [
            f"{statistics.median(figures_of[name]):.3g}" if figures_of.get(name) else "-"
            for name in names
        ]
        print(f"| {kind} |", " | ".join(cells), "|")
        for reason in (name for name in figures_of if not figures_of[name]):
            print(f"\n{kind}: {reason}\n")


if __name__ == "__main__":
    main()

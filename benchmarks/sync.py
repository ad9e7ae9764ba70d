"""`ungil.sync` against `threading` and `multiprocessing`, side by side.

    python benchmarks/sync.py [--rounds 7] [--seconds 0.3] [--json]

Each round measures every contestant once, in turn, so that a disturbance of the machine hits all of
them; a ratio is taken within a round. Printed: the median of the rounds, and of the ratios the
median with the least and the greatest.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from ungil import sync

FORK = multiprocessing.get_context("fork")
MESSAGE = ("task", 12345, {"x": 1.5})


def uncontended(lock: Any, seconds: float) -> float:
    """Pairs of acquire and release per second, one thread."""
    acquire, release = lock.acquire, lock.release
    done, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        for _ in range(10_000):
            acquire()
            release()
        done += 10_000
    # The loop itself is part of both; without it the ratio would be more favourable.
    return done / elapsed


def hammer(lock: Any, seconds: float, start: Any, counts: Any, index: int) -> None:
    # Each on a processor of its own: two that take turns on one hardly ever meet at the lock.
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processors[index % len(processors)]})
    start.wait()
    acquire, release = lock.acquire, lock.release
    done, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        for _ in range(100):
            acquire()
            release()
        done += 100
    counts[index] = done


def contended(lock: Any, seconds: float, processes: int = 2) -> tuple[float, float]:
    """Pairs per second of all processes together, and the share of the one that got least."""
    start, counts = FORK.Event(), FORK.Array("q", processes, lock=False)
    children = [
        FORK.Process(target=hammer, args=(lock, seconds, start, counts, index))
        for index in range(processes)
    ]
    for child in children:
        child.start()
    start.set()
    for child in children:
        child.join()
    return sum(counts) / seconds, min(counts) / max(1, sum(counts))


def produce(queue: Any, message: object, count: int) -> None:
    for _ in range(count):
        queue.put(message)


def messages(queue: Any, message: object, count: int, producers: int = 1) -> float:
    """Messages per second from `producers` processes to this one."""
    children = [
        FORK.Process(target=produce, args=(queue, message, count // producers))
        for _ in range(producers)
    ]
    start = time.perf_counter()
    for child in children:
        child.start()
    for _ in range(count // producers * producers):
        queue.get()
    elapsed = time.perf_counter() - start
    for child in children:
        child.join()
    return count / elapsed


def contests(seconds: float) -> dict[str, tuple[Callable[[], float], Callable[[], float], float]]:
    """Name: (ours, theirs, ratio to reach)."""
    return {
        "Lock, uncontended / threading.Lock": (
            lambda: uncontended(sync.Lock(), seconds),
            lambda: uncontended(threading.Lock(), seconds),
            1 / 1.5,
        ),
        "RLock, uncontended / threading.RLock": (
            lambda: uncontended(sync.RLock(), seconds),
            lambda: uncontended(threading.RLock(), seconds),
            1 / 1.5,
        ),
        "Lock, 2 processes / multiprocessing.Lock": (
            lambda: contended(sync.Lock(), seconds)[0],
            lambda: contended(FORK.Lock(), seconds)[0],
            5.0,
        ),
        "Lock, 4 processes / multiprocessing.Lock": (
            lambda: contended(sync.Lock(), seconds, 4)[0],
            lambda: contended(FORK.Lock(), seconds, 4)[0],
            5.0,
        ),
        "Queue, a tuple, 1 producer / multiprocessing.Queue": (
            lambda: messages(sync.Queue(), MESSAGE, int(200_000 * seconds)),
            lambda: messages(FORK.Queue(), MESSAGE, int(200_000 * seconds)),
            10.0,
        ),
        "Queue, pickled, 1 producer / multiprocessing.Queue": (
            lambda: messages(sync.Queue(), {1, 2}, int(200_000 * seconds)),
            lambda: messages(FORK.Queue(), {1, 2}, int(200_000 * seconds)),
            10.0,
        ),
        "Queue, int, 1 producer / multiprocessing.Queue": (
            lambda: messages(sync.Queue(), 7, int(200_000 * seconds)),
            lambda: messages(FORK.Queue(), 7, int(200_000 * seconds)),
            10.0,
        ),
        "Queue, int, 4 producers / multiprocessing.Queue": (
            lambda: messages(sync.Queue(), 7, int(200_000 * seconds), 4),
            lambda: messages(FORK.Queue(), 7, int(200_000 * seconds), 4),
            10.0,
        ),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3, help="per measurement")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    entries = contests(options.seconds)
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in entries}
    for number in range(options.rounds):
        for name, (ours, theirs, _) in entries.items():
            print(f"round {number + 1}/{options.rounds}: {name}", end="\033[K\r", file=sys.stderr)
            samples[name].append((ours(), theirs()))
    print("\033[K", end="", file=sys.stderr)
    share = min(contended(sync.Lock(), options.seconds)[1] for _ in range(3))
    results = {}
    for name, pairs in samples.items():
        ratios = sorted(ours / theirs for ours, theirs in pairs)
        results[name] = {
            "ours_per_s": statistics.median(ours for ours, _ in pairs),
            "theirs_per_s": statistics.median(theirs for _, theirs in pairs),
            "ratio": statistics.median(ratios),
            "least": ratios[0],
            "greatest": ratios[-1],
            "reach": entries[name][2],
        }
    if options.json:
        print(json.dumps({"cpus": os.cpu_count(), "python": sys.version, "results": results}))
        return 0
    for name, figures in results.items():
        print(
            f"{name:52} {figures['ours_per_s'] / 1e3:9.0f}k/s"
            f" {figures['theirs_per_s'] / 1e3:9.0f}k/s"
            f"   {figures['ratio']:6.2f}x [{figures['least']:.2f}, {figures['greatest']:.2f}]"
            f"   (to reach: {figures['reach']:.2g}x)"
        )
    print(f"least share of the lock, 2 processes that do nothing else: {share:.1%} (fair: 50 %)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

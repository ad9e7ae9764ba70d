"""Synchronise them: one lock and one number, between threads and between processes.

    python examples/01_interface/synchronise.py

The lecture puts off synchronisation between threads, and leaves it out between processes. A lock
and a value of `ungil.sync` work the same way between both: four workers add to one sum, and none of
the additions is lost.
"""

from collections.abc import Iterator

import ungil
from ungil import sync


def add(lock: sync.Lock, total: sync.Value, times: int) -> None:
    for _ in range(times):
        with lock:
            total.value += 1  # reads, adds, writes: three steps, so it needs the lock


def sums(kind: str, n_workers: int, times: int) -> Iterator[str]:
    lock, total = sync.Lock(), sync.Value("q")
    with ungil.executor(kind, n_workers) as executor:
        for future in [executor.submit(add, lock, total, times) for _ in range(n_workers)]:
            future.result()
    yield f"{n_workers} workers of kind {kind} added {times:,} each: {total.value:,}"


def main() -> None:
    for kind in "thread", "process":
        print(*sums(kind, 4, 10_000))


if __name__ == "__main__":
    main()

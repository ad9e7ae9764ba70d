"""Why there is a GIL: the race on reference counts, and the lock that ends it.

    python examples/03_why/reference_counts.py

Every object counts who refers to it, and is freed at zero. Counting is reading, adding and writing:
two threads that do so at once lose a reference, and the object is freed while somebody uses it.
`ungil.race` finds the schedule, and proves that one lock around all counting (the GIL) has none.
"""

import sys
import threading
from contextlib import AbstractContextManager, nullcontext

import ungil.race


class Object:
    """What CPython keeps of each object, as far as it matters here."""

    def __init__(self) -> None:
        self.count = 1

    def take(self) -> None:
        self.count += 1


def two_threads_take(lock: AbstractContextManager[object]) -> None:
    shared = Object()

    def take() -> None:
        with lock:
            shared.take()

    threads = [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shared.count == 3, f"{shared.count} references are counted, 3 there are"


def main() -> None:
    shared = object()
    alone = sys.getrefcount(shared)
    others = [shared, shared]
    print(f"in Python: {sys.getrefcount(shared) - alone} more references, {len(others)} more users")
    try:
        unlocked = ungil.race.explore(lambda: two_threads_take(nullcontext()))
    except RuntimeError as reason:  # not on every Python so far
        print(f"the rest is left out: {reason}")
        return
    print("without a lock:", unlocked)
    print()
    print("with one lock:", ungil.race.explore(lambda: two_threads_take(threading.Lock())))


if __name__ == "__main__":
    main()

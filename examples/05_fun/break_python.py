"""Break Python, GIL or not: two threads add one a million times each, and the sum is short.

    python examples/05_fun/break_python.py [ADDITIONS]

`x += 1` reads, adds and writes; a thread that is put aside between reading and writing writes an
old sum over everything that the others added meanwhile. Up to Python 3.9 the GIL could change hands
there, and without a GIL it still happens. From 3.10 on a thread lets go of the GIL only when it
calls, enters a function or jumps back: then plain `x += 1` is safe by luck, and `x += int("1")`,
with a call between the reading and the writing, is not. `ungil.sync.Value.add` is one step, and a
lock makes one of the three.
"""

import sys
import threading
from collections.abc import Callable

from ungil import sync

# Whether a thread is put aside in the wrong place is the scheduler's to decide: so three times, but
# for the locks, which it cannot break.
ATTEMPTS = 3

x = 0
lock = sync.Lock()
total = sync.Value("q")


def plain(additions: int) -> None:
    global x
    for _ in range(additions):
        x += 1


def with_a_call(additions: int) -> None:
    global x
    for _ in range(additions):
        x += int("1")


def with_a_lock(additions: int) -> None:
    global x
    for _ in range(additions):
        with lock:
            x += int("1")


def add(additions: int) -> None:
    for _ in range(additions):
        total.add(int("1"))


def missing(work: Callable[[int], None], additions: int, result: Callable[[], int]) -> int:
    """How much of the sum two threads lose."""
    together = threading.Barrier(2)

    def run() -> None:
        together.wait()
        work(additions)

    before = result()
    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 2 * additions - (result() - before)


def show(
    what: str, work: Callable[[int], None], additions: int, result: Callable[[], int], attempts: int
) -> None:
    for attempt in range(1, attempts + 1):
        if lost := missing(work, additions, result):
            print(f"    {what}: {lost:,} of {2 * additions:,} lost (attempt {attempt})")
            return
    print(f"    {what}: nothing lost in {attempts} attempt{'s' if attempts > 1 else ''}")


def main(additions: int = 1_000_000) -> None:
    print(f"threads of Python {sys.version.split()[0]}:")
    show("x += 1", plain, additions, lambda: x, ATTEMPTS)
    show('x += int("1")', with_a_call, additions, lambda: x, ATTEMPTS)
    print("ungil.sync.Lock and Value:")
    show('with lock: x += int("1")', with_a_lock, additions, lambda: x, 1)
    show('total.add(int("1"))', add, additions, lambda: total.value, 1)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))

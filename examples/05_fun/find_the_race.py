"""Find the race: `x += 1` by two threads loses updates, and here is the schedule that does it.

    python examples/05_fun/find_the_race.py

`break_python.py` tries a million times and hopes; this runs two additions under every schedule,
shows the one that loses one of them, and proves that with a lock none does.
"""

import threading
from collections.abc import Callable

import ungil.race

x = 0


def plain() -> None:
    global x
    x += 1


def both(add: Callable[[], None]) -> None:
    global x
    x = 0
    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert x == 2, f"{2 - x} of 2 additions lost"


def with_a_lock() -> Callable[[], None]:
    lock = threading.Lock()

    def add() -> None:
        global x
        with lock:
            x += 1

    return add


def main() -> None:
    try:
        unlocked = ungil.race.explore(lambda: both(plain))
    except RuntimeError as reason:  # not on every Python so far
        print(reason)
        return
    print("x += 1:", unlocked)
    print("\nwith a lock:", ungil.race.explore(lambda: both(with_a_lock())))


if __name__ == "__main__":
    main()

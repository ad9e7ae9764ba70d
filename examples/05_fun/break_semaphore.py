"""Break a semaphore: released twice without having been acquired, it lets three threads in at once.

    python examples/05_fun/break_semaphore.py

`threading.Semaphore(1)` counts whatever it is told; `ungil.sync.Semaphore(1)` has one permit and
never more.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from ungil import sync


def visit(make_semaphore: Callable[[int], Any]) -> None:
    semaphore = make_semaphore(1)
    for _ in range(2):
        try:
            semaphore.release()  # nobody acquired it
        except ValueError as error:
            print(f"    refused: {type(error).__name__}: {error}")
            break
    else:
        print("    nothing complained")

    guard, inside, most = threading.Lock(), 0, 0

    def enter() -> None:
        nonlocal inside, most
        with semaphore:
            with guard:
                inside += 1
                most = max(most, inside)
            time.sleep(0.1)
            with guard:
                inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"    at once in the room for one: {most}")


def main() -> None:
    print("threading.Semaphore(1):")
    visit(threading.Semaphore)
    print("ungil.sync.Semaphore(1):")
    visit(sync.Semaphore)


if __name__ == "__main__":
    main()

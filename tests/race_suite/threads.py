"""What the programs of the suite share."""

import threading
from collections.abc import Callable


def together(*workers: Callable[[], object]) -> None:
    """Runs each in a thread of its own, to the end of all."""
    threads = [threading.Thread(target=worker) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Box:
    """A place for shared values."""

    value: int
    other: int

    def __init__(self, value: int = 0, other: int = 0) -> None:
        self.value = value
        self.other = other

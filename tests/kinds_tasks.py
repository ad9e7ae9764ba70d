"""Functions that run in workers: importable everywhere, and importing next to nothing."""

import os
import threading
import time
from pathlib import Path

_state: list[str] = []


def square(number: int) -> int:
    return number * number


def add(left: int, right: int, *, more: int = 0) -> int:
    return left + right + more


def divide(number: int) -> float:
    return 1 / number


def compute(steps: int) -> float:
    """CPU seconds of this thread that a loop of pure Python took."""
    start = time.thread_time()
    total = 0
    for step in range(steps):
        if step % 2023 == 0:
            total += step
    return time.thread_time() - start


def spin(_: object = None) -> None:
    """Computes until interrupted."""
    while True:
        pass


def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def slow_pid(number: int) -> tuple[int, int]:
    time.sleep(0.05)
    return number, os.getpid()


def pid() -> int:
    return os.getpid()


def rendezvous(folder: str, mine: str, others: str) -> bool:
    """Whether the other one runs at the same time; both leave a file and look for the other's."""
    open(os.path.join(folder, mine), "x").close()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if os.path.exists(os.path.join(folder, others)):
            return True
        time.sleep(0.01)
    return False


def remember(word: str) -> None:
    _state.append(word)


def recall() -> tuple[list[str], int]:
    return _state, threading.get_ident()


def fail_to_start() -> None:
    raise OSError("no licence for this machine")


def import_numpy() -> str:
    import numpy  # noqa: PLC0415 (what the test is about)

    return str(numpy.__version__)


def size_of(data: bytes) -> int:
    return len(data)


def echo(value: object) -> object:
    return value


def make_lock() -> object:
    return threading.Lock()


def leave() -> None:
    raise SystemExit(3)


class Odd(Exception):
    """Pickles, but cannot be rebuilt."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def raise_odd() -> None:
    raise Odd(1, 2)


def raise_key_error() -> None:
    raise KeyError("from the task")


def kill_own_process() -> None:
    os.kill(os.getpid(), 9)


def pass_gate(gate: Path) -> None:
    deadline = time.monotonic() + 30
    while not gate.exists() and time.monotonic() < deadline:
        time.sleep(0.002)


def note(log: Path, name: str) -> str:
    with log.open("a") as file:
        file.write(name + "\n")
    return name

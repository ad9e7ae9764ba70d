"""Tasks that give, wait, raise, die and fork: a module that a new worker imports in no time."""

import os
import time
from collections.abc import Callable
from pathlib import Path


def same(value: object) -> object:
    return value


def divide(a: float, b: float) -> float:
    return a / b


def make(kind: Callable[[], object]) -> object:
    return kind()


def raise_it(kind: Callable[..., BaseException], *args: object) -> None:
    raise kind(*args)


def echo(number: int) -> int:
    """Takes 50 µs, so that there is somebody to be killed."""
    end = time.perf_counter() + 50e-6
    while time.perf_counter() < end:
        pass
    return number


def pass_gate(gate: Path) -> bool:
    deadline = time.monotonic() + 100
    pause = 0.001
    while not gate.exists():
        assert time.monotonic() < deadline, "the gate stays closed"
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)  # hundreds may be waiting
    return True


def hold(marks: Path, gate: Path) -> int:
    """Leaves a mark with its pid, and waits for the gate."""
    (marks / str(os.getpid())).touch()
    pass_gate(gate)
    return os.getpid()


def kill_self(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(20)


def close_descriptors() -> str:
    os.closerange(3, 4096)
    return "closed"


def fork_and_return() -> int:
    return os.fork()


def fork_and_wait() -> int:
    if (child := os.fork()) == 0:
        os._exit(5)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

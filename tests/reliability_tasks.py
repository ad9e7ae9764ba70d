"""Tasks whose workers are killed: a module that a new worker imports in no time."""

import time


def echo(number: int) -> int:
    """Takes 50 µs, so that there is somebody to be killed."""
    end = time.perf_counter() + 50e-6
    while time.perf_counter() < end:
        pass
    return number

"""Kernels with parallel loops: one whose iterations take equally long, and one whose do not."""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import ungil
from ungil import prange


def integrate_square(l: float, r: float, n_steps: int, n_threads: int) -> float:  # noqa: E741
    h = (r - l) / n_steps
    result = 0.0
    for i in prange(n_steps, threads=n_threads):
        x = l + i * h
        result += x * x * h
    return result


def mandelbrot(counts: Any, size: int, limit: int, n_threads: int) -> None:
    for row in prange(size, threads=n_threads):
        for column in range(size):
            cx = 3.0 * column / size - 2.0
            cy = 2.0 * row / size - 1.0
            x = 0.0
            y = 0.0
            n = 0
            while n < limit and x * x + y * y <= 4.0:
                t = x * x - y * y + cx
                y = 2.0 * x * y + cy
                x = t
                n += 1
            counts[row, column] = n


KERNELS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (integrate_square, (0.0, 5.0, 40_000_000)),
    (mandelbrot, (np.zeros((400, 400), np.int64), 400, 300)),
]


def two_threads(rounds: int = 5) -> dict[str, float]:
    """How many times as fast each kernel is on two threads, and what a loop's start costs there."""
    result = {}
    for function, arguments in KERNELS:
        native = ungil.native(function)
        best = {1: math.inf, 2: math.inf}
        for _ in range(rounds):
            for threads in best:
                begun = time.perf_counter()
                native(*arguments, threads)
                best[threads] = min(best[threads], time.perf_counter() - begun)
        result[function.__name__] = best[1] / best[2]
    return result


def start_of_a_loop() -> float:
    """Microseconds of a loop of two iterations on two threads."""
    native = ungil.native(integrate_square)
    best = math.inf
    for _ in range(2000):
        begun = time.perf_counter()
        native(0.0, 1.0, 2, 2)
        best = min(best, time.perf_counter() - begun)
    return best * 1e6

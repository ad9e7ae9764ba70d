"""Kernels with parallel loops: one whose iterations take equally long, and one whose do not."""

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
        one, two = [], []
        for _ in range(rounds):
            one.append(seconds(native, *arguments, 1))
            two.append(seconds(native, *arguments, 2))
        result[function.__name__] = min(one) / min(two)
    return result


def seconds(function: Callable[..., Any], *arguments: Any) -> float:
    begun = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - begun


def start_of_a_loop() -> float:
    """Microseconds of a loop of two iterations on two threads."""
    native = ungil.native(integrate_square)
    return min(seconds(native, 0.0, 1.0, 2, 2) for _ in range(2000)) * 1e6

"""The kernels, as plain Python: each contender compiles this text.

A kernel is a function and what makes its arguments; the C versions, with the same names, are in
`kernels.c`.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Kernel(NamedTuple):
    function: Callable[..., Any]
    arguments: Callable[[], tuple[Any, ...]]


def integrate_square(l: float, r: float, n_steps: int) -> float:  # noqa: E741
    h = (r - l) / n_steps
    result = 0.0
    for i in range(n_steps):
        x = l + i * h
        result += x * x * h
    return result


def mandelbrot(counts: Any, size: int, limit: int) -> None:
    for row in range(size):
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


def dot(a: Any, b: Any) -> float:
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


def saxpy(k: float, x: Any, y: Any) -> None:
    for i in range(len(x)):
        y[i] = k * x[i] + y[i]


def prefix_sum(a: Any, out: Any) -> None:
    total = 0.0
    for i in range(len(a)):
        total += a[i]
        out[i] = total


def sieve(flags: Any) -> int:
    n = len(flags)
    for i in range(n):
        flags[i] = 1
    flags[0] = 0
    flags[1] = 0
    i = 2
    while i * i < n:
        if flags[i] != 0:
            for j in range(i * i, n, i):
                flags[j] = 0
        i += 1
    count = 0
    for i in range(n):
        if flags[i] != 0:
            count += 1
    return count


def collatz(limit: int) -> int:
    longest = 0
    for start in range(1, limit):
        n = start
        steps = 0
        while n != 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            steps += 1
        longest = max(longest, steps)
    return longest


def matmul(a: Any, b: Any, c: Any) -> None:
    n = a.shape[0]
    m = a.shape[1]
    p = b.shape[1]
    for i in range(n):
        for j in range(p):
            c[i, j] = 0.0
        for k in range(m):
            t = a[i, k]
            for j in range(p):
                c[i, j] += t * b[k, j]


def levenshtein(s: Any, t: Any, row: Any) -> int:
    for j in range(len(t) + 1):
        row[j] = j
    for i in range(len(s)):
        diagonal = row[0]
        row[0] = i + 1
        for j in range(len(t)):
            cost = diagonal
            if s[i] != t[j]:
                cost = diagonal + 1
            diagonal = row[j + 1]
            best = diagonal + 1
            left = row[j] + 1
            best = min(best, left)
            best = min(best, cost)
            row[j + 1] = best
    return int(row[len(t)])


def monte_carlo_pi(n: int) -> float:
    state = 12345
    inside = 0
    for _ in range(n):
        state = (1103515245 * state + 12345) % 2147483648
        x = state / 2147483648.0
        state = (1103515245 * state + 12345) % 2147483648
        y = state / 2147483648.0
        if x * x + y * y <= 1.0:
            inside += 1
    return 4.0 * inside / n


def black_scholes(price: Any, strike: Any, years: Any, out: Any) -> None:
    rate = 0.02
    volatility = 0.3
    for i in range(len(price)):
        root = volatility * math.sqrt(years[i])
        d1 = (
            math.log(price[i] / strike[i]) + (rate + 0.5 * volatility * volatility) * years[i]
        ) / root
        d2 = d1 - root
        n1 = 0.5 * math.erfc(-d1 * 0.7071067811865476)
        n2 = 0.5 * math.erfc(-d2 * 0.7071067811865476)
        out[i] = price[i] * n1 - strike[i] * math.exp(-rate * years[i]) * n2


def histogram(values: Any, counts: Any) -> None:
    for i in range(len(values)):
        counts[values[i]] += 1


def convolution(signal: Any, weights: Any, out: Any) -> None:
    for i in range(len(signal) - len(weights) + 1):
        total = 0.0
        for j in range(len(weights)):
            total += signal[i + j] * weights[j]
        out[i] = total


def game_of_life(world: Any, after: Any) -> None:
    rows = world.shape[0]
    columns = world.shape[1]
    for i in range(1, rows - 1):
        for j in range(1, columns - 1):
            n = (
                world[i - 1, j - 1]
                + world[i - 1, j]
                + world[i - 1, j + 1]
                + world[i, j - 1]
                + world[i, j + 1]
                + world[i + 1, j - 1]
                + world[i + 1, j]
                + world[i + 1, j + 1]
            )
            if n == 3 or (n == 2 and world[i, j] == 1):
                after[i, j] = 1
            else:
                after[i, j] = 0


def spectral_norm(u: Any, v: Any) -> None:
    n = len(u)
    for i in range(n):
        total = 0.0
        for j in range(n):
            total += u[j] / ((i + j) * (i + j + 1) // 2 + i + 1)
        v[i] = total


def nbody(position: Any, velocity: Any, mass: Any, steps: int) -> None:
    n = len(mass)
    for _ in range(steps):
        for i in range(n):
            for j in range(i + 1, n):
                dx = position[i, 0] - position[j, 0]
                dy = position[i, 1] - position[j, 1]
                dz = position[i, 2] - position[j, 2]
                square = dx * dx + dy * dy + dz * dz
                magnitude = 0.001 / (square * math.sqrt(square))
                mi = mass[i] * magnitude
                mj = mass[j] * magnitude
                velocity[i, 0] -= dx * mj
                velocity[i, 1] -= dy * mj
                velocity[i, 2] -= dz * mj
                velocity[j, 0] += dx * mi
                velocity[j, 1] += dy * mi
                velocity[j, 2] += dz * mi
        for i in range(n):
            position[i, 0] += 0.001 * velocity[i, 0]
            position[i, 1] += 0.001 * velocity[i, 1]
            position[i, 2] += 0.001 * velocity[i, 2]


def numbers(*shape: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.random.default_rng(7).random(shape) + 0.5


def integers(high: int, *shape: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.random.default_rng(7).integers(0, high, shape)


N = 1 << 16
KERNELS = [
    Kernel(integrate_square, lambda: (0.0, 5.0, 2_000_000)),
    Kernel(mandelbrot, lambda: (np.zeros((128, 128), np.int64), 128, 200)),
    Kernel(nbody, lambda: (numbers(5, 3), numbers(5, 3), numbers(5), 20_000)),
    Kernel(spectral_norm, lambda: (numbers(1000), np.zeros(1000))),
    Kernel(dot, lambda: (numbers(N), numbers(N))),
    Kernel(saxpy, lambda: (2.0, numbers(N), numbers(N))),
    Kernel(prefix_sum, lambda: (numbers(N), np.zeros(N))),
    Kernel(sieve, lambda: (np.zeros(1_000_000, np.uint8),)),
    Kernel(collatz, lambda: (100_000,)),
    Kernel(matmul, lambda: (numbers(256, 256), numbers(256, 256), np.zeros((256, 256)))),
    Kernel(levenshtein, lambda: (integers(4, 1000), integers(4, 1000), np.zeros(1001, np.int64))),
    Kernel(monte_carlo_pi, lambda: (1_000_000,)),
    Kernel(black_scholes, lambda: (*(numbers(20_000) for _ in range(3)), np.zeros(20_000))),
    Kernel(histogram, lambda: (integers(256, 1_000_000), np.zeros(256, np.int64))),
    Kernel(
        game_of_life,
        lambda: (integers(2, 512, 512).astype(np.uint8), np.zeros((512, 512), np.uint8)),
    ),
    Kernel(convolution, lambda: (numbers(100_000), numbers(31), np.zeros(100_000))),
]

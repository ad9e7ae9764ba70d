"""The lecture's two workloads: ordinary Python, because ordinary Python is what is measured."""

from __future__ import annotations

import time

__all__ = ["cpu", "io"]


def io(iterations: int = 1_000_000) -> None:
    """Wait: `iterations` calls of `time.sleep(1e-8)`, each of which lets go of the GIL."""
    for _ in range(iterations):
        time.sleep(1e-8)


def cpu(iterations: int = 1_000_000) -> int:
    """Compute: sum up the multiples of 2023 below `iterations`, holding the GIL throughout."""
    total = 0
    for counter in range(iterations):
        if counter % 2023 == 0:
            total += counter
    return total

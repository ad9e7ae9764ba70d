"""Where memory lies: what the tests of the transport and of `ungil.share` prove views with."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

POOL = "memfd:ungil-pool"
SHARE = "memfd:ungil-share"


def address(buffer: Any) -> int:
    """Where the first byte of a buffer lies in this process."""
    start: int = np.asarray(buffer).__array_interface__["data"][0]
    return start


def mappings(name: str, pid: int | str = "self") -> Iterator[tuple[int, int, str]]:
    """Start, end and protection of the mappings of files with this in their name."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        span, protection, *_ = line.split()
        if name in line:
            start, end = (int(number, 16) for number in span.split("-"))
            yield start, end, protection


def lies_in(buffer: Any, name: str) -> bool:
    """Whether a buffer is a view of a mapping of such a file."""
    start = address(buffer)
    return any(low <= start < high for low, high, _ in mappings(name))


def protection_of(buffer: Any, name: str) -> str:
    """How the memory under a buffer is protected, as /proc/PID/maps has it."""
    start = address(buffer)
    (found,) = (how for low, high, how in mappings(name) if low <= start < high)
    return found


def is_mapped(name: str, pid: int | str = "self") -> bool:
    gc.collect()
    return any(True for _ in mappings(name, pid))

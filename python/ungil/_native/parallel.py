"""`ungil.prange`: the range of a parallel loop."""

from __future__ import annotations

from typing import SupportsIndex

__all__ = ["prange"]


def prange(
    start: SupportsIndex,
    stop: SupportsIndex | None = None,
    step: SupportsIndex = 1,
    /,
    *,
    ordered: bool = False,
    threads: SupportsIndex | None = None,
) -> range:
    """As the head of a `for` loop in a native function: its iterations run on several threads.

    Variables that the loop only adds to (`+=`, `*=`, `min`, `max`, `and`, `or`, ...) are reduced.
    `ordered`: their result does not depend on the number of threads, nor on chance. `threads`: how
    many, at least 1; as many as there are cores to use, or as `UNGIL_NATIVE_THREADS` says, if not
    given. Data races between iterations that can be seen are refused.

    Anywhere else it is `range(start, stop, step)`.

    Raises `ValueError` for a `step` of zero and for less than one thread, `TypeError` for what is
    no int.
    """
    del ordered
    if threads is not None and threads.__index__() < 1:
        raise ValueError(f"prange() needs at least 1 thread, not {threads.__index__()}")
    if stop is None:
        return range(start)
    return range(start, stop, step)

"""Which cores the workers of a pool may run on."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

Affinity = str | Sequence[int | Collection[int]]


def check_affinity(affinity: Affinity | None) -> tuple[frozenset[int], ...] | None:
    """The cores of each worker, to be handed out in turn; None: whatever the process may use.

    Raises `ValueError` for what is no choice of cores that this process may use.
    """
    if affinity is None:
        return None
    usable = os.sched_getaffinity(0)
    if isinstance(affinity, str):
        if affinity != "spread":
            raise ValueError(
                f'affinity must be "spread" or a sequence of cores, one item per worker, not '
                f"{affinity!r}"
            )
        return tuple(frozenset({core}) for core in sorted(usable))
    if not isinstance(affinity, Sequence):
        raise ValueError(
            'affinity must be "spread" or a sequence with a core or a set of cores per worker, not '
            f"{affinity!r}"
        )
    chosen = tuple(_cores(item) for item in affinity)
    if not chosen:
        raise ValueError(
            "affinity must name a core at least: an empty sequence leaves none to run on"
        )
    unusable = sorted(frozenset().union(*chosen) - usable)
    if unusable:
        raise ValueError(
            f"affinity names {'core' if len(unusable) == 1 else 'cores'} "
            f"{', '.join(map(str, unusable))}, which this process may not use; it may use "
            f"{', '.join(map(str, sorted(usable)))} (os.sched_getaffinity(0))"
        )
    return chosen


def _cores(item: object) -> frozenset[int]:
    """The cores in an item of the sequence."""
    cores = item if isinstance(item, Collection) and not isinstance(item, str) else (item,)
    if not cores or not all(isinstance(core, int) for core in cores):
        raise ValueError(
            f"affinity must have a core (an integer) or a set of cores per worker, not {item!r}"
        )
    return frozenset(core for core in cores if isinstance(core, int))


def pin(cores: Sequence[Collection[int]], index: int) -> None:
    """Has the calling thread, of worker number `index`, run on its cores only."""
    os.sched_setaffinity(0, cores[index % len(cores)])

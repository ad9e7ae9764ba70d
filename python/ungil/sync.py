"""Locks with owners: between threads and between processes, with `threading`'s names."""

import queue as _queue
from typing import Any

from ungil import _ungil

_native = _ungil.sync

Array = _native.Array
Barrier = _native.Barrier
BoundedSemaphore = _native.BoundedSemaphore
Condition = _native.Condition
Deadlock = _native.Deadlock
Event = _native.Event
Lock = _native.Lock
NotOwner = _native.NotOwner
OverRelease = _native.OverRelease
OwnerDied = _native.OwnerDied
Queue = _native.Queue
RLock = _native.RLock
Semaphore = _native.Semaphore
Value = _native.Value
arena_fd = _native.arena_fd
attach_arena_fd = _native.attach_arena_fd

try:
    from queue import ShutDown  # Python 3.13 and later
except ImportError:

    class ShutDown(Exception):  # type: ignore[no-redef]
        """The queue was shut down."""


Empty = _queue.Empty
Full = _queue.Full


def _rebuild(name: str, *parts: Any) -> Any:
    """The object of class `name` that another process sent (see `__reduce__` of each class)."""
    return getattr(_native, name)._from_address(*parts)


__all__ = [
    "Array",
    "Barrier",
    "BoundedSemaphore",
    "Condition",
    "Deadlock",
    "Empty",
    "Event",
    "Full",
    "Lock",
    "NotOwner",
    "OverRelease",
    "OwnerDied",
    "Queue",
    "RLock",
    "Semaphore",
    "ShutDown",
    "Value",
    "arena_fd",
    "attach_arena_fd",
]

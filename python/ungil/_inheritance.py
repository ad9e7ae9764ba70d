"""What worker processes inherit though no fork gives it to them: multiprocessing's primitives.

`multiprocessing` pickles its locks, queues, pipes and shared values only while it starts a
process, because their file descriptors must travel to that process beside the pickle. A pool
does the same: descriptors of the initializer's arguments go to every worker with the note that
starts it (`Inherited`), those of a task's arguments are fetched by the worker that reads them.
"""

from __future__ import annotations

import io
import os
import pickle
import sys
from collections.abc import Callable
from importlib import import_module
from multiprocessing import context, reduction
from typing import Any

from ungil._pickling import BufferCallback
from ungil._ungil import Gather, _reduce

# What the kernel takes in one message (SCM_MAX_FD, 253), less the pool's own segment.
MAX_DESCRIPTORS = 252


class ForkOnly(RuntimeError):
    """A primitive of multiprocessing's fork context, which only forked workers can have."""


class Inherited:
    """A descriptor in a pickle: its place in the list that came with the worker's start."""

    def __init__(self, index: int) -> None:
        self._index = index

    def detach(self) -> int:
        """The descriptor; from now on the caller's to close."""
        return _received.pop(self._index)


# The descriptors that this worker was started with, by their place.
_received: dict[int, int] = {}


class Descriptors:
    """Collects the descriptors of what is pickled; multiprocessing takes it for a process
    that is being started."""

    def __init__(self) -> None:
        self.duplicates: list[int] = []

    def duplicate_for_child(self, descriptor: int) -> int:
        self.duplicates.append(os.dup(descriptor))
        if len(self.duplicates) > MAX_DESCRIPTORS:
            raise ValueError(
                f"the initializer's arguments have more than {MAX_DESCRIPTORS} file descriptors "
                'between them: use start_method="fork", or fewer pipes and queues'
            )
        return len(self.duplicates) - 1

    DupFd = Inherited

    def close(self) -> None:
        while self.duplicates:
            os.close(self.duplicates.pop())


class _Fetched:
    """Like `Descriptors`, for a task's arguments: the worker fetches each from this process."""

    def duplicate_for_child(self, descriptor: int) -> int:
        return descriptor

    def DupFd(self, descriptor: int) -> object:
        from multiprocessing import resource_sharer  # noqa: PLC0415 (starts a thread when used)

        return resource_sharer.DupFd(descriptor)


# Typed by typeshed for starting processes only.
_ForkingPickler: Any = reduction.ForkingPickler
_set_process: Any = context.set_spawning_popen


class _Pickler(_ForkingPickler):  # type: ignore[misc]
    def reducer_override(self, obj: Any) -> Any:
        _refuse_fork_only(obj)
        return _reduce(obj)


def _refuse_fork_only(obj: object) -> None:
    """Named semaphores can be opened anywhere; the fork context removes the name at once."""
    synchronize = sys.modules.get("multiprocessing.synchronize")
    if synchronize is None or not isinstance(obj, synchronize.SemLock):
        return
    name: str | None = obj._semlock.name
    if name is None or not os.path.exists(f"/dev/shm/sem.{name.removeprefix('/')}"):
        kind = type(obj).__name__
        raise ForkOnly(
            f"a multiprocessing {kind} (on its own or inside a Queue, Value or the like) was made "
            "by the fork context, multiprocessing's default before Python 3.14, and only forked "
            "workers can have it: make it with "
            f'multiprocessing.get_context("forkserver").{kind}(), '
            'or give the executor start_method="fork"'
        )


def dump_argument(value: object, file: Gather, buffer_callback: BufferCallback) -> object:
    """Pickles a task's arguments, with whatever multiprocessing can send; gives the pickler."""
    return _dump(value, file, _Fetched(), buffer_callback)


def dump_initializer(both: object, descriptors: Descriptors) -> bytes:
    """The pickle of an initializer and its arguments, for every worker of a pool."""
    file = _File()
    _dump(both, file, descriptors, None)
    return file.getvalue()


class _File(io.BytesIO):
    def reset(self) -> None:
        self.seek(0)
        self.truncate()


def _dump(
    value: object,
    file: Gather | _File,
    process: object,
    buffer_callback: BufferCallback | None,
) -> object:
    _set_process(process)
    try:
        try:
            return _dump_with(_Pickler, value, file, buffer_callback)
        except (pickle.PicklingError, AttributeError, TypeError):
            cloud = _cloud_pickler()
            if cloud is None:
                raise
            file.reset()
            return _dump_with(cloud, value, file, buffer_callback)
    finally:
        _set_process(None)


def _dump_with(
    make: Callable[..., Any],
    value: object,
    file: Gather | _File,
    buffer_callback: BufferCallback | None,
) -> object:
    pickler = make(file, 5, True, buffer_callback)
    pickler.dump(value)
    return pickler


def dump_cloud(value: object, file: Gather, buffer_callback: BufferCallback) -> object:
    """Pickles with cloudpickle, which must be installed; gives the pickler."""
    cloud: Any = _cloud_pickler()
    return _dump_with(cloud, value, file, buffer_callback)


def _cloud_pickler() -> Callable[..., Any] | None:
    """cloudpickle's pickler, with multiprocessing's reducers; None where it is not installed."""
    try:
        cloudpickle: Any = import_module("cloudpickle")
    except ImportError:
        return None

    class CloudPickler(cloudpickle.Pickler):  # type: ignore[misc]
        dispatch_table = cloudpickle.Pickler.dispatch_table.new_child(
            _ForkingPickler._extra_reducers
        )

        def __init__(
            self,
            file: object,
            protocol: int,
            fix_imports: bool = True,
            buffer_callback: BufferCallback | None = None,
        ) -> None:
            super().__init__(file, protocol=protocol, buffer_callback=buffer_callback)

        def reducer_override(self, obj: Any) -> Any:
            _refuse_fork_only(obj)
            reduced = _reduce(obj)
            return super().reducer_override(obj) if reduced is NotImplemented else reduced

    return CloudPickler


def tracker_descriptor() -> int | None:
    """The resource tracker's descriptor, if this program uses anything that it tracks.

    A worker without it would start a tracker of its own, and that one would remove shared
    memory that is still in use here when the worker ends.
    """
    if not sys.modules.keys() & {"multiprocessing.shared_memory", "multiprocessing.synchronize"}:
        return None
    from multiprocessing import resource_tracker  # noqa: PLC0415 (only where it is needed)

    return resource_tracker.getfd()


def receive(descriptors: list[int], tracker: int | None) -> None:
    """In a worker: takes what came with its start; `tracker` is the resource tracker's place."""
    _received.update(enumerate(descriptors))
    if tracker is not None:
        from multiprocessing import resource_tracker  # noqa: PLC0415 (only where it is needed)

        standing: Any = resource_tracker._resource_tracker
        standing._fd = _received.pop(tracker)


def close_unused() -> None:
    """In a worker, after the initializer's arguments were read: closes what nobody took."""
    while _received:
        os.close(_received.popitem()[1])

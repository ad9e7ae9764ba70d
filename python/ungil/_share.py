"""`ungil.share`: one copy in shared memory for many tasks."""

from __future__ import annotations

import pickle
from types import TracebackType
from typing import Any, Generic, TypeVar, final

from ungil import _shared_memory
from ungil._pickling import Pickler
from ungil._shared_memory import Memory
from ungil._ungil import _hold, _set_shared_class

T = TypeVar("T")


def share(value: T, *, writable: bool = False) -> Shared[T]:
    """Puts a NumPy array, or anything made of large buffers, into shared memory, once.

    Pass what this returns to any number of tasks of any pool on this machine, on its own or inside
    of other arguments: they get the value itself, whose arrays, memoryviews and Arrow buffers are
    views of that memory. Nothing is copied, and a worker attaches to it once.

    writable: whether the views can be written to, by all and seen by all; locks are the
        program's business (`ungil.sync`). Otherwise the kernel refuses every write. What was
        read-only before it was shared stays so.

    The memory goes when it has been closed, or the `Shared` is gone, and the last task that
    was given it and the last view are gone too. Nothing is left behind, however a process ends.

    Raises what pickle raises for a value that it does not take, and `MemoryError`.
    """
    return Shared(value, writable)


class _Pieces(list[Any]):
    """A file for a pickler: what is large stays where it is until it is copied."""

    write = list.append


@final
class Shared(Generic[T]):
    """A value in shared memory; `ungil.share` makes it. A context manager that closes it."""

    __slots__ = ("__weakref__", "_memory")

    def __init_subclass__(cls) -> None:
        raise TypeError("ungil.Shared cannot be subclassed")

    def __init__(self, value: T, writable: bool) -> None:
        stream = _Pieces()
        buffers: list[pickle.PickleBuffer] = []
        # Named: its memo keeps what the pieces are parts of.
        pickler = Pickler(stream, 5, buffer_callback=buffers.append)
        pickler.dump(value)
        parts = [buffer.raw() for buffer in buffers]
        self._memory: Memory | None = Memory(stream, parts, writable)
        del pickler

    @property
    def value(self) -> T:
        """The value, on views of the shared memory. It stays valid after `close`.

        Raises `ValueError` when it is closed.
        """
        value: T = _shared_memory.attach(self._open().address)
        return value

    @property
    def nbytes(self) -> int:
        """Bytes of shared memory that it takes."""
        return self._open().nbytes

    @property
    def writable(self) -> bool:
        """Whether its views can be written to."""
        return self._open().writable

    @property
    def closed(self) -> bool:
        return self._memory is None

    def close(self) -> None:
        """Lets go of the memory. Tasks that were given it can still use it; no new ones can."""
        self._memory = None

    def __enter__(self) -> Shared[T]:
        self._open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        memory = self._open()
        # A pool's task keeps the memory until it has ended. The result of a worker cannot: it
        # may be read when the worker is long gone, so it has the value.
        if not _hold(memory) and _shared_memory.is_worker():
            return _shared_memory.itself, (self.value,)
        return _shared_memory.attach, (memory.address,)

    def __repr__(self) -> str:
        if self._memory is None:
            return "<ungil.Shared, closed>"
        kind = "writable" if self._memory.writable else "read-only"
        return f"<ungil.Shared, {self._memory.nbytes} bytes, {kind}>"

    def _open(self) -> Memory:
        if self._memory is None:
            raise ValueError("this ungil.Shared is closed: share the value again")
        return self._memory


def unwrapped(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call's arguments with values in the place of what is shared, for pools without pickling."""
    return tuple(map(_value, args)), {name: _value(value) for name, value in kwargs.items()}


def _value(value: Any) -> Any:
    return value.value if type(value) is Shared else value


_set_shared_class(Shared)

"""Memory that several processes see: filled once by its creator, found by its address.

A memory is a memfd, sealed against growing and shrinking (and, unless it shall be writable,
against writing), without a name in the file system: whoever may open `/proc/PID/fd` of its creator
can attach to it, which is the same user, and it ends with the last process that uses it. The
creator's open descriptor says that there may be more users to come.

Imports nothing of the package: worker interpreters load this file alone.

    | magic, cookie, counts | length of each part: u64 ... | stream | pad | buffer 0 | pad | ...
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import pickle
import struct
import weakref
from array import array

TYPE_CHECKING = False  # `typing` takes a quarter of a worker's start
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_NAME = "ungil-share"
_MAGIC = b"ungilsh1"
# Magic, cookie, number of stream pieces and of buffers.
_HEAD = struct.Struct("=8s16sQQ")
_ALIGN = 64
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW

Address = tuple[int, int, bytes, bool]


class Memory:
    """A memory that this process has made."""

    def __init__(self, stream: Sequence[Any], buffers: Sequence[Any], writable: bool) -> None:
        self.pid = os.getpid()
        self.cookie = os.urandom(16)
        self.writable = writable
        self.descriptor = os.memfd_create(_NAME, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            self.nbytes = self._fill(stream, buffers)
            seals = _SEALS | (0 if writable else fcntl.F_SEAL_WRITE)
            fcntl.fcntl(self.descriptor, fcntl.F_ADD_SEALS, seals | fcntl.F_SEAL_SEAL)
        except BaseException:
            os.close(self.descriptor)
            self.descriptor = -1
            raise

    def _fill(self, stream: Sequence[Any], buffers: Sequence[Any]) -> int:
        """Copies everything in; gives the size of the file."""
        parts = [memoryview(part).cast("B") for part in (*stream, *buffers)]
        head = _HEAD.pack(_MAGIC, self.cookie, len(stream), len(buffers))
        head += struct.pack(f"={len(parts)}Q", *(part.nbytes for part in parts))
        end = self._write(memoryview(head), 0)
        for number, part in enumerate(parts):
            start = end if number < len(stream) else _aligned(end)
            end = self._write(part, start)
        os.ftruncate(self.descriptor, end)
        return end

    def _write(self, part: memoryview, start: int) -> int:
        while part:
            try:
                written = os.pwrite(self.descriptor, part, start)
            except OSError as error:
                if error.errno not in {errno.ENOSPC, errno.ENOMEM}:
                    raise
                raise MemoryError(
                    f"the machine has no shared memory for {part.nbytes} bytes more: {error}"
                ) from error
            part = part[written:]
            start += written
        return start

    @property
    def address(self) -> Address:
        return self.pid, self.descriptor, self.cookie, self.writable

    def __del__(self) -> None:
        if getattr(self, "descriptor", -1) >= 0:
            os.close(self.descriptor)


class _Mapping(mmap.mmap):
    """A memory as this process sees it; views of it keep it."""

    path: str
    identity: tuple[int, int]

    def __new__(cls, address: Address) -> _Mapping:
        pid, descriptor, cookie, writable = address
        path = f"/proc/{pid}/fd/{descriptor}"
        try:
            if not os.readlink(path).startswith(f"/memfd:{_NAME}"):
                raise _gone(pid)
            mode = os.O_RDWR if writable else os.O_RDONLY
            file = os.open(path, mode | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise _gone(pid) from error
        try:
            status = os.fstat(file)
            if fcntl.fcntl(file, fcntl.F_GET_SEALS) & _SEALS != _SEALS or not status.st_size:
                raise _gone(pid)  # it could shrink under our feet
            protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
            self = super().__new__(cls, file, status.st_size, mmap.MAP_SHARED, protection)
        finally:
            os.close(file)
        if self[: len(_MAGIC) + len(cookie)] != _MAGIC + cookie:
            raise _gone(pid)
        self.path = path
        self.identity = status.st_dev, status.st_ino
        return self

    def is_wanted(self) -> bool:
        """Whether its creator still has it open."""
        try:
            status = os.stat(self.path)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self.identity

    def value(self) -> Any:
        """The object, built anew on views of the memory."""
        whole = memoryview(self)
        _, _, pieces, buffers = _HEAD.unpack_from(whole)
        lengths = struct.unpack_from(f"={pieces + buffers}Q", whole, _HEAD.size)
        start = _HEAD.size + 8 * len(lengths)
        end = start + sum(lengths[:pieces])
        stream = whole[start:end]
        views = []
        for length in lengths[pieces:]:
            start = _aligned(end)
            end = start + length
            views.append(whole[start:end])
        return pickle.loads(stream, buffers=views)


def _gone(pid: int) -> RuntimeError:
    return RuntimeError(
        f"what process {pid} has shared with ungil.share() cannot be reached from process "
        f"{os.getpid()}: it was closed, its process has ended, or that process is on another "
        "machine or another user's. Keep the ungil.Shared until the task has begun; to other "
        "machines pass the object itself"
    )


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGN) * _ALIGN


# What this process has mapped, as long as somebody views it.
_mapped: weakref.WeakValueDictionary[bytes, _Mapping] = weakref.WeakValueDictionary()
# In workers: the memories that tasks have attached to, for the tasks to come.
_kept: dict[bytes, _Mapping] = {}
_keeping = False


def keep() -> None:
    """From now on this process is a worker, which keeps what it has attached to until `sweep`."""
    global _keeping
    _keeping = True


def is_worker() -> bool:
    return _keeping


def attach(address: Address) -> Any:
    """The object that was shared, on views of its memory."""
    cookie = address[2]
    found = _mapped.get(cookie)
    if found is None:
        if _keeping:
            sweep()
        found = _mapped[cookie] = _Mapping(address)
    if _keeping:
        _kept[cookie] = found
    return found.value()


def sweep() -> bool:
    """Lets go of what its creators have closed; whether anything is left."""
    for cookie, mapping in list(_kept.items()):
        if not mapping.is_wanted():
            _kept.pop(cookie, None)
    return bool(_kept)


def itself(value: Any) -> Any:
    """How what a worker has shared is unpickled elsewhere: as its value."""
    return value


def view_of(buffer: Any, format: str, shape: tuple[int, ...]) -> memoryview:
    """How a memoryview is unpickled."""
    view = memoryview(buffer).cast("B")
    if not view.nbytes:
        return memoryview(array(format)) if format in "bBhHiIlLqQfd" else view
    if len(shape) == 1:
        return view.cast(format)  # type: ignore[call-overload, no-any-return]
    return view.cast(format, shape)  # type: ignore[call-overload, no-any-return]


def array_of(typecode: str, buffer: Any) -> Any:
    """How an array of the module `array` is unpickled."""
    made = array(typecode)
    made.frombytes(memoryview(buffer).cast("B"))
    return made

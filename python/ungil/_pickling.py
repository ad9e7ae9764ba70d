"""How tasks and results are pickled: large pieces leave where they are, and come as views."""

from __future__ import annotations

import io
import pickle
import sys
from array import array
from collections.abc import Callable

from ungil._shared_memory import array_of, view_of
from ungil._ungil import _reduce

TYPE_CHECKING = False  # `typing` takes a quarter of a worker's start
if TYPE_CHECKING:
    from typing import Any

# Smaller arrays gain nothing from travelling beside the pickle.
_LARGE = 32 * 1024
# The formats that memoryview.cast knows.
_FORMATS = frozenset("bBhHiIlLqQnNfdcP?")

BufferCallback = Callable[[pickle.PickleBuffer], object]


class Pickler(pickle.Pickler):
    """pickle's own, which also takes what `special` knows."""

    reducer_override: Any = _reduce


def dumps(value: object, protocol: int, buffer_callback: BufferCallback) -> bytes:
    """`pickle.dumps` by this pickler."""
    file = io.BytesIO()
    Pickler(file, protocol, buffer_callback=buffer_callback).dump(value)
    return file.getvalue()


def special(obj: Any) -> Any:
    """The reduction of an object that pickle refuses or copies needlessly; else NotImplemented."""
    kind = type(obj)
    if kind is memoryview:
        return _reduce_view(obj)
    if kind is array and len(obj) * obj.itemsize >= _LARGE:
        return array_of, (obj.typecode, pickle.PickleBuffer(obj))
    if kind is _class_of("numpy", "ndarray"):
        if obj.nbytes >= _LARGE and not obj.flags.forc:
            # NumPy would go through bytes, which its receiver copies once more.
            return sys.modules["numpy"].ascontiguousarray(obj).__reduce_ex__(5)
    elif kind is _class_of("multiprocessing.connection", "Connection"):
        # Plain pickle would send the descriptor's number, which means something else over there.
        return sys.modules["multiprocessing.connection"].reduce_connection(obj)
    return NotImplemented


def _class_of(module: str, name: str) -> Any:
    return getattr(sys.modules.get(module), name, ...)


def _reduce_view(view: memoryview) -> Any:
    if view.format.removeprefix("@") not in _FORMATS:
        raise TypeError(
            f"a memoryview with the format {view.format!r} cannot be sent, because Python cannot "
            "make one at the other end: send the object that it views, or view.cast('B')"
        )
    if not view.c_contiguous:
        whole = view.tobytes() if view.readonly else bytearray(view)
        return view_of, (pickle.PickleBuffer(whole), view.format, view.shape)
    return view_of, (pickle.PickleBuffer(view), view.format, view.shape)

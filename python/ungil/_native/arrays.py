"""Arrays that native code has made."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ungil._ungil import _NativeMemory


class Interface:
    """What NumPy asks for an array's memory; the array refers to it, and it to the memory."""

    __slots__ = ("__array_interface__", "memory")

    def __init__(self, memory: _NativeMemory, interface: dict[str, Any]) -> None:
        self.memory = memory
        self.__array_interface__ = interface


def array(
    memory: _NativeMemory,
    address: int,
    format: str,
    shape: tuple[int, ...],
    strides: tuple[int, ...] | None,
) -> Any:
    """The NumPy array of this memory."""
    interface = {
        "version": 3,
        "data": (address, False),
        "typestr": format,
        "shape": shape,
        "strides": strides,
    }
    return import_module("numpy").asarray(Interface(memory, interface))

"""Numbers of fixed width as annotations in native functions: `int8`, `uint64`, `float32`, ...

A parameter, a variable or a result that is annotated so is a Python `int` (`float`) all the time;
what does not fit raises `OverflowError` where it is passed, assigned or returned, and `float32`
rounds to the nearest float of 32 bits there. `uint64` reaches up to 2**63 - 1, as far as native
ints do. Python itself takes no notice of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

__all__ = [
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
]


@dataclass(frozen=True)
class Width:
    """What an annotation adds to `int` or `float`: NumPy's name of the type."""

    name: str


int8 = Annotated[int, Width("int8")]
"""-128 to 127."""
int16 = Annotated[int, Width("int16")]
"""-32,768 to 32,767."""
int32 = Annotated[int, Width("int32")]
"""-2**31 to 2**31 - 1."""
int64 = Annotated[int, Width("int64")]
"""-2**63 to 2**63 - 1: as every int of native code."""
uint8 = Annotated[int, Width("uint8")]
"""0 to 255."""
uint16 = Annotated[int, Width("uint16")]
"""0 to 65,535."""
uint32 = Annotated[int, Width("uint32")]
"""0 to 2**32 - 1."""
uint64 = Annotated[int, Width("uint64")]
"""0 to 2**63 - 1: as far as ints of native code reach."""
float32 = Annotated[float, Width("float32")]
"""Rounded to the nearest float of 32 bits."""
float64 = Annotated[float, Width("float64")]
"""As every float."""

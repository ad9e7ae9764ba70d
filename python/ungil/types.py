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
int16 = Annotated[int, Width("int16")]
int32 = Annotated[int, Width("int32")]
int64 = Annotated[int, Width("int64")]
uint8 = Annotated[int, Width("uint8")]
uint16 = Annotated[int, Width("uint16")]
uint32 = Annotated[int, Width("uint32")]
uint64 = Annotated[int, Width("uint64")]
float32 = Annotated[float, Width("float32")]
float64 = Annotated[float, Width("float64")]

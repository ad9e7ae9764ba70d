"""`Future`: a call's result to come."""

from __future__ import annotations

from concurrent.futures import Future as _StandardFuture
from typing import NoReturn, TypeVar

from ungil import _ungil

T = TypeVar("T")


class Future(_ungil.FutureBase, _StandardFuture[T]):
    """A call's future result; a `concurrent.futures.Future` in every respect."""

    def __init__(self) -> None:  # the native half has no more to set up
        pass

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle a future: send its result() instead")

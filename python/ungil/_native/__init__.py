"""`@ungil.native`: compile a function to machine code that runs with the GIL released."""

from __future__ import annotations

import types

from ungil._native.errors import Refused
from ungil._native.source import source_at_once, source_of
from ungil._ungil import NativeFunction

# `typing` and the like take longer to import than a function from the cache.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar, overload

    from ungil._native.report import Report

    _F = TypeVar("_F", bound=Callable[..., Any])
else:

    def overload(function):
        return function


__all__ = ["native"]


class Native:
    """The decorator `ungil.native`; see `docs/native.md` for the language."""

    Refused = Refused

    @overload
    def __call__(
        self,
        function: _F,
        /,
        *,
        fastmath: bool = False,
        boundscheck: bool = True,
        wrap: bool = False,
        fallback: bool = False,
    ) -> _F: ...
    @overload
    def __call__(  # noqa: F811
        self,
        function: None = None,
        /,
        *,
        fastmath: bool = False,
        boundscheck: bool = True,
        wrap: bool = False,
        fallback: bool = False,
    ) -> Callable[[_F], _F]: ...
    def __call__(  # noqa: F811
        self,
        function: _F | None = None,
        /,
        *,
        fastmath: bool = False,
        boundscheck: bool = True,
        wrap: bool = False,
        fallback: bool = False,
    ) -> _F | Callable[[_F], _F]:
        """Compile `function` when it is first called with arguments of some types.

        `fastmath`: floats may be reordered and taken for finite. `boundscheck=False`: indices are
        trusted. `wrap`: ints of 64 bits wrap around instead of raising `OverflowError`. `fallback`:
        Python runs what is not in the language, with a `RuntimeWarning`.

        Raises `TypeError` for what is not a function of Python, `native.Refused` where its source
        is not to be had; what is not in the language is refused when it is first called.
        """
        options: dict[str, Any] = {
            "fastmath": fastmath,
            "boundscheck": boundscheck,
            "wrap": wrap,
            "fallback": fallback,
        }
        if function is None:
            return lambda function: compiled_when_called(function, **options)  # type: ignore[return-value]
        return compiled_when_called(function, **options)

    def report(self, function: Callable[..., Any], /) -> Report:
        """What `function` was compiled to: types, checks, size, IR. Compiled by its first call."""
        from ungil._native.report import Report  # noqa: PLC0415

        if not isinstance(function, NativeFunction):
            raise TypeError(f"report() takes a native function, not {type(function).__name__}")
        return Report(function)

    def __repr__(self) -> str:
        return "ungil.native"


def compiled_when_called(function: Callable[..., Any], **options: Any) -> NativeFunction:
    if isinstance(function, NativeFunction):
        function = function.__wrapped__
    if not isinstance(function, types.FunctionType):
        raise TypeError(
            f"native() takes a function that is written in Python, not {type(function).__name__}"
        )
    code = function.__code__
    if code.co_name == "<lambda>":
        raise Refused(
            f"{function.__qualname__} at {code.co_filename}:{code.co_firstlineno} is a lambda: "
            "native functions are compiled from a definition. Write `def name(...): ...`"
        )
    quick = source_at_once(function)
    if quick is not None:
        try:
            return NativeFunction(function, *quick, **options)
        except Refused:
            pass  # `inspect` may find more of it
    return NativeFunction(function, *source_of(function), **options)


def compiled_for(function: Callable[..., Any], arguments: tuple[Any, ...]) -> NativeFunction:
    """`function` as native code, compiled for arguments like these: for `ungil compare`."""
    known: Any = function
    if not isinstance(function, NativeFunction):
        known = getattr(function, KEPT, None) or native(function)
        setattr(function, KEPT, known)
    compiled: NativeFunction = known
    compiled.compile(*arguments)
    return compiled


KEPT = "__ungil_native__"
"""The attribute of a function that has its native version."""


native = Native()

"""What of a call does not pickle, as a sentence with the remedy."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def label(fn: object) -> str:
    """A function's name for messages; for a wrapper that of what it wraps."""
    fn = getattr(fn, "__wrapped__", fn)
    name = getattr(fn, "__qualname__", None)
    module = getattr(fn, "__module__", None)
    if name is None:
        return type(fn).__name__
    return str(name) if module in (None, "builtins", "__main__") else f"{module}.{name}"


def unpicklable(
    fn: object,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    where: str,
    error: BaseException,
    dumps: Callable[[Any], object],
) -> pickle.PicklingError:
    """The error of a call that cannot be sent `where`; `dumps` is what it failed with."""
    innermost = error
    while (deeper := innermost.__cause__ or innermost.__context__) is not None:
        innermost = deeper
    for name, value in [*enumerate(args), *((f'"{key}"', kwargs[key]) for key in kwargs)]:
        try:
            dumps(value)
        except Exception:
            what = f"argument {name} (a {type(value).__name__}) of {label(fn)}"
            remedy = "Pass plain data instead (a path rather than an open file, say)"
            break
    else:
        what = label(fn)
        remedy = "Move it to the top level of a module, or install cloudpickle"
    made = pickle.PicklingError(
        f"{what} cannot be pickled for {where}: {innermost}. {remedy}, or use threads, which need "
        "no pickling"
    )
    made.__cause__ = error.with_traceback(None)
    return made

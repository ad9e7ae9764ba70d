"""`functools.cache` and `lru_cache` in a model: written in C, they hide that two threads may both
miss, and both call the function.

Each cache that was empty before has a twin in each run, which is looked at in one step and changed
in another one; the cache itself is left as it is.
"""

import functools
from collections.abc import Callable
from typing import Any

from ungil._ungil import race as _native


class _Twin:
    def __init__(self, wrapper: Any) -> None:
        self._wrapper = wrapper
        self._function: Callable[..., Any] = wrapper.__wrapped__
        parameters = wrapper.cache_parameters()
        self._most, self._typed = parameters["maxsize"], parameters["typed"]
        self._what = f"cache of {getattr(self._function, '__name__', '?')}"
        self._kept: dict[Any, Any] = {}

    def __call__(self, *args: Any, **named: Any) -> Any:
        if self._most == 0:
            return self._function(*args, **named)
        key = functools._make_key(args, named, self._typed)
        _native.look(self._wrapper, self._what, True)
        if key in self._kept:
            value = self._kept[key]
            if self._most is not None:  # what was used last goes last
                self._kept[key] = self._kept.pop(key)
            return value
        value = self._function(*args, **named)
        _native.sync_point(self._wrapper, "changes", self._what, True)
        if self._most is None:
            self._kept[key] = value
        elif key not in self._kept:
            if len(self._kept) >= self._most:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = value
        return value

    def clear(self, _: object) -> None:
        _native.sync_point(self._wrapper, "changes", self._what, True)
        self._kept.clear()


# By the address of each cache, which is kept alive; `None` for those that were filled before.
_twins: dict[int, tuple[object, _Twin | None]] = {}


def follow(wrapper: Any, clears: bool) -> Callable[..., Any] | None:
    """What is called instead of a cache, or of its `cache_clear`; `None` for the cache itself."""
    found = _twins.get(id(wrapper))
    if found is None:
        twin = None if wrapper.cache_info().currsize else _Twin(wrapper)
        found = _twins[id(wrapper)] = (wrapper, twin)
    twin = found[1]
    return twin.clear if clears and twin is not None else twin


def forget() -> None:
    """A new run begins."""
    _twins.clear()

"""Methods of Python classes that are replaced while models run."""

import sys
from collections.abc import Callable, Sequence
from types import CodeType, FunctionType
from typing import Any

from ungil._ungil import race as _native

Method = tuple[type, str, Any]


class Patches:
    """Methods, what takes their place, and what they were."""

    def __init__(self, methods: Sequence[Method]) -> None:
        self._methods = methods
        self._originals = {
            (owner.__name__, name): owner.__dict__.get(name) for owner, name, _ in methods
        }
        self.applied = False
        named = set()
        for _, name, method in methods:
            if isinstance(method, FunctionType) and method not in named:
                method.__name__ = name  # threads are named by what they run
                named.add(method)

    def original(self, owner: str, name: str) -> Any:
        """What the class of that name has had; `None` where it inherits it."""
        return self._originals[owner, name]

    def apply(self) -> None:
        if not self.applied:
            for owner, name, method in self._methods:
                setattr(owner, name, method)
            self.applied = True

    def undo(self) -> None:
        if not self.applied:
            return
        for owner, name, _ in self._methods:
            original = self._originals[owner.__name__, name]
            if original is None:
                delattr(owner, name)  # it was inherited
            else:
                setattr(owner, name, original)
        self.applied = False


def followed(methods: Sequence[Method]) -> Patches:
    """Lets threads of models run other functions in the place of Python's; what has to be put into
    the classes for that, and only while models run.

    Each function is called with the method's arguments; where it returns NotImplemented, the method
    runs after all. From 3.12 on nothing has to be put into a class where the method is the one that
    the class was made with.
    """
    replaced: list[Method] = []
    for owner, name, follow in methods:
        code = _own_code(owner, name)
        if code is None or sys.version_info < (3, 12):
            replaced.append((owner, name, _asking(owner.__dict__[name], follow)))
        else:
            _native.replace(code, follow, _returns.__code__, _raises.__code__)
    return Patches(replaced)


def _own_code(owner: type, name: str) -> CodeType | None:
    method = owner.__dict__[name]
    code = method.__code__ if isinstance(method, FunctionType) else None
    file = getattr(sys.modules[owner.__module__], "__file__", None)
    return code if code is not None and code.co_filename == file else None


def _asking(original: Any, follow: Callable[..., Any]) -> Callable[..., Any]:
    """A method that asks who calls."""

    def method(self: Any, /, *args: Any, **options: Any) -> Any:
        if _native.running() is not None:
            result = follow(self, *args, **options)
            if result is not NotImplemented:
                return result
        return original(self, *args, **options)

    return method


def _returns(value: Any) -> Any:
    return value


def _raises(error: BaseException) -> None:
    raise error

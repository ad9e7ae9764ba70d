"""Methods of Python classes that are replaced while models run."""

from collections.abc import Sequence
from types import FunctionType
from typing import Any

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

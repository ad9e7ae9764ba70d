"""Where the programs of the suite enter their names."""

from collections.abc import Callable
from dataclasses import dataclass, field

Model = Callable[[], object]


@dataclass(frozen=True)
class Program:
    """A model; the kind of finding that it has to lead to, `None` where it is correct.

    `benign` are the names of its variables that threads are meant to touch without a lock.
    """

    model: Model
    kind: str | None
    benign: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        return self.model.__name__


BUGGY: list[Program] = []
CORRECT: list[Program] = []


def bug(kind: str) -> Callable[[Model], Model]:
    """The model fails under some schedule, in this way."""

    def note(model: Model) -> Model:
        BUGGY.append(Program(model, kind))
        return model

    return note


def correct(*benign: str) -> Callable[[Model], Model]:
    """The model never fails, and is small enough to be proved."""

    def note(model: Model) -> Model:
        CORRECT.append(Program(model, None, benign))
        return model

    return note
